"""Seeing a slide through a method: it is built, fitted to the slide, and given a preview. No window is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from cytoshift.errors import ModelError
from cytoshift.slides.slide import Slide
from napari_cytoshift.background import Work
from napari_cytoshift.sights import MODEL, Choice, Sight, Vector, reference

if TYPE_CHECKING:
    from cytoshift.engine import ImageOperator
    from cytoshift.models import Registry
    from napari_cytoshift.view import Box

CLOUD = 20_000
"""Stained pixels of a slide, about, among which its stain vectors are drawn."""


def look_through(
    slide: Slide,
    choice: Choice,
    registry: Registry,
    work: Work,
    known: Sight | None = None,
    box: Box | None = None,
) -> Sight:
    """Fit a method to a slide, and a preview to a method that is learned; takes a moment.

    The coarsest level, of the preview where there is one, is then in the cache, so that nothing is ever blank.

    Parameters
    ----------
    slide : Slide
    choice : Choice
    registry : Registry
        Where models are found.
    work : Work
        Looked at for cancelling.
    known : Sight, optional
        How the slide is seen now: its fit is used again where only strength or steps are others.
    box : tuple of float, optional
        The view, x0, y0, x1, y1 in level-0 pixels: where a preview is to come nearest.

    Raises
    ------
    StainError, TranslationError, ModelError, SlideError
        When the slide cannot be seen so.
    """
    from cytoshift.engine import Blended, DerivedSlide, PreviewSlide
    from cytoshift.slides.tissue import find_tissue

    def weaker(operator: ImageOperator) -> ImageOperator:
        return operator if choice.strength == 1 else Blended(operator, choice.strength)

    if known is not None and known.slide.source is slide and known.fits(choice):
        built, fitted = (_at_steps(each, choice.steps) for each in (known.built, known.fitted))
        tissue, cloud, white, student = known.tissue, known.cloud, known.white, known.student
    else:
        built = build(choice, registry)
        fitted, student = built.prepare(slide), None
        tissue = find_tissue(slide).fraction
        cloud, white = _stained(slide, fitted)
    work.cancel.check()
    first = _at_steps(fitted, 1)
    if student is None and not fitted.pointwise:
        from cytoshift.stain.restyling.student import fit_student

        student = fit_student(first, slide, box=box)
        work.cancel.check()
    derived = DerivedSlide(slide, weaker(fitted))
    draft = DerivedSlide(slide, weaker(first)) if first.key != fitted.key else None
    preview = None if student is None else PreviewSlide(derived, weaker(student))
    quick = derived if preview is None else preview
    quick.read(len(quick.levels) - 1, 0, 0, quick.levels[-1].height, quick.levels[-1].width)
    return Sight(
        choice=choice,
        built=built,
        operator=weaker(built),
        fitted=fitted,
        slide=derived,
        tissue=tissue,
        cloud=cloud,
        white=white,
        student=student,
        preview=preview,
        draft=draft,
        note=_resampled(slide, fitted),
    )


def _at_steps(operator: ImageOperator, steps: int) -> ImageOperator:
    """Return a translator with a number of steps, sharing what is known of a slide; any other operator as it is."""
    at_steps = getattr(operator, "at_steps", None)
    return operator if at_steps is None else cast("ImageOperator", at_steps(steps))


def _resampled(slide: Slide, operator: ImageOperator) -> str:
    """Say how a slide was brought to the µm/px at which an operator works; ``""`` where it has a level of these."""
    from cytoshift.engine import View

    view, mpp = View.of(slide, operator.needs), operator.needs.mpp
    if mpp is None or slide.mpp is None or not view.resampled:
        return ""
    has = slide.mpp * slide.levels[view.source].downsample
    if has <= mpp:
        return f"Pixels of {has:.3g} µm are averaged to the {mpp:.3g} µm at which it works."
    return (
        f"{slide.name} has no finer pixels than {has:.3g} µm and this works at {mpp:.3g} µm, so that fine detail is "
        "guessed; choose a model for coarser pixels, or scan with a stronger objective."
    )


def _stained(slide: Slide, fitted: ImageOperator) -> tuple[npt.NDArray[np.float64], Vector]:
    """Return optical densities of a sample of stained pixels, where the method separates stains, and the glass."""
    from cytoshift.stain.colours import optical_density, slide_colours, white_point

    if not getattr(fitted, "stains", ()):
        return np.zeros((0, 3)), white_point(slide)
    colours = slide_colours(slide)
    pixels = colours.pixels[:: max(1, len(colours.pixels) // CLOUD)]
    return optical_density(pixels, colours.white), colours.white


def build(choice: Choice, registry: Registry) -> ImageOperator:
    """Return the operator of a choice at full strength, not bound to a slide; may read the reference."""
    from cytoshift import stain
    from cytoshift.engine import ImageOperator

    if choice.method.startswith(MODEL):
        from cytoshift.models import build_operator, find_colour_model

        model = find_colour_model(choice.method.removeprefix(MODEL), registry)
        operator = build_operator(model, steps=choice.steps)
        if not isinstance(operator, ImageOperator):
            raise ModelError(f"The model {model.card.id} changes no colours; choose a stain or a translation model.")
        return operator
    return stain.method(choice.method, reference(choice.reference, registry), stains=choice.stains or None)
