"""The tile grid: where an operator's tiles lie on its raster, anchored at (0, 0) whatever the region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import overload

import numpy as np
import numpy.typing as npt

from cytoshift.engine.findings import Box
from cytoshift.engine.operator import Needs


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a grid, in pixels of the raster.

    Parameters
    ----------
    index : int
        Place in row-major order.
    y, x : int
        Upper left pixel of the core.
    height, width : int
        Size of the core that lies on the raster; smaller than the grid's tile at the far edges.
    """

    index: int
    y: int
    x: int
    height: int
    width: int

    @property
    def core(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of the core, half-open."""
        return (self.x, self.y, self.x + self.width, self.y + self.height)


Shard = tuple[Tile, ...]
"""The unit of work: tiles that follow each other in row order."""


@dataclass(frozen=True, slots=True)
class TileGrid:
    """Tiles of one size that cover a raster from (0, 0).

    Parameters
    ----------
    height, width : int
        Size of the raster in pixels.
    tile : int
        Side of a core, a multiple of the operator's alignment.
    halo : int
        Context around a core, a multiple of the operator's alignment.
    """

    height: int
    width: int
    tile: int
    halo: int = 0

    @classmethod
    def of(cls, height: int, width: int, needs: Needs) -> TileGrid:
        """Return the grid that an operator asks for on a raster."""
        return cls(height, width, needs.tile, needs.halo)

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.height // self.tile)

    @property
    def columns(self) -> int:
        """Columns of tiles."""
        return -(-self.width // self.tile)

    @property
    def window(self) -> int:
        """Side in pixels of what an operator is given: the core and its halo, the same for every tile."""
        return self.tile + 2 * self.halo

    @property
    def tiles(self) -> Tiles:
        """All tiles in row order."""
        return Tiles(self, np.arange(len(self), dtype=np.int32))

    def __len__(self) -> int:
        return self.rows * self.columns

    def __getitem__(self, index: int) -> Tile:
        if not 0 <= index < len(self):
            raise IndexError(f"tile {index} of {len(self)}")
        return self._at(*divmod(index, self.columns))

    def __iter__(self) -> Iterator[Tile]:
        return (self[index] for index in range(len(self)))

    def _at(self, row: int, column: int) -> Tile:
        y, x = row * self.tile, column * self.tile
        height, width = min(self.tile, self.height - y), min(self.tile, self.width - x)
        return Tile(row * self.columns + column, y, x, height, width)

    def within(self, box: Box) -> list[Tile]:
        """Return the tiles whose core shares area with a box x0, y0, x1, y1 of the raster, in row order."""
        x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], self.width), min(box[3], self.height)
        if x0 >= x1 or y0 >= y1:
            return []
        rows = range(int(y0 // self.tile), int(-(-y1 // self.tile)))
        columns = range(int(x0 // self.tile), int(-(-x1 // self.tile)))
        return [self._at(row, column) for row in rows for column in columns]


class Tiles(Sequence[Tile]):
    """Some tiles of a grid, of which only the numbers are kept: a large slide has hundreds of thousands.

    Parameters
    ----------
    grid : TileGrid
    indices : ndarray of int32
        Of the tiles, in their order.
    """

    def __init__(self, grid: TileGrid, indices: npt.NDArray[np.int32]) -> None:
        self._grid = grid
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, place: int) -> Tile: ...

    @overload
    def __getitem__(self, place: slice) -> Tiles: ...

    def __getitem__(self, place: int | slice) -> Tile | Tiles:
        if isinstance(place, slice):
            return Tiles(self._grid, self._indices[place])
        return self._grid[int(self._indices[place])]

    def where(self, holds: Callable[[Tile], bool]) -> Tiles:
        """Return the tiles of which something holds."""
        return Tiles(self._grid, np.fromiter((tile.index for tile in self if holds(tile)), np.int32))

    def without(self, others: Tiles) -> Tiles:
        """Return the tiles that are not among others."""
        return Tiles(self._grid, self._indices[~np.isin(self._indices, others._indices)])


def shards(tiles: Sequence[Tile], size: int) -> Iterator[Shard]:
    """Cut tiles into shards of a size; the last may be smaller."""
    return (tuple(tiles[start : start + size]) for start in range(0, len(tiles), size))


def rectangles(grid: TileGrid, tiles: Sequence[Tile], high: int, wide: int) -> Iterator[Shard]:
    """Gather tiles into shards, each from one rectangle of ``high`` x ``wide`` tiles; rectangles in row order."""

    def place(tile: Tile) -> tuple[int, int]:
        row, column = divmod(tile.index, grid.columns)
        return row // high, column // wide

    return (tuple(inside) for _, inside in groupby(sorted(tiles, key=place), key=place))
