"""How far a slide, or what is in view, is from the fields a model was trained on.

Two distances, each divided by that of the domain's own median field: of colours, and of what the model's trunk makes
of the tiles. Both are root mean squares of robust z-scores, so that no single number decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from cytoshift.engine.findings import Box
from cytoshift.engine.operator import ImageOperator, Needs, Operator
from cytoshift.errors import DataError
from cytoshift.metrics.colour import hue_histogram, rgb_histograms
from cytoshift.models.domain import Domain, Statistics, short
from cytoshift.models.sample import COLOUR_FLOOR, COLOURS, Sample, describe_colours, take_sample
from cytoshift.slides import open_slide
from cytoshift.slides.slide import Slide
from cytoshift.stain.colours import FEWEST, Colours, StainError, White
from cytoshift.stain.reference import Reference
from cytoshift.training.coco import CocoSet

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

MPP = 0.5
"""µm/px at which colours are looked at where no model says another."""

_ENOUGH = 8  # fields from which each counts as one; of fewer, each tile does
_KEPT, _POOLED = 20_000, 500_000  # stained pixels of a field, and of all, that the reference is measured on
_LOOK_FLOOR = 0.05  # of a channel's own deviation


@runtime_checkable
class Describer(Protocol):
    """A model that can say what its trunk makes of tiles."""

    @property
    def needs(self) -> Needs:
        """µm/px it works at."""

    def describe(self, tiles: RGB) -> FloatArray:
        """Return ``(n, 2 c)`` of tiles ``(n, h, w, 3)``: means of channels, then logs of their deviations."""


@dataclass(frozen=True, slots=True)
class Distance:
    """How far from home.

    Parameters
    ----------
    colour : float
        Of colours; 1 is the domain's median field.
    look : float or None
        Of what the model's trunk makes of the tiles; None without the model, or where its card knows nothing of it.
    usual_colour, usual_look : tuple of float
        Between which 90 % of the domain's own fields are; ``usual_look`` is None where ``look`` is.
    """

    colour: float
    look: float | None
    usual_colour: tuple[float, float]
    usual_look: tuple[float, float] | None


def distance(
    domain: Domain,
    slide: Slide,
    *,
    box: Box | None = None,
    operator: Operator | None = None,
    through: ImageOperator | None = None,
    tiles: int = 8,
) -> Distance:
    """Measure how far a slide is from a domain; the same every time.

    Parameters
    ----------
    domain : Domain
        Of a model's card.
    slide : Slide
        Calibrated.
    box : tuple of float, optional
        x0, y0, x1, y1 in level-0 pixels: what is in view. The whole slide without.
    operator : Operator, optional
        The model itself: with it, and where it can describe tiles, ``look`` is measured, too.
    through : ImageOperator, optional
        What the slide is seen through: the distance after normalization.
    tiles : int
        Tiles of 256 pixels that are looked at, at most.

    Raises
    ------
    SlideError
        The slide has no µm/px, or cannot be read.
    StainError
        The slide is not brightfield, or there is too little tissue.
    ModelError
        The domain was measured on another network.
    """
    sample = take_sample(slide, domain.mpp, box=box, through=through, tiles=tiles)
    colour = domain.colour.distance(describe_colours(sample))
    look, usual_look = None, None
    if domain.look is not None and isinstance(operator, Describer):
        look, usual_look = domain.look.distance(operator.describe(sample.seen).mean(axis=0)), domain.look.usual
    return Distance(colour, look, domain.colour.usual, usual_look)


def coco_slides(data: CocoSet, mpp: float, *, report: Callable[[int, int], None] | None = None) -> Iterator[Slide]:
    """Yield the fields of a data set as slides, each open until the next.

    Parameters
    ----------
    data : CocoSet
    mpp : float
        µm/px of fields that say nothing of it.
    report : callable, optional
        Receives fields done and in all.
    """
    for done, field in enumerate(data.fields):
        scale = field.mpp or mpp
        slide = open_slide(field.path)
        try:
            yield slide.calibrated((scale, scale))
        finally:
            slide.close()
        if report is not None:
            report(done + 1, len(data.fields))


def measure_domain(slides: Iterable[Slide], *, name: str, operator: Operator | None = None) -> Domain:
    """Measure the domain that fields make up.

    With fewer than eight fields that show tissue, every tile of 256 pixels counts as a field of its own.

    Parameters
    ----------
    slides : iterable of Slide
        The fields, calibrated; read one after the other.
    name : str
        What the domain is called.
    operator : Operator, optional
        The model, which is asked what it makes of the fields, where it can describe tiles.

    Raises
    ------
    DataError
        Fewer than two fields or tiles show enough tissue.
    SlideError
        A field has no µm/px, or cannot be read.
    """
    mpp = MPP if operator is None or operator.needs.mpp is None else operator.needs.mpp
    describer = operator if isinstance(operator, Describer) else None
    fields: list[_Field] = []
    parts: list[_Field] = []
    for slide in slides:
        sample = take_sample(slide, mpp)
        looks = None if describer is None else describer.describe(sample.seen)
        field = _field(sample, looks)
        if field is None:
            continue
        fields.append(field)
        if len(fields) < _ENOUGH:
            tiles = (_field(tile, None if looks is None else looks[[k]]) for k, tile in enumerate(sample.tiles()))
            parts.extend(tile for tile in tiles if tile is not None)
    return _domain(name, mpp, fields, fields if len(fields) >= _ENOUGH else parts)


@dataclass(frozen=True, slots=True)
class _Field:
    """What is kept of a field, or of one tile."""

    colours: FloatArray
    look: FloatArray | None
    rgb: FloatArray
    hue: FloatArray
    stained: RGB
    white: White


def _field(sample: Sample, looks: FloatArray | None) -> _Field | None:
    """Describe a sample; None where it shows too little tissue."""
    try:
        stained, _ = sample.pixels()
    except StainError:
        return None
    look = None if looks is None else looks.mean(axis=0)
    rgb, hue = rgb_histograms(sample.seen), hue_histogram(sample.seen)
    return _Field(describe_colours(sample), look, rgb, hue, _thinned(stained, _KEPT), sample.white)


def _domain(name: str, mpp: float, fields: list[_Field], counted: list[_Field]) -> Domain:
    if len(counted) < 2:
        raise DataError(f"{name} shows too little tissue to measure a training domain; add fields with cells.")
    looks = [field.look for field in counted if field.look is not None]
    red, green, blue = (short(channel) for channel in np.mean([field.rgb for field in fields], axis=0))
    return Domain(
        name=name,
        mpp=mpp,
        fields=len(fields),
        reference=_reference(name, fields),
        colour=Statistics.measure(np.array([field.colours for field in counted]), COLOUR_FLOOR, COLOURS),
        look=_look(np.array(looks)) if looks else None,
        rgb=(red, green, blue),
        hue=short(np.mean([field.hue for field in fields], axis=0)),
    )


def _reference(name: str, fields: list[_Field]) -> dict[str, Any] | None:
    """Measure a reference on the stained pixels of all fields, brought to the same glass; None of too few pixels."""
    white = np.median([field.white for field in fields], axis=0)
    even = [np.minimum(np.rint(field.stained * (white / field.white)), 255).astype(np.uint8) for field in fields]
    red, green, blue = white.tolist()
    pixels = _thinned(np.concatenate(even), _POOLED)
    if len(pixels) < FEWEST:
        return None
    saved: dict[str, Any] = _shortened(Reference.of(Colours(name, pixels, (red, green, blue))).to_json())
    return saved


def _shortened(value: Any) -> Any:
    """Return JSON with five significant digits."""
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _thinned(pixels: RGB, most: int) -> RGB:
    return pixels[:: max(1, -(-len(pixels) // most))]


def _look(looks: FloatArray) -> Statistics:
    middle = looks.shape[1] // 2
    deviation = np.exp(np.median(looks[:, middle:], axis=0))
    return Statistics.measure(looks, _LOOK_FLOOR * np.concatenate([deviation, np.ones(middle)]))
