"""The bridge over a slide, step by step, as far as tiles that somebody asks for need it.

Step k has states X_k (the slide itself for k = 0) and tables, the moments of the generator in X_k. A state of step
k + 1 needs the tables of k around it, and these need the states of k under their windows: nothing ever waits for
itself. Both are computed in groups of tiles that belong together in one row, so that they have the same bytes whoever
asks for them first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from cytoshift.engine.grid import Shard, Tile, TileGrid
from cytoshift.engine.view import View
from cytoshift.translation.anchors import Anchors, spread
from cytoshift.translation.mirror import mirrored
from cytoshift.translation.normalization import Table, neighbourhoods
from cytoshift.translation.passes import RGB, Passes
from cytoshift.translation.shelf import Shelf

F = TypeVar("F", bound=np.floating[Any])

State = npt.NDArray[np.float16]

ROWS = 7
"""Rows of tiles of which a run from top to bottom needs something at once: windows reach into the next row, tables
into the one after that, and glass takes its moments from yet one more."""

TABLES_HELD, TABLES_FILED = 16 << 20, 1 << 30
STATES_HELD, STATES_FILED = 256 << 20, 2 << 30
"""Bytes of each step in memory, and in a temporary file, where a run's rows do not need more."""


class Chain:
    """States and tables of one slide.

    Parameters
    ----------
    passes : Passes
    view : View
        The slide at the generator's µm/px.
    grid : TileGrid
    anchors : ndarray of bool, shape (rows, columns)
        Tiles with moments of their own.
    batch : int
        Tiles of a row that are computed together.
    steps : int
        How many steps there are at most.
    """

    def __init__(self, passes: Passes, view: View, grid: TileGrid, anchors: Anchors, batch: int, steps: int) -> None:
        self.view = view
        self.grid = grid
        self.anchors = anchors
        self._passes = passes
        self._batch = batch
        self._ranks = np.cumsum(anchors, axis=1) - 1
        self._tables = [self._table_shelf() for _ in range(steps)]
        self._states = [self._state_shelf() for _ in range(steps)]
        self._means = Shelf((2, self._channels), np.float32, held=steps)

    def translated(self, step: int, tiles: Shard, batch: int, windows: RGB | None = None) -> tuple[Tensor, Tensor]:
        """Return the states under the windows of tiles, and the end of the bridge that is predicted from them.

        Parameters
        ----------
        step : int
        tiles : tuple of Tile
        batch : int
            Tiles that the generator is given at once; the last of `tiles` is repeated to fill it up.
        windows : ndarray of uint8, shape (batch, window, window, 3), optional
            The slide under the tiles where somebody has read it.

        Returns
        -------
        Tensor, Tensor
            Float32, ``(batch, 3, y, x)``, -1 to 1.
        """
        tiles = _filled(tiles, batch)
        images = self._images(step, tiles, windows)
        where = [divmod(tile.index, self.grid.columns) for tile in tiles]
        tables = neighbourhoods(where, self.anchors.shape, lambda row, column: self.table(step, row, column))
        return images, self._passes.translate(images, step, self._places(tiles), tables)

    def table(self, step: int, row: int, column: int) -> Table:
        """Return a tile's table; that of glass is the mean of its neighbours' with tissue, or the slide's mean."""
        if self.anchors[row, column]:
            return self._own_table(step, row, column)
        rows, columns = self.anchors.shape
        around = [
            self._own_table(step, y, x)
            for y in range(max(row - 1, 0), min(row + 2, rows))
            for x in range(max(column - 1, 0), min(column + 2, columns))
            if self.anchors[y, x]
        ]
        return _mean(around) if around else self._slide_mean(step)

    def peek(self, step: int, row: int, column: int) -> Table | None:
        """Return a tile's own table if it is known; never computes."""
        if not self.anchors[row, column]:
            return None
        group, place = divmod(int(self._ranks[row, column]), self._batch)
        tables = self._tables[step].peek((row, group))
        return None if tables is None else tables[place]

    def _own_table(self, step: int, row: int, column: int) -> Table:
        group, place = divmod(int(self._ranks[row, column]), self._batch)
        columns = np.flatnonzero(self.anchors[row])
        tables = self._tables[step].get((row, group), lambda: self._collect(step, self._group(row, columns, group)))
        own: Table = tables[place]
        return own

    def _collect(self, step: int, tiles: Shard) -> Table:
        images = self._images(step, tiles)
        return self._padded(self._passes.collect(images, step, self._places(tiles), _extents(tiles))[0])

    def _state(self, step: int, row: int, column: int) -> State:
        """Return the core of a tile in a step after the first."""
        group, place = divmod(column, self._batch)
        columns = np.arange(self.grid.columns)
        states = self._states[step].get((row, group), lambda: self._advance(step - 1, self._group(row, columns, group)))
        state: State = states[place]
        return state

    def _advance(self, step: int, tiles: Shard) -> State:
        images, predicted = self.translated(step, tiles, len(tiles))
        halo, side = self.grid.halo, self.grid.tile
        core = (..., slice(halo, halo + side), slice(halo, halo + side))
        places = [(tile.y, tile.x) for tile in tiles]
        states = self._passes.advance(images[core], predicted[core], step, places)
        return self._padded(states.permute(0, 2, 3, 1).half().cpu().numpy())

    def _padded(self, arrays: npt.NDArray[F]) -> npt.NDArray[F]:
        """Return arrays of a group with zeros for the tiles that it lacks, as shelves have one shape."""
        return np.pad(arrays, [(0, self._batch - len(arrays)), *[(0, 0)] * (arrays.ndim - 1)])

    def _images(self, step: int, tiles: Shard, windows: RGB | None = None) -> Tensor:
        """Return what lies under the windows of tiles; beyond the slide's border it is mirrored."""
        level = self.view.level
        each: list[npt.NDArray[Any]] = []
        for place, tile in enumerate(tiles):
            if step:
                window: npt.NDArray[Any] = self._state_window(step, tile)
            else:
                window = self.view.window(self.grid, tile) if windows is None else windows[place]
            each.append(mirrored(window, *self._corner(tile), level.height, level.width))
        return self._passes.tensor(np.stack(each))

    def _state_window(self, step: int, tile: Tile) -> State:
        """Put a window together from the cores of tiles; what lies beyond the slide is left as it is."""
        y, x = self._corner(tile)
        side = self.grid.window
        window = np.zeros((side, side, 3), np.float16)
        for other in self.grid.within((x, y, x + side, y + side)):
            core = self._state(step, *divmod(other.index, self.grid.columns))
            ya, yb = max(y, other.y), min(y + side, other.y + other.height)
            xa, xb = max(x, other.x), min(x + side, other.x + other.width)
            window[ya - y : yb - y, xa - x : xb - x] = core[ya - other.y : yb - other.y, xa - other.x : xb - other.x]
        return window

    def _slide_mean(self, step: int) -> Table:
        """Return the mean table of a few tiles with tissue, each taken through the bridge as if it were alone."""
        return self._means.get(step, lambda: self._lone_mean(step))

    def _lone_mean(self, last: int) -> Table:
        columns = self.grid.columns
        chosen = [self.grid[row * columns + column] for row, column in spread(self.anchors)]
        tables: list[Table] = []
        for start in range(0, len(chosen), self._batch):
            tiles = tuple(chosen[start : start + self._batch])
            states, places = self._images(0, tiles), self._places(tiles)
            for step in range(last + 1):
                table, predicted = self._passes.collect(states, step, places, _extents(tiles))
                if step < last:
                    states = self._passes.advance(states, predicted, step, places)
            tables.extend(table)
        return _mean(tables)

    def _group(self, row: int, columns: npt.NDArray[np.intp], group: int) -> Shard:
        """Return the tiles of a row that are computed together; the last group may have fewer."""
        some = columns[group * self._batch : (group + 1) * self._batch]
        return tuple(self.grid[row * self.grid.columns + int(column)] for column in some)

    def _corner(self, tile: Tile) -> tuple[int, int]:
        return tile.y - self.grid.halo, tile.x - self.grid.halo

    def _places(self, tiles: Shard) -> list[tuple[int, int]]:
        return [self._corner(tile) for tile in tiles]

    @property
    def _channels(self) -> int:
        return sum(channels for channels, _ in self._passes.sites)

    def _table_shelf(self) -> Shelf[np.float32]:
        shape = (self._batch, 2, self._channels)
        return self._shelf(shape, np.float32, TABLES_HELD, TABLES_FILED)

    def _state_shelf(self) -> Shelf[np.float16]:
        shape = (self._batch, self.grid.tile, self.grid.tile, 3)
        return self._shelf(shape, np.float16, STATES_HELD, STATES_FILED)

    def _shelf(self, shape: tuple[int, ...], dtype: Any, held: int, filed: int) -> Shelf[Any]:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        ring = ROWS * -(-self.grid.columns // self._batch)
        return Shelf(shape, dtype, held=held // size, filed=max(ring, filed // size))


def _filled(tiles: Shard, batch: int) -> Shard:
    return (*tiles, *[tiles[-1]] * (batch - len(tiles)))


def _extents(tiles: Shard) -> list[tuple[int, int]]:
    return [(tile.height, tile.width) for tile in tiles]


def _mean(tables: Sequence[Table]) -> Table:
    mean: Table = np.mean(np.stack(tables), axis=0)
    return mean
