"""The colours of a slide's tissue and of its glass, sampled once from a low level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.errors import CytoshiftError
from cytoshift.slides.coordinates import level0_from_level
from cytoshift.slides.slide import TILE, Slide
from cytoshift.slides.tissue import Tissue, find_tissue

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
White = tuple[float, float, float]

FEWEST = 1000
"""Tissue pixels below which no stain is fitted."""

MOST = 1_000_000
"""Tissue pixels that are used at most."""

STAINED = 0.15
"""Optical density from which a pixel counts as stained: beta of Macenko et al., ISBI 2009."""

_TILES = 32
_LOW = 4.0  # times coarser than level 0: nuclei are still apart from cytoplasm
_GLASS = 0.01  # share of the slide


class StainError(CytoshiftError):
    """A stain cannot be fitted to a slide."""


@dataclass(frozen=True, slots=True)
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


def slide_colours(slide: Slide) -> Colours:
    """Sample the stained pixels of a slide and the colour of its glass; the same ones every time.

    Pixels come from up to 32 tiles with tissue, spread evenly over the slide, at a level at most 4 times coarser
    than level 0.

    Raises
    ------
    StainError
        When the slide is not brightfield, or has fewer than 1000 stained pixels.
    """
    if not slide.info.brightfield:
        raise StainError(
            f"{slide.name} is not a brightfield slide, so it has no stain to normalize; look at the original."
        )
    tissue = find_tissue(slide)
    white = _white(slide, tissue)
    level = _low_level(slide)
    parts = [_tissue_pixels(slide, level, *place, tissue) for place in _tissue_tiles(slide, level, tissue)]
    pixels = np.concatenate([np.zeros((0, 3), np.uint8), *parts])
    pixels = pixels[optical_density(pixels, white).max(axis=1) > STAINED]
    if len(pixels) < FEWEST:
        raise StainError(
            f"{slide.name} shows too little tissue to fit a stain to ({len(pixels)} stained pixels, {FEWEST} needed); "
            "choose a slide with more cells, or look at the original."
        )
    return Colours(slide.name, pixels[:: -(-len(pixels) // MOST)], white)


def _low_level(slide: Slide) -> int:
    low = [
        k
        for k, level in enumerate(slide.levels)
        if level.downsample <= _LOW * slide.levels[0].downsample and level.height * level.width >= MOST
    ]
    return max(low, default=0)


def _tissue_tiles(slide: Slide, level: int, tissue: Tissue) -> list[tuple[int, int]]:
    """Return row and column of tiles with tissue, evenly spread."""
    here = slide.levels[level]
    tiles = []
    for row in range(-(-here.height // TILE)):
        for column in range(-(-here.width // TILE)):
            y, x = row * TILE, column * TILE
            box = (x, y, min(x + TILE, here.width), min(y + TILE, here.height))
            if tissue.covered(*level0_from_level(box, here.downsample_yx).tolist()) > 0:
                tiles.append((row, column))
    spread = np.linspace(0, len(tiles) - 1, min(len(tiles), _TILES)).round().astype(int)
    return [tiles[k] for k in spread]


def _tissue_pixels(slide: Slide, level: int, row: int, column: int, tissue: Tissue) -> RGB:
    tile = slide.tile(level, row, column)
    inside = _mask(tissue, slide.levels[level].downsample_yx, row * TILE, column * TILE, *tile.shape[:2])
    stained: RGB = tile[inside]
    return stained


def _mask(
    tissue: Tissue, downsample_yx: tuple[float, float], y: int, x: int, height: int, width: int
) -> npt.NDArray[np.bool_]:
    """Return the tissue mask at the pixels of a region of a level."""
    axes = [
        np.clip(((start + np.arange(size) + 0.5) * step / coarse).astype(int), 0, limit - 1)
        for start, size, step, coarse, limit in zip(
            (y, x), (height, width), downsample_yx, tissue.downsample_yx, tissue.mask.shape, strict=True
        )
    ]
    mask: npt.NDArray[np.bool_] = tissue.mask[np.ix_(*axes)]
    return mask


def _white(slide: Slide, tissue: Tissue) -> White:
    """Return the median of what is no tissue; on a slide full of tissue, the 99th percentile of each channel."""
    level = len(slide.levels) - 1
    here = slide.levels[level]
    image = slide.read(level, 0, 0, here.height, here.width)
    white = np.percentile(image.reshape(-1, 3), 99, axis=0)
    glass = image[~_mask(tissue, here.downsample_yx, 0, 0, here.height, here.width)]
    if len(glass) >= _GLASS * here.height * here.width:
        median = np.median(glass, axis=0)
        if _is_glass(median / white):
            white = median
    red, green, blue = np.maximum(white, 1.0).tolist()
    return (red, green, blue)


def _is_glass(ratio: FloatArray) -> bool:
    """Tell glass from pale tissue by its RGB relative to the brightest: a lamp falls off alike in all channels."""
    near, shaded, alike = ratio.min() >= 0.9, ratio.min() >= 0.75, np.ptp(ratio) <= 0.03
    return bool(near or (shaded and alike))
