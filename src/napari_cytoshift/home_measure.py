"""Measuring how far a slide and a view of it are from what a detector was taught on. No window is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cytoshift.slides.slide import Slide
from napari_cytoshift.background import Work
from napari_cytoshift.layers.drawn_box import cut
from napari_cytoshift.view import Box

if TYPE_CHECKING:
    from cytoshift.engine.derived import DerivedSlide
    from cytoshift.engine.operator import ImageOperator, Operator
    from cytoshift.models import Card, Model, Registry
    from cytoshift.models.domain import Domain

TASK = "detector"
SLIDE_TILES = 8
VIEW_TILES = 4
"""Tiles of a view that are looked at: as many as make an answer that does not keep a person waiting."""

Known = dict[tuple[object, ...], float]
"""Distances of whole slides: by model, measure, slide and operator."""

Detector = tuple[str, "Operator"]


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances from what a model was taught on; 1 is that of the median field there.

    Parameters
    ----------
    model : str
        The model's id.
    usual : tuple of float
        Between which 90 % of the model's own fields are.
    slide, view : float or None
        As the scanner shows them; None for a view without enough tissue.
    method : str
        Title of the method through which the slide is seen; ``""`` for the original.
    slide_after, view_after : float or None
        Through that method.
    has_look : bool
        Whether the model's card also knows what its network makes of its fields.
    """

    model: str
    usual: tuple[float, float]
    slide: float
    view: float | None
    method: str = ""
    slide_after: float | None = None
    view_after: float | None = None
    has_look: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured.

    Parameters
    ----------
    slide : Slide
    view : Box or None
        In level-0 pixels; it may reach beyond the slide.
    seen : DerivedSlide or None
        The slide as it is seen through a method.
    registry : Registry
        Knows the detector in use.
    by_look : bool
        By what the detector's network makes of the tissue, where its card knows that; else by colours.
    known : dict
        What was measured before.
    detector : tuple or None
        The detector that was built before, and the digest of its weights.
    """

    slide: Slide
    view: Box | None
    seen: DerivedSlide | None
    registry: Registry
    by_look: bool
    known: Known
    detector: Detector | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it: distances, or one sentence that says why there are none; what to keep for the next time."""

    slide: Slide
    found: Distances | str
    known: Known
    detector: Detector | None


def hindrance(slide: Slide) -> str:
    """Say why a slide cannot be measured, and what to do; ``""`` where it can."""
    if not slide.info.brightfield:
        return "How far from home is measured on brightfield slides only."
    if slide.mpp is None:
        return "Say how large a pixel is, then you see here how far the slide is from what the detector knows."
    return ""


def measure(wanted: Wanted, work: Work) -> Measured:
    """Measure a slide and its view against what the detector in use was taught on; takes a moment.

    Raises
    ------
    ModelError, StainError, SlideError
        When the model, or the slide, cannot be measured.
    """
    model = wanted.registry.current(TASK)
    card = model.card
    if card.domain is None:
        words = f"{card.id} does not say what it was taught on, so there is no home to measure from."
        return Measured(wanted.slide, words, wanted.known, wanted.detector)
    by_look = wanted.by_look and card.domain.look is not None
    detector = _built(model, wanted.detector) if by_look else wanted.detector
    work.cancel.check()
    ruler = _Ruler(card, card.domain, detector[1] if by_look and detector else None, wanted)
    slide, view = ruler.measure(None)
    method, slide_after, view_after = "", None, None
    if wanted.seen is not None:
        work.cancel.check()
        operator = wanted.seen.operator
        slide_after, view_after = ruler.measure(operator)
        method = operator.title
    look = card.domain.look is not None
    found = Distances(card.id, ruler.usual, slide, view, method, slide_after, view_after, look)
    return Measured(wanted.slide, found, ruler.known, detector)


class _Ruler:
    """Measures one slide and view against one domain."""

    def __init__(self, card: Card, domain: Domain, detector: Operator | None, wanted: Wanted) -> None:
        self.known = wanted.known
        self.usual = domain.colour.usual if detector is None or domain.look is None else domain.look.usual
        self._domain, self._detector = domain, detector
        self._slide = wanted.slide
        self._box = None if wanted.view is None else cut(wanted.view, wanted.slide)
        self._key = (card.id, card.sha256, detector is None, wanted.slide.key, wanted.slide.mpp)

    def measure(self, through: ImageOperator | None) -> tuple[float, float | None]:
        """Return the distances of the whole slide and of the view, None for one without enough tissue."""
        from cytoshift.stain import StainError

        key = (*self._key, "" if through is None else through.key)
        if key not in self.known:
            self.known = {**self.known, key: self._distance(through, None, SLIDE_TILES)}
        whole = self.known[key]
        level = self._slide.levels[0]
        if self._box is None:
            return whole, None
        if self._box == (0, 0, level.width, level.height):
            return whole, whole
        try:
            return whole, self._distance(through, self._box, VIEW_TILES)
        except StainError:
            return whole, None

    def _distance(self, through: ImageOperator | None, box: Box | None, tiles: int) -> float:
        from cytoshift.models.gauge import distance

        found = distance(self._domain, self._slide, box=box, operator=self._detector, through=through, tiles=tiles)
        return found.colour if found.look is None else found.look


def _built(model: Model, before: Detector | None) -> Detector:
    """Return the operator of a model, the one built before where it is of this model."""
    from cytoshift.models import build_operator

    if before is not None and before[0] == model.card.sha256:
        return before
    return model.card.sha256, build_operator(model)
