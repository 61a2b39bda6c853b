"""Write slides as OME-Zarr 0.5: tiles in any order, coarser levels streamed, in place only when complete.

The axes are ``c, y, x``, the order OME-Zarr 0.5 asks for, with chunks of all three colours of one tile: every
viewer of the format opens the file in colour, and one read gives one RGB tile. What is not written is white.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec

from cytoshift.errors import Cancelled, SlideError
from cytoshift.slides.ome_metadata import image_attributes
from cytoshift.slides.slide import TILE, Slide

RGB = npt.NDArray[np.uint8]
Report = Callable[[int, int], None]
CancelCheck = Callable[[], bool]

COARSEST = 1024
"""Longest side in pixels of the coarsest level."""

_WORKERS = max(2, min(8, os.cpu_count() or 2))
_FAST = BloscCodec(cname="zstd", clevel=1, shuffle="noshuffle")


class PyramidWriter:
    """Write an OME-Zarr 0.5 pyramid tile by tile.

    Everything goes into ``path + ".partial"``; `close` builds the coarser levels and moves it to `path`.

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
            self._levels = [
                group.create_array(
                    str(k),
                    shape=(3, *size),
                    chunks=(3, TILE, TILE),
                    dtype="uint8",
                    fill_value=255,
                    compressors=_FAST,
                    dimension_names=("c", "y", "x"),
                )
                for k, size in enumerate(sizes)
            ]

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
            writer._levels = [cast("zarr.Array[Any]", group[str(k)]) for k in range(count)]
        except (OSError, KeyError, ValueError, LookupError) as error:
            raise SlideError(f"{writer.folder} is no unfinished pyramid; write {path} anew.") from error
        return writer

    def _settle(self, path: Path, overwrite: bool) -> None:
        self.path = path
        self.folder = path.with_name(path.name + ".partial")
        self._overwrite = overwrite
        self._refuse_existing()

    def _refuse_existing(self) -> None:
        if self.path.exists() and not self._overwrite:
            raise SlideError(f"{self.path} exists already; choose another name, or ask to overwrite it.")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in level-0 pixels."""
        _, height, width = self._levels[0].shape
        return height, width

    @property
    def coarse_tiles(self) -> int:
        """Tiles that `close` computes."""
        return sum(array.cdata_shape[1] * array.cdata_shape[2] for array in self._levels[1:])

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
            self._levels[0][:, y:bottom, x:right] = np.moveaxis(tile, -1, 0)

    def close(self, report: Report | None = None, cancelled: CancelCheck | None = None) -> Path:
        """Build the coarser levels and move the pyramid to its place.

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
        with _writing(self.path), ThreadPoolExecutor(_WORKERS) as pool:
            for k in range(1, len(self._levels)):
                self._forget(k)
                _, rows, columns = self._levels[k].cdata_shape
                for row in range(rows):
                    _check(cancelled)
                    for _ in pool.map(partial(self._coarsen, k, row), range(columns)):
                        done += 1
                        if report is not None:
                            report(done, total)
            _check(cancelled)
            return self._finish()

    def _forget(self, k: int) -> None:
        """Remove what an earlier, interrupted close computed of a level: its source may have changed."""
        shutil.rmtree(self.folder / str(k) / "c", ignore_errors=True)

    def _coarsen(self, k: int, row: int, column: int) -> None:
        chunks = self.folder / str(k - 1) / "c" / "0"
        block = [chunks / str(2 * row + i) / str(2 * column + j) for i in (0, 1) for j in (0, 1)]
        if not any(chunk.exists() for chunk in block):  # all white
            return
        y, x = row * TILE, column * TILE
        fine = np.asarray(self._levels[k - 1][:, 2 * y : 2 * (y + TILE), 2 * x : 2 * (x + TILE)])
        self._levels[k][:, y : y + TILE, x : x + TILE] = halve(fine)

    def _finish(self) -> Path:
        self._refuse_existing()
        _flush(self.folder)
        old = self.path.with_name(self.path.name + ".replaced")
        if self.path.exists():
            os.replace(self.path, old)
        os.replace(self.folder, self.path)
        _flush_folder(self.path.parent)
        if old.is_dir():
            shutil.rmtree(old)
        elif old.exists():
            old.unlink()
        return self.path

    def discard(self) -> None:
        """Remove the unfinished pyramid."""
        shutil.rmtree(self.folder, ignore_errors=True)


def convert(
    slide: Slide, path: str | Path, report: Report | None = None, cancelled: CancelCheck | None = None
) -> Path:
    """Write a slide as OME-Zarr 0.5.

    Parameters
    ----------
    slide : Slide
        Any slide, also one seen through operators.
    path : str or Path
        The folder to make; must not exist.
    report : callable, optional
        Called with the tiles done and their total.
    cancelled : callable, optional
        Asked between tiles; a true answer stops with `Cancelled` and leaves nothing behind.

    Returns
    -------
    Path
        Where the pyramid is.

    Raises
    ------
    SlideError
        When the path exists or cannot be written, or the slide cannot be read.
    """
    level, info = slide.levels[0], slide.info
    writer = PyramidWriter(
        path,
        level.height,
        level.width,
        mpp_yx=info.mpp_yx,
        objective=info.objective,
        name=info.name,
        origin=info.origin,
        source=slide.key,
    )
    rows, columns = -(-level.height // TILE), -(-level.width // TILE)
    total = rows * columns + writer.coarse_tiles

    def copy(row: int, column: int) -> None:
        writer.write(row * TILE, column * TILE, slide.compute_tile(0, row, column))

    try:
        with ThreadPoolExecutor(_WORKERS) as pool:
            for row in range(rows):
                _check(cancelled)
                for column, _ in enumerate(pool.map(partial(copy, row), range(columns))):
                    if report is not None:
                        report(row * columns + column + 1, total)
        before = rows * columns
        return writer.close(report and (lambda done, _: report(before + done, total)), cancelled)
    except BaseException:
        writer.discard()
        raise


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes of all levels: halved, rounded up, until the longer side is at most `COARSEST`."""
    sizes = [(height, width)]
    while max(sizes[-1]) > COARSEST:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def halve(planes: RGB) -> RGB:
    """Return the rounded 2 x 2 means of planes ``(c, y, x)``; an odd side repeats its last pixels."""
    odd = ((0, 0), (0, planes.shape[1] % 2), (0, planes.shape[2] % 2))
    fine = np.pad(planes, odd, mode="edge").astype(np.uint16)
    rows = fine[:, ::2] + fine[:, 1::2]
    return ((rows[:, :, ::2] + rows[:, :, 1::2] + 2) >> 2).astype(np.uint8)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SlideError(
            f"{path} cannot be written ({error.strerror}); choose another place for it."
        ) from error


def _check(cancelled: CancelCheck | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled("Writing the slide was stopped on request; start it again to write it anew.")


def _flush(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        for file in files:
            with open(os.path.join(parent, file), "rb") as handle:
                os.fsync(handle.fileno())
        _flush_folder(Path(parent))


def _flush_folder(folder: Path) -> None:
    with suppress(OSError):  # not every system lets a folder be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
