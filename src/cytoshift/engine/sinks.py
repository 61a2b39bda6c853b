"""Sinks: where the results of tiles go, safely and in any order."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.engine.grid import Shard, Tile, TileGrid, Tiles
from cytoshift.engine.journal import Journal, Record
from cytoshift.engine.merge import Candidates
from cytoshift.slides.ome_zarr import PyramidWriter
from cytoshift.slides.slide import TILE

RGB = npt.NDArray[np.uint8]

SAFE = 4
"""Blocks (1 Mpx) that are made safe on disk and entered in the journal together."""


_MEASURE = "measure "
"""Begins the name of a measure's column in the journal."""


class FindingsSink:
    """Collects the candidates of every tile, in memory and, where one is given, in a journal.

    Parameters
    ----------
    journal : Journal, optional
        What an earlier, interrupted run has left in it is taken over.
    measures : tuple of str
        What the operator measures.
    """

    def __init__(self, journal: Journal | None = None, measures: tuple[str, ...] = ()) -> None:
        self._journal = journal
        self._measures = measures
        self._parts: dict[int, Candidates] = {}
        for record in journal or ():
            self._parts.update(_parts(record))

    @property
    def done(self) -> frozenset[int]:
        """Indices of the finished tiles."""
        return frozenset(self._parts)

    def add(self, tiles: Shard, parts: Sequence[Candidates]) -> None:
        """Store a batch; it is safe when this returns."""
        if self._journal is not None:
            self._journal.append(_record(tiles, parts))
        self._parts.update((tile.index, part) for tile, part in zip(tiles, parts, strict=True))

    def all(self, tiles: Iterable[Tile]) -> Candidates:
        """Return the candidates of some tiles, in the order of the tiles."""
        parts = (self._parts[tile.index] for tile in tiles if tile.index in self._parts)
        return Candidates.join(parts, self._measures)


def _record(tiles: Shard, parts: Sequence[Candidates]) -> Record:
    every = Candidates.join(parts)
    return {
        "tile": np.array([tile.index for tile in tiles], np.int64),
        "tiles": every.tiles,
        "boxes": every.boxes,
        "scores": every.scores,
        "labels": every.labels,
        "depths": every.depths,
        **{_MEASURE + name: column for name, column in every.measures.items()},
    }


def _parts(record: Record) -> dict[int, Candidates]:
    measures = {name[len(_MEASURE) :]: column for name, column in record.items() if name.startswith(_MEASURE)}
    every = Candidates(record["tiles"], record["boxes"], record["scores"], record["labels"], record["depths"], measures)
    return {int(index): every.select(every.tiles == index) for index in record["tile"]}


class PyramidSink:
    """Gathers the cores of tiles into the blocks of an OME-Zarr pyramid and writes each when it is whole.

    Parameters
    ----------
    path : Path
        The OME-Zarr to make.
    grid : TileGrid
        The grid of the tiles.
    run : dict
        What identifies the run; what another run has left unfinished at `path` is discarded.
    **attributes
        What `PyramidWriter` stores of the slide.

    Raises
    ------
    SlideError
        When `path` exists or cannot be written.
    """

    def __init__(self, path: Path, grid: TileGrid, run: dict[str, Any], **attributes: Any) -> None:
        self.grid = grid
        self._blocks = TileGrid(grid.height, grid.width, TILE)
        self._lock = threading.Lock()
        self._open: dict[int, tuple[RGB | None, int]] = {}
        self._written: list[Tile] = []
        folder = path.with_name(path.name + ".journal")
        if not path.with_name(path.name + ".partial").exists():
            shutil.rmtree(folder, ignore_errors=True)
        self._journal = Journal(folder, run)
        self._done = {int(block) for record in self._journal for block in record["blocks"]}
        try:
            if self._done:
                self.writer = PyramidWriter.resume(path)
            else:
                self.writer = PyramidWriter(path, grid.height, grid.width, **attributes)
        except BaseException:
            if self._done:
                self._journal.close()
            else:
                self._journal.remove()
            raise

    def missing(self, tiles: Tiles) -> Tiles:
        """Return the tiles of which a part is not on disk yet."""
        return tiles.where(lambda tile: any(block.index not in self._done for block in self._touched(tile)))

    def _touched(self, tile: Tile) -> list[Tile]:
        return self._blocks.within(tile.core)

    def add(self, tiles: Shard, cores: Sequence[RGB]) -> None:
        """Store a batch: the blocks that it completed are in their files when this returns. Safe from many threads."""
        whole = [
            done
            for tile, core in zip(tiles, cores, strict=True)
            for block in self._touched(tile)
            if (done := self._gather(tile, core, block)) is not None
        ]
        for block, pixels in whole:
            self.writer.write(block.y, block.x, pixels)
        with self._lock:
            self._written += [block for block, _ in whole]
            due = len(self._written) >= SAFE
        if due:
            self._remember()

    def _remember(self) -> None:
        """Enter the blocks written since in the journal, once they are safe on disk."""
        with self._lock:
            blocks, self._written = self._written, []
        if blocks:
            self.writer.sync((block.y, block.x) for block in blocks)
            with self._lock:
                self._journal.append({"blocks": np.array([block.index for block in blocks], np.int64)})

    def _gather(self, tile: Tile, core: RGB, block: Tile) -> tuple[Tile, RGB] | None:
        """Copy what a core holds of a block; returns the block once it is whole."""
        if block.index in self._done:
            return None
        y0, y1 = max(tile.y, block.y), min(tile.y + tile.height, block.y + block.height)
        x0, x1 = max(tile.x, block.x), min(tile.x + tile.width, block.x + block.width)
        with self._lock:
            pixels, filled = self._open.pop(block.index, (None, 0))
            pixels = _blank(block) if pixels is None else pixels
            pixels[y0 - block.y : y1 - block.y, x0 - block.x : x1 - block.x] = core[
                y0 - tile.y : y1 - tile.y, x0 - tile.x : x1 - tile.x
            ]
            filled += (y1 - y0) * (x1 - x0)
            if filled < block.height * block.width:
                self._open[block.index] = (pixels, filled)
                return None
            return block, pixels

    def release(self) -> None:
        """Close the files; the run can be resumed."""
        try:
            self._remember()
        finally:
            self._journal.close()

    def finish(self) -> None:
        """Forget the journal: the pyramid is complete."""
        self._journal.remove()


def _blank(block: Tile) -> RGB:
    return np.empty((block.height, block.width, 3), np.uint8)
