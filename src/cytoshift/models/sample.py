"""A few tiles of a slide, or of what is in view, and the numbers that describe their colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.engine.derived import DerivedSlide
from cytoshift.engine.findings import Box
from cytoshift.engine.operator import ImageOperator, Needs
from cytoshift.engine.view import View
from cytoshift.metrics.lab import lab_from_rgb
from cytoshift.slides.slide import Slide
from cytoshift.slides.tissue import find_tissue
from cytoshift.stain.colours import STAINED, StainError, White, optical_density, white_point

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

SIDE = 256
"""Side in pixels of a tile."""

COLOURS = (
    "mean L*",
    "mean a*",
    "mean b*",
    "log spread of L*",
    "log spread of a*",
    "log spread of b*",
    "mean chroma",
    "L* of the darkest 5 %",
    "L* of the glass",
    "a* of the glass",
    "b* of the glass",
)
"""What `describe_colours` measures: of stained pixels, and of the glass."""

COLOUR_FLOOR = np.array([1, 1, 1, 0.05, 0.05, 0.05, 1, 1, 1, 1, 1], np.float64)
"""Differences that mean nothing: one unit of Lab is about what an eye can just see."""

_GRID = 32  # places that are looked at along each side, at most
_COVERED = 0.1  # share of tissue that a tile should have
_CLEAR = 0.08  # optical density up to which a pixel is glass
_FEWEST = 100  # pixels from which there is something to describe


@dataclass(frozen=True, slots=True)
class Sample:
    """Tiles of a slide, spread evenly over its tissue.

    Parameters
    ----------
    name : str
        The slide's, for messages.
    original, seen : ndarray of uint8, shape (n, h, w, 3)
        The same tiles as they are, and through an operator; h and w are 256, or less on a smaller slide.
    white : tuple of float
        RGB of the slide's glass.
    """

    name: str
    original: RGB
    seen: RGB
    white: White

    def pixels(self) -> tuple[RGB, RGB]:
        """Return RGB ``(n, 3)`` of stained pixels, and of glass, as they are seen.

        Which are which is decided on the original, so that before and after are measured in the same places. Every
        second pixel along each side is looked at.

        Raises
        ------
        StainError
            When there are too few stained pixels.
        """
        original, seen = (tiles[:, ::2, ::2].reshape(-1, 3) for tiles in (self.original, self.seen))
        density = optical_density(original, self.white).max(axis=1)
        stained, glass = seen[density > STAINED], seen[density < _CLEAR]
        if len(stained) < _FEWEST:
            raise StainError(
                f"There is too little tissue here to judge the colours of {self.name}; go to where cells are."
            )
        return stained, glass

    def tiles(self) -> Iterator[Sample]:
        """Yield each tile as a sample of its own."""
        for k in range(len(self.seen)):
            yield Sample(self.name, self.original[k : k + 1], self.seen[k : k + 1], self.white)


def take_sample(
    slide: Slide, mpp: float, *, box: Box | None = None, through: ImageOperator | None = None, tiles: int = 8
) -> Sample:
    """Read a few tiles with tissue, the same ones every time.

    Parameters
    ----------
    slide : Slide
    mpp : float
        µm/px of the tiles.
    box : tuple of float, optional
        x0, y0, x1, y1 in level-0 pixels to stay within; widened to one tile where it is smaller. The whole slide
        without.
    through : ImageOperator, optional
        What the slide is seen through.
    tiles : int
        Tiles at most.

    Raises
    ------
    SlideError
        The slide has no µm/px, or cannot be read.
    StainError
        The slide is not brightfield.
    """
    if not slide.info.brightfield:
        raise StainError(f"{slide.name} is not a brightfield slide, so its stain cannot be compared.")
    needs = Needs(mpp=mpp)
    view = View.of(slide, needs)
    height, width = min(SIDE, view.level.height), min(SIDE, view.level.width)
    places = _places(slide, view, box, tiles)
    original = np.stack([view.read(y, x, height, width) for y, x in places])
    seen = original
    if through is not None:
        there = View.of(DerivedSlide(slide, through), needs)
        seen = np.stack([there.read(y, x, height, width) for y, x in places])
    return Sample(slide.name, original, seen, white_point(slide))


def _places(slide: Slide, view: View, box: Box | None, tiles: int) -> list[tuple[int, int]]:
    """Return y, x of tiles with tissue in pixels of the raster, evenly spread."""
    left, top, right, bottom = (0.0, 0.0, np.inf, np.inf) if box is None else view.raster(box).tolist()
    rows = _starts(top, bottom, view.level.height)
    columns = _starts(left, right, view.level.width)
    places = [(y, x) for y in rows for x in columns]
    tissue = find_tissue(slide)
    covered = np.array([tissue.covered(*view.level0((x, y, x + SIDE, y + SIDE)).tolist()) for y, x in places])
    best = np.flatnonzero(covered >= min(_COVERED, covered.max() / 2))
    spread = np.linspace(0, len(best) - 1, min(tiles, len(best))).round().astype(int)
    return [places[k] for k in best[spread]]


def _starts(low: float, high: float, limit: int) -> list[int]:
    """Return where tiles begin along one axis of a raster, side by side or spread evenly."""
    low, high = max(low, 0.0), min(high, float(limit))
    if high - low < SIDE:
        low = min(max((low + high - SIDE) / 2, 0.0), max(limit - SIDE, 0))
        high = low + SIDE
    count = min(int(np.ceil((high - low) / SIDE)), _GRID)
    starts: list[int] = np.linspace(low, max(high - SIDE, low), count).astype(int).tolist()
    return starts


def describe_colours(sample: Sample) -> FloatArray:
    """Return the numbers that `COLOURS` names; StainError where there is too little tissue."""
    stained, glass = sample.pixels()
    lab = lab_from_rgb(stained / 255)
    clear = np.median(glass, axis=0) if len(glass) >= _FEWEST else np.array(sample.white)
    chroma = np.hypot(lab[:, 1], lab[:, 2]).mean()
    dark = np.percentile(lab[:, 0], 5)
    return np.concatenate([lab.mean(axis=0), np.log(lab.std(axis=0) + 1), [chroma, dark], lab_from_rgb(clear / 255)])
