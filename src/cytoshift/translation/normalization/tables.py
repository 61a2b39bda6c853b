"""Tables: the moments of one tile at every site of a generator, in one row of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float32]
"""Mean and one over the deviation, ``(2, channels of all sites)``."""


def neighbourhoods(
    tiles: Sequence[tuple[int, int]], shape: tuple[int, int], table: Callable[[int, int], Table]
) -> Table:
    """Gather the tables around tiles; beyond the grid's edge the last tile's is repeated.

    Parameters
    ----------
    tiles : sequence of (int, int)
        Rows and columns.
    shape : (int, int)
        Rows and columns of the grid.
    table : callable
        The table of the tile at a row and column.

    Returns
    -------
    ndarray of float32, shape (tiles, 2, 3, 3, channels)
    """
    around = [
        [
            [table(min(max(row + dy, 0), shape[0] - 1), min(max(column + dx, 0), shape[1] - 1)) for dx in (-1, 0, 1)]
            for dy in (-1, 0, 1)
        ]
        for row, column in tiles
    ]
    return np.moveaxis(np.array(around), 3, 1)


def per_site(table: Table, sites: Sequence[tuple[int, int]]) -> tuple[Table, ...]:
    """Cut a table into its sites, ``(2, channels)`` each."""
    ends = accumulate((channels for channels, _ in sites), initial=0)
    return tuple(table[:, start:stop] for start, stop in pairwise(ends))
