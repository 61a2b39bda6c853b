"""The pipeline: readers fetch ahead while the operator works on batches of one constant shape."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from cytoshift.engine.executor import Executor, LocalExecutor
from cytoshift.engine.grid import Shard, Tile, TileGrid, shards
from cytoshift.engine.operator import FindingOperator, ImageOperator, Operator, TileBoxes
from cytoshift.engine.portions import Portions
from cytoshift.engine.progress import CancelToken
from cytoshift.engine.view import View

if TYPE_CHECKING:
    from cytoshift.slides.tissue import Tissue

RGB = npt.NDArray[np.uint8]
R = TypeVar("R")

Found = tuple[Shard, list[TileBoxes]]
"""Tiles of a batch and the boxes in each, in pixels of the tile's window."""

Mapped = tuple[Shard, list[RGB]]
"""Tiles of a batch and the pixels of their cores."""

READERS = 3
"""Threads that read tiles ahead of the operator."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tiles as an operator is given them.

    Parameters
    ----------
    tiles : tuple of Tile
        The tiles; the last batch of a run may have fewer than its pixels.
    pixels : ndarray of uint8, shape (batch, window, window, 3)
        Windows of the tiles; a short batch is filled up by repeating its last one.
    """

    tiles: Shard
    pixels: RGB


@dataclass(frozen=True)
class Pipeline:
    """What walks tiles of one grid on one view.

    Parameters
    ----------
    view : View
        Where pixels come from.
    grid : TileGrid
        Where tiles lie on it.
    batch : int
        Tiles per call of the operator, as long as memory holds them.
    cancel : CancelToken, optional
        Checked before every batch.
    readers : Executor
        Who reads the tiles.
    portions : Portions
        How much of a batch the operator is given at once, from now on.
    """

    view: View
    grid: TileGrid
    batch: int
    cancel: CancelToken | None = None
    readers: Executor = field(default_factory=lambda: LocalExecutor(READERS, name="cytoshift-read"))
    portions: Portions = field(default_factory=Portions)

    def batches(self, tiles: Sequence[Tile]) -> Generator[Batch, None, None]:
        """Read tiles in their order; raises `Cancelled` within one batch, and what a reader raised."""
        return self._each(self.load, tiles)

    def load(self, tiles: Shard) -> Batch:
        """Read one batch."""
        pixels = np.empty((self.batch, self.grid.window, self.grid.window, 3), np.uint8)
        for place, tile in enumerate(tiles):
            pixels[place] = self.view.window(self.grid, tile)
        pixels[len(tiles) :] = pixels[len(tiles) - 1]
        return Batch(tiles, pixels)

    def find(self, operator: FindingOperator, tiles: Sequence[Tile]) -> Generator[Found, None, None]:
        """Run a finding operator; yields each batch's tiles and the boxes in each."""

        def work(_: Shard, windows: RGB) -> Sequence[TileBoxes]:
            return operator.find(windows)

        with closing(self.batches(tiles)) as batches:
            for batch in batches:
                yield batch.tiles, self.portions.run(work, batch.tiles, batch.pixels, title=operator.title)

    def map(self, operator: ImageOperator, tiles: Sequence[Tile]) -> Generator[Mapped, None, None]:
        """Run an image operator; yields each batch's tiles and the pixels of their cores."""
        if operator.pointwise:
            yield from self._map_pointwise(operator, tiles)
            return
        with closing(self.batches(tiles)) as batches:
            for batch in batches:
                yield batch.tiles, self.render(operator, batch)

    def render(self, operator: ImageOperator, batch: Batch) -> list[RGB]:
        """Run an image operator over one batch; returns the cores of its tiles."""
        windows = self.portions.run(operator.render, batch.tiles, batch.pixels, title=operator.title)
        return self._cores(batch.tiles, windows)

    def _map_pointwise(self, operator: ImageOperator, tiles: Sequence[Tile]) -> Generator[Mapped, None, None]:
        """Apply in the reading threads: nothing depends on the batch, and the operator holds no lock."""

        def apply(_: Shard, windows: RGB) -> RGB:
            return operator.apply(windows)

        def work(shard: Shard) -> Mapped:
            windows: list[RGB] = []
            for tile in shard:
                window = self.view.window(self.grid, tile)[None]
                windows += self.portions.run(apply, (tile,), window, title=operator.title)
            return shard, self._cores(shard, windows)

        yield from self._each(work, tiles)

    def copy(self, tiles: Sequence[Tile]) -> Generator[Mapped, None, None]:
        """Yield the cores of tiles as they are."""

        def work(shard: Shard) -> Mapped:
            return shard, [self.view.read(tile.y, tile.x, tile.height, tile.width) for tile in shard]

        yield from self._each(work, tiles)

    def _each(self, work: Callable[[Shard], R], tiles: Sequence[Tile]) -> Generator[R, None, None]:
        """Run a function over batches of tiles in the reading threads, in order."""
        with closing(self.readers.map(work, shards(tiles, self.batch))) as results:
            for result in results:
                if self.cancel is not None:
                    self.cancel.check()
                yield result

    def _cores(self, tiles: Shard, windows: Iterable[RGB]) -> list[RGB]:
        """Cut the cores out of the windows."""
        halo = self.grid.halo
        return [
            window[halo : halo + tile.height, halo : halo + tile.width]
            for tile, window in zip(tiles, windows, strict=True)
        ]


def has_tissue(view: View, tile: Tile, tissue: Tissue | None) -> bool:
    """Return whether a tile's core touches tissue; without a mask all do."""
    return tissue is None or tissue.covered(*view.level0_core(tile)) > 0


def run_key(view: View, operator: Operator, **more: Any) -> dict[str, Any]:
    """Return what identifies the results of an operator, prepared, on a view: anything JSON can hold."""
    needs = operator.needs
    return {
        "slide": view.key,
        "operator": operator.key,
        "tile": needs.tile,
        "halo": needs.halo,
        "downsample_yx": list(view.level.downsample_yx),
        **more,
    }
