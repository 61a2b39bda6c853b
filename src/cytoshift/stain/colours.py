"""The colours of a slide's tissue and of its glass, sampled once from a low level."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from cytoshift.engine.findings import Box
from cytoshift.errors import CytoshiftError
from cytoshift.slides.coordinates import level0_from_level
from cytoshift.slides.slide import TILE, Slide
from cytoshift.slides.tissue import Tissue, find_tissue

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
White = tuple[float, float, float]

FEWEST = 1000
"""Tissue pixels below which no stain is fitted."""

MOST = 100_000
"""Tissue pixels that are used at most: a 99th percentile of so many is one between 98.94 and 99.06."""

STAINED = 0.15
"""Optical density from which a pixel counts as stained: beta of Macenko et al., ISBI 2009."""

_MANY = 10_000  # sampled pixels that are enough, so that not all have to be looked at
_TILES = 32
_LOW = 4.0  # times coarser than level 0: nuclei are still apart from cytoplasm
_ENOUGH = 1_000_000  # pixels a level has at least to be looked at instead of a finer one
_GLASS = 0.01  # share of the slide
_EVERYWHERE: Box = (0.0, 0.0, np.inf, np.inf)


class StainError(CytoshiftError):
    """A stain cannot be fitted to a slide."""


@dataclass(frozen=True, slots=True, eq=False)
class Colours:
    """Colours of a slide.

    Parameters
    ----------
    name : str
        The slide's name, for messages.
    pixels : ndarray of uint8, shape (n, 3)
        Stained pixels, RGB.
    white : tuple of float
        The glass: RGB of unstained background.
    """

    name: str
    pixels: RGB
    white: White


def optical_density(pixels: npt.ArrayLike, white: White) -> FloatArray:
    """Return ``ln((white + 1) / (pixel + 1))``, never negative: glass and what is brighter is 0.

    Parameters
    ----------
    pixels : array_like, shape (..., 3)
        RGB, 0 to 255.
    white : tuple of float
        RGB of the glass.
    """
    ratio = (np.asarray(white, np.float64) + 1) / (np.asarray(pixels, np.float64) + 1)
    return np.log(np.maximum(ratio, 1.0))


def density_table(white: White) -> FloatArray:
    """Return the optical density of every value of every channel, shape (3, 256)."""
    return np.ascontiguousarray(optical_density(np.repeat(np.arange(256.0)[:, None], 3, axis=1), white).T)


def slide_colours(slide: Slide, region: Box | None = None) -> Colours:
    """Sample the stained pixels of a slide and the colour of its glass; the same ones every time.

    Pixels come from up to 32 tiles with tissue, spread evenly, at a level at most 4 times coarser than level 0.

    Parameters
    ----------
    slide : Slide
    region : tuple of float, optional
        x0, y0, x1, y1 in level-0 pixels; only pixels in it are sampled. The glass is always the whole slide's.

    Raises
    ------
    StainError
        When the slide is not brightfield, or has fewer than 1000 stained pixels there.
    """
    colours = sampled_colours(slide, region)
    if len(colours.pixels) < FEWEST:
        where, otherwise = (
            ("shows", "choose a slide with more cells, or use 'white', which needs none")
            if region is None
            else ("shows in this region", "draw a larger one around cells")
        )
        raise StainError(
            f"{slide.name} {where} too little tissue to fit a stain to ({len(colours.pixels)} stained pixels, {FEWEST} "
            f"needed); {otherwise}."
        )
    return colours


def sampled_colours(slide: Slide, region: Box | None = None) -> Colours:
    """Sample as `slide_colours` does, however few pixels are stained.

    Raises
    ------
    StainError
        When the slide is not brightfield.
    """
    if not slide.info.brightfield:
        raise StainError(
            f"{slide.name} is not a brightfield slide, so it has no stain to normalize; look at the original."
        )
    tissue = find_tissue(slide)
    white = white_point(slide)
    box = _EVERYWHERE if region is None else region
    level = _low_level(slide, box)
    places = _tissue_tiles(slide, level, tissue, box)
    stained = np.zeros((0, 3), np.uint8)
    for step in dict.fromkeys((max(1, len(places) * TILE * TILE // (2 * MOST)), 1)):  # every row, where cells are few
        parts = [_tissue_pixels(slide, level, *place, tissue, box, white, step) for place in places]
        stained = np.concatenate([stained[:0], *parts])
        if len(stained) >= _MANY:
            break
    return Colours(slide.name, np.ascontiguousarray(stained[:: -(-len(stained) // MOST) or 1]), white)


def _low_level(slide: Slide, box: Box) -> int:
    """Return the coarsest level that still shows enough pixels of a box; the finest where none does."""
    whole = slide.levels[0]
    height, width = (level0_from_level((whole.height, whole.width), whole.downsample_yx[::-1])).tolist()
    area = max(0.0, min(box[2], width) - max(box[0], 0.0)) * max(0.0, min(box[3], height) - max(box[1], 0.0))
    low = [
        k
        for k, level in enumerate(slide.levels)
        if level.downsample <= _LOW * whole.downsample and area / level.downsample**2 >= _ENOUGH
    ]
    return max(low, default=0)


def _tissue_tiles(slide: Slide, level: int, tissue: Tissue, box: Box) -> list[tuple[int, int]]:
    """Return row and column of tiles with tissue in a box, evenly spread."""
    here = slide.levels[level]
    tiles = []
    for row in range(-(-here.height // TILE)):
        for column in range(-(-here.width // TILE)):
            y, x = row * TILE, column * TILE
            corners = (x, y, min(x + TILE, here.width), min(y + TILE, here.height))
            x0, y0, x1, y1 = level0_from_level(corners, here.downsample_yx).tolist()
            if tissue.covered(max(x0, box[0]), max(y0, box[1]), min(x1, box[2]), min(y1, box[3])) > 0:
                tiles.append((row, column))
    spread = np.linspace(0, len(tiles) - 1, min(len(tiles), _TILES)).round().astype(int)
    return [tiles[k] for k in spread]


def _tissue_pixels(
    slide: Slide, level: int, row: int, column: int, tissue: Tissue, box: Box, white: White, step: int
) -> RGB:
    """Return the stained pixels of the tissue of a tile that lie in a box, of every so many rows."""
    from cytoshift.stain.classical.sampling import stained_pixels

    tile = slide.tile(level, row, column)
    rows, columns = _places(tissue, slide.levels[level].downsample_yx, row * TILE, column * TILE, tile.shape, box)
    dark = (density_table(white) > STAINED).sum(axis=1)
    return stained_pixels(tile[::step], tissue.mask, rows[::step], columns, dark)


def _places(
    tissue: Tissue, downsample_yx: tuple[float, float], y: int, x: int, shape: tuple[int, ...], box: Box
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the rows and the columns of the tissue mask at those of a region of a level; -1 outside the box."""
    axes = []
    for axis, (start, step, coarse) in enumerate(zip((y, x), downsample_yx, tissue.downsample_yx, strict=True)):
        centres = (start + np.arange(shape[axis]) + 0.5) * step
        places = np.clip((centres / coarse).astype(np.int64), 0, tissue.mask.shape[axis] - 1)
        low, high = (box[1], box[3]) if axis == 0 else (box[0], box[2])
        axes.append(np.where((centres >= low) & (centres < high), places, -1))
    return axes[0], axes[1]


def white_point(slide: Slide) -> White:
    """Return the colour of a slide's glass.

    The median of what is no tissue; on a slide full of tissue, the 99th percentile of each channel.
    """
    from cytoshift.stain.classical.sampling import count_values

    tissue = find_tissue(slide)
    level = len(slide.levels) - 1
    here = slide.levels[level]
    step = max(1, here.height * here.width // (2 * MOST))
    glass, stained = np.zeros((2, 3, 256), np.int64)
    for row, column in product(range(-(-here.height // TILE)), range(-(-here.width // TILE))):
        tile = slide.tile(level, row, column)
        rows, columns = _places(tissue, here.downsample_yx, row * TILE, column * TILE, tile.shape, _EVERYWHERE)
        for total, counts in zip(
            (glass, stained), count_values(tile[::step], tissue.mask, rows[::step], columns), strict=True
        ):
            total += counts
    white = _percentiles(glass + stained, 0.99)
    if glass[0].sum() >= _GLASS * (glass + stained)[0].sum():
        median = _percentiles(glass, 0.5)
        if _is_glass(median / white):
            white = median
    red, green, blue = np.maximum(white, 1.0).tolist()
    return (red, green, blue)


def _percentiles(counts: npt.NDArray[np.int64], share: float) -> FloatArray:
    """Return for each channel the value that a share of the pixels does not exceed."""
    below = counts.cumsum(axis=1)
    return np.array([np.searchsorted(each, share * each[-1]) for each in below], np.float64)


def _is_glass(ratio: FloatArray) -> bool:
    """Tell glass from pale tissue by its RGB relative to the brightest: a lamp falls off alike in all channels."""
    near, shaded, alike = ratio.min() >= 0.9, ratio.min() >= 0.75, np.ptp(ratio) <= 0.03
    return bool(near or (shaded and alike))
