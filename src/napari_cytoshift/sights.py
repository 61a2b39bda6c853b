"""How a slide is seen: the choice a person makes, and what comes of it. No window is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytoshift.slides.slide import Slide
from napari_cytoshift.background import Work

if TYPE_CHECKING:
    from cytoshift.engine.derived import DerivedSlide
    from cytoshift.stain import StainOperator


@dataclass(frozen=True, slots=True)
class Sight:
    """A slide as it is seen now.

    Parameters
    ----------
    method : str
        Name of the stain method.
    reference : str
        Path of the reference image; ``""`` for the one built in.
    operator : StainOperator
        The method, not bound to a slide.
    slide : DerivedSlide
        The slide seen through it.
    diagnosis : str
        What is wrong with the fit in one sentence; ``""`` when it is good.
    tissue : float
        Share of the slide that is tissue, on which the fit rests.
    """

    method: str
    reference: str
    operator: StainOperator[Any]
    slide: DerivedSlide
    diagnosis: str
    tissue: float


def look_through(slide: Slide, method: str, reference: str, work: Work) -> Sight:
    """Fit a stain method to a slide and compute its coarsest level; takes a moment, raises StainError."""
    from cytoshift import stain
    from cytoshift.engine import DerivedSlide
    from cytoshift.slides import open_slide
    from cytoshift.slides.tissue import find_tissue

    operator = stain.method(method, open_slide(Path(reference)) if reference else None)
    fitted = operator.prepare(slide)
    work.cancel.check()
    derived = DerivedSlide(slide, fitted)
    coarsest = derived.levels[-1]
    derived.read(len(derived.levels) - 1, 0, 0, coarsest.height, coarsest.width)
    return Sight(method, reference, operator, derived, fitted.diagnosis, find_tissue(slide).fraction)
