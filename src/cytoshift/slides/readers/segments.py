"""Regions put together from the tiles or strips a file stores.

Where the stored grid does not fit the grid of slide tiles, a segment is needed by several tiles: those go through a
small cache of their own, so that a strip as wide as the slide is decoded once for all tiles it crosses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache as memoize

import numpy as np

from cytoshift.slides.cache import TileCache
from cytoshift.slides.readers.source import RGB
from cytoshift.slides.slide import TILE


@memoize
def segment_cache() -> TileCache:
    """Return the cache of decoded segments that all files share."""
    return TileCache(96 << 20)


def fits_tiles(height: int, width: int) -> bool:
    """Return whether every segment of this size lies inside one slide tile."""
    return TILE % height == 0 and TILE % width == 0


def assemble(
    region: tuple[int, int, int, int],
    segment: tuple[int, int],
    fetch: Callable[[int, int], RGB | None],
) -> RGB:
    """Put a region together.

    Parameters
    ----------
    region : tuple of int
        y, x, height, width in pixels of the level.
    segment : tuple of int
        Height and width of a stored segment.
    fetch : callable
        Returns the segment of a row and a column of the stored grid, possibly cut at the edges of the level; None where
        nothing is stored, which is drawn white.
    """
    y, x, height, width = region
    high, wide = segment
    rows = range(y // high, (y + height - 1) // high + 1)
    columns = range(x // wide, (x + width - 1) // wide + 1)
    if len(rows) == len(columns) == 1:
        only = fetch(rows[0], columns[0])
        if only is not None:
            top, left = y - rows[0] * high, x - columns[0] * wide
            return np.ascontiguousarray(_checked(only, top + height, left + width)[top:, left:])
    result = np.full((height, width, 3), 255, dtype=np.uint8)
    for row in rows:
        for column in columns:
            pixels = fetch(row, column)
            if pixels is None:
                continue
            y0, x0 = row * high, column * wide
            ya, yb = max(y, y0), min(y + height, y0 + high)
            xa, xb = max(x, x0), min(x + width, x0 + wide)
            part = _checked(pixels, yb - y0, xb - x0)
            result[ya - y : yb - y, xa - x : xb - x] = part[ya - y0 :, xa - x0 :]
    return result


def _checked(pixels: RGB, height: int, width: int) -> RGB:
    if pixels.shape[0] < height or pixels.shape[1] < width or pixels.shape[2:] != (3,):
        raise ValueError(f"a stored tile has shape {pixels.shape}, less than ({height}, {width}, 3)")
    return pixels[:height, :width]
