"""Write OME-Zarr 0.5 pyramids: tiles in any order, coarser levels streamed, in place only when complete.

The axes are ``c, y, x``, the order OME-Zarr 0.5 asks for, with chunks of all three colours of one tile: every
viewer of the format opens the file in colour, and one read gives one RGB tile. What is not written is white.

zarr makes the arrays and their metadata; the chunks are coded and written here, in the thread that brings them, and
the coarser levels grow while the tiles are still in memory.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import zarr

from cytoshift.errors import Cancelled, SlideError
from cytoshift.slides.chunk_files import CODEC, WHITE, ChunkFiles, blank, flush, flush_files, flush_folder, into_planes
from cytoshift.slides.ome_metadata import image_attributes
from cytoshift.slides.reduction import Reduction, put
from cytoshift.slides.slide import TILE

RGB = npt.NDArray[np.uint8]
Report = Callable[[int, int], None]
CancelCheck = Callable[[], bool]

COARSEST = 1024
"""Longest side in pixels of the coarsest level."""

WORKERS = max(2, min(8, os.cpu_count() or 2))
"""Threads that write a pyramid."""


class PyramidWriter:
    """Write an OME-Zarr 0.5 pyramid tile by tile.

    Everything goes into ``path + ".partial"``; `close` completes the coarser levels and moves it to `path`.

    Parameters
    ----------
    path : str or Path
        The folder to make, ``NAME.ome.zarr`` by custom. Something that is already there is refused unless
        `overwrite`; it is replaced only after the new pyramid is complete.
    height, width : int
        Size in level-0 pixels.
    mpp_yx : tuple of float, optional
        µm per level-0 pixel along y and x; left out, the file has no unit.
    objective : float, optional
        Objective power.
    name : str
        Name for people.
    origin : tuple of int
        x, y of the first pixel in the scanner's own frame.
    source : str
        Identity of the slide that the pixels were computed from.
    overwrite : bool
        Replace what is at `path`.

    Raises
    ------
    SlideError
        When `path` exists and `overwrite` is not set, or its folder cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        height: int,
        width: int,
        *,
        mpp_yx: tuple[float, float] | None = None,
        objective: float | None = None,
        name: str = "",
        origin: tuple[int, int] = (0, 0),
        source: str = "",
        overwrite: bool = False,
    ) -> None:
        if height < 1 or width < 1:
            raise ValueError(f"a slide of {width} x {height} pixels")
        self._settle(Path(path), overwrite)
        sizes = level_sizes(height, width)
        own = {"name": name, "objective": objective, "origin": list(origin), "source": source}
        attributes = {"ome": image_attributes(name, len(sizes), mpp_yx), "cytoshift": own}
        with _writing(self.path):
            shutil.rmtree(self.folder, ignore_errors=True)
            group = zarr.create_group(str(self.folder), zarr_format=3, attributes=cast(Any, attributes))
            for k, size in enumerate(sizes):
                group.create_array(
                    str(k),
                    shape=(3, *size),
                    chunks=(3, TILE, TILE),
                    dtype="uint8",
                    fill_value=WHITE,
                    compressors=CODEC,
                    dimension_names=("c", "y", "x"),
                )
        self._begin(sizes)

    @classmethod
    def resume(cls, path: str | Path, *, overwrite: bool = False) -> Self:
        """Open the unfinished ``path + ".partial"`` again; which tiles are done is for the caller to know.

        Raises
        ------
        SlideError
            When there is no unfinished pyramid, or `path` exists and `overwrite` is not set.
        """
        writer = cls.__new__(cls)
        writer._settle(Path(path), overwrite)
        try:
            group = zarr.open_group(str(writer.folder), mode="r+", zarr_format=3)
            count = len(cast(Any, group.attrs["ome"])["multiscales"][0]["datasets"])
            arrays = [cast("zarr.Array[Any]", group[str(k)]) for k in range(count)]
            if any(array.compressors != (CODEC,) for array in arrays):
                raise ValueError("written by another version")
        except (OSError, KeyError, ValueError, LookupError) as error:
            raise SlideError(f"{writer.folder} is no unfinished pyramid; write {path} anew.") from error
        writer._begin([(array.shape[1], array.shape[2]) for array in arrays])
        for k in range(1, count):  # coarse chunks of the time before, which may not fit what is written now
            shutil.rmtree(writer.folder / str(k) / "c", ignore_errors=True)
        return writer

    def _settle(self, path: Path, overwrite: bool) -> None:
        self.path = path
        self.folder = path.with_name(path.name + ".partial")
        self._overwrite = overwrite
        self._refuse_existing()

    def _begin(self, sizes: list[tuple[int, int]]) -> None:
        self.shape = sizes[0]  # height and width in level-0 pixels
        self._chunks = ChunkFiles(self.folder)
        self._reduction = Reduction(sizes)
        self._grids = [self._reduction.grid(k) for k in range(len(sizes))]
        self._scratch = threading.local()

    def _refuse_existing(self) -> None:
        if self.path.exists() and not self._overwrite:
            raise SlideError(f"{self.path} exists already; choose another name, or ask to overwrite it.")

    @property
    def coarse_tiles(self) -> int:
        """Tiles that `close` makes or finds made."""
        return sum(rows * columns for rows, columns in self._grids[1:])

    def write(self, y: int, x: int, tile: RGB) -> None:
        """Write level-0 pixels; any order, from any thread.

        Parameters
        ----------
        y, x : int
            Upper left level-0 pixel, multiples of `TILE`.
        tile : ndarray of uint8, shape (height, width, 3)
            Sides are multiples of `TILE`, or end with the slide.
        """
        height, width = self.shape
        bottom, right = y + tile.shape[0], x + tile.shape[1]
        whole_rows = bottom == height or (bottom % TILE == 0 and bottom < height)
        whole_columns = right == width or (right % TILE == 0 and right < width)
        if y < 0 or x < 0 or y % TILE or x % TILE or not (whole_rows and whole_columns):
            raise ValueError(f"tile {tile.shape} at y {y}, x {x} does not fit the grid of {width} x {height}")
        with _writing(self.path):
            for top in range(0, tile.shape[0], TILE):
                for left in range(0, tile.shape[1], TILE):
                    self._put((y + top) // TILE, (x + left) // TILE, tile[top : top + TILE, left : left + TILE])

    def _put(self, row: int, column: int, tile: RGB) -> None:
        """Write a chunk of level 0, and each coarser one that is whole by it."""
        planes: RGB | None = getattr(self._scratch, "planes", None)
        if planes is None:
            planes = self._scratch.planes = blank()  # fresh memory for every tile costs twice the copy
        into_planes(tile, planes)
        level = 0
        while planes is not None:
            self._chunks.write(level, row, column, planes)
            planes = self._reduction.written(level, row, column, planes)
            level, row, column = level + 1, row // 2, column // 2

    def sync(self, places: Iterable[tuple[int, int]]) -> None:
        """Wait until the chunks of level 0 at some places (y, x of their upper left pixels) are safe on disk.

        Raises
        ------
        SlideError
            When the disk is full or failing.
        """
        files = [self._chunks.path(0, y // TILE, x // TILE) for y, x in places]
        with _writing(self.path):
            flush_files(files)

    def close(self, report: Report | None = None, cancelled: CancelCheck | None = None) -> Path:
        """Compute what is missing of the coarser levels and move the pyramid to its place.

        Parameters
        ----------
        report : callable, optional
            Called with the tiles done and their total.
        cancelled : callable, optional
            Asked before every tile; a true answer stops with `Cancelled` and leaves the unfinished pyramid.

        Returns
        -------
        Path
            Where the pyramid is.

        Raises
        ------
        SlideError
            When something is at the path meanwhile and `overwrite` is not set, or the disk is full.
        """
        total, done = self.coarse_tiles, 0
        with _writing(self.path), ThreadPoolExecutor(WORKERS) as pool:
            for k, (rows, columns) in enumerate(self._grids[1:], start=1):
                for row in range(rows):
                    check_cancelled(cancelled)
                    for _ in pool.map(partial(self._coarsen, k, row), range(columns)):
                        done += 1
                        if report is not None:
                            report(done, total)
            check_cancelled(cancelled)
            return self._finish()

    def _coarsen(self, k: int, row: int, column: int) -> None:
        """Compute a coarse chunk from the files of the finer ones, unless it was made as they were written."""
        if self._reduction.made(k, row, column):
            return
        coarse = None
        for i, j in product((0, 1), (0, 1)):
            fine = self._chunks.read(k - 1, 2 * row + i, 2 * column + j)
            if fine is not None:
                coarse = blank() if coarse is None else coarse
                put(coarse, (i, j), self._reduction.quarter(k - 1, 2 * row + i, 2 * column + j, fine))
        if coarse is None:  # all white
            self._chunks.remove(k, row, column)
        else:
            self._chunks.write(k, row, column, coarse)
        self._reduction.computed(k, row, column)

    def _finish(self) -> Path:
        self._refuse_existing()
        flush(self.folder)
        old = self.path.with_name(self.path.name + ".replaced")
        if self.path.exists():
            os.replace(self.path, old)
        os.replace(self.folder, self.path)
        flush_folder(self.path.parent)
        if old.is_dir():
            shutil.rmtree(old)
        elif old.exists():
            old.unlink()
        return self.path

    def discard(self) -> None:
        """Remove the unfinished pyramid."""
        shutil.rmtree(self.folder, ignore_errors=True)


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes of all levels: halved, rounded up, until the longer side is at most `COARSEST`."""
    sizes = [(height, width)]
    while max(sizes[-1]) > COARSEST:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SlideError(f"{path} cannot be written ({error.strerror}); choose another place for it.") from error


def check_cancelled(cancelled: CancelCheck | None) -> None:
    """Raise `Cancelled` when stopping was asked for."""
    if cancelled is not None and cancelled():
        raise Cancelled("Writing the slide was stopped on request; start it again to write it anew.")
