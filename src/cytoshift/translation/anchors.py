"""Which tiles of a slide have moments of their own: those with tissue."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.engine.grid import TileGrid
from cytoshift.engine.view import View
from cytoshift.slides.slide import Slide
from cytoshift.slides.tissue import Tissue, find_tissue
from cytoshift.translation.errors import TranslationError

Anchors = npt.NDArray[np.bool_]
"""Tiles with moments of their own, ``(rows, columns)``."""

LEAST_TISSUE = 0.01
"""Share of tissue from which a tile has moments of its own: blank glass has none worth the name."""

LEAST_LENGTH = 0.25
"""Share of a tile's side below which the last row or column, cut off by the slide's border, has none either."""

SPREAD = 16
"""Tiles whose mean stands for a slide."""


def find_anchors(slide: Slide, view: View, grid: TileGrid) -> Anchors:
    """Return the tiles with tissue; where it is scarce, those with any.

    Raises
    ------
    TranslationError
        When the slide is all glass.
    """
    tissue = find_tissue(slide)
    shares = _tissue_shares(tissue, view, grid)
    whole = _long_enough(grid.rows, grid.height, grid.tile)[:, None] & _long_enough(grid.columns, grid.width, grid.tile)
    for anchors in ((shares >= LEAST_TISSUE) & whole, shares >= LEAST_TISSUE, shares > 0):
        if anchors.any():
            return anchors
    raise TranslationError(
        f"No tissue was found on {slide.name}, so there is nothing to translate; check its focus and µm/px, or choose "
        "another slide."
    )


def spread(anchors: Anchors) -> list[tuple[int, int]]:
    """Return the rows and columns of up to `SPREAD` tiles, evenly chosen along the slide."""
    places = np.argwhere(anchors)
    chosen = np.unique(np.linspace(0, len(places) - 1, min(SPREAD, len(places))).round().astype(int))
    return [(int(row), int(column)) for row, column in places[chosen]]


def _tissue_shares(tissue: Tissue, view: View, grid: TileGrid) -> npt.NDArray[np.float64]:
    """Return the share of tissue in every tile, all at once (`Tissue.covered` for each would take seconds)."""
    sums = np.zeros((tissue.mask.shape[0] + 1, tissue.mask.shape[1] + 1))
    sums[1:, 1:] = tissue.mask.cumsum(0, dtype=np.float64).cumsum(1)
    areas = np.ones((1, 1))
    for axis, (count, length) in enumerate(((grid.rows, grid.height), (grid.columns, grid.width))):
        edges = np.minimum(np.arange(count + 1) * grid.tile, length)
        edges = edges * view.level.downsample_yx[axis] / tissue.downsample_yx[axis]
        edges = np.clip(edges, 0, tissue.mask.shape[axis])
        low = np.minimum(edges.astype(int), tissue.mask.shape[axis] - 1)
        part = np.expand_dims(edges - low, 1 - axis)
        sums = sums.take(low, axis) * (1 - part) + sums.take(low + 1, axis) * part
        sums = np.diff(sums, axis=axis)
        areas = areas * np.expand_dims(np.diff(edges), 1 - axis)
    shares: npt.NDArray[np.float64] = np.where(areas > 0, sums / np.maximum(areas, 1e-9), 0.0)
    return shares


def _long_enough(count: int, length: int, tile: int) -> Anchors:
    long = np.ones(count, np.bool_)
    long[-1] = count == 1 or length - (count - 1) * tile >= LEAST_LENGTH * tile
    return long
