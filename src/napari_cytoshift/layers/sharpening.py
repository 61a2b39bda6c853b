"""Levels that answer at once and sharpen as tiles arrive: how a slide seen through an operator is shown.

A read never waits: a missing tile is answered by the best that is known (a coarser level, else the tile without the
operator) and asked of two worker threads. The tiles of the newest view come first, older wishes are dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cytoshift.slides.slide import RGB, TILE, Slide

WORKERS = 2
UNKNOWN = 232
"""Grey of what nobody knows yet: the tone of empty glass."""


def _nothing() -> None:
    """Stand in for a callback that nobody set."""


class Tile(NamedTuple):
    """A tile of a level."""

    level: int
    row: int
    column: int


class Sharpener:
    """Computes missing tiles in threads, newest view first.

    Parameters
    ----------
    slide : Slide
        What is to be shown, usually a slide seen through an operator.
    source : Slide
        The same slide without the operator: a stand-in of the same levels.

    Attributes
    ----------
    on_arrival : callable
        Called in a worker thread after each tile that arrived.
    on_view : callable
        Called in whatever thread reads, after each read.
    """

    def __init__(self, slide: Slide, source: Slide) -> None:
        self.slide = slide
        self.source = source
        self._before: Slide | None = None
        self.on_arrival: Callable[[], None] = _nothing
        self.on_view: Callable[[], None] = _nothing
        self.error: Exception | None = None
        self._wishes: list[Tile] = []
        self._failed: set[Tile] = set()
        self._viewed: list[Tile] = []
        self._wake = threading.Condition()
        self._stopped = False
        self._threads: list[threading.Thread] = []

    @property
    def approximate(self) -> bool:
        """Whether the newest view still holds a tile that is a stand-in."""
        return any(tile not in self._failed and self.slide.cached_tile(*tile) is None for tile in tuple(self._viewed))

    def levels(self) -> list[SharpeningArray]:
        """Return the levels as arrays for a multiscale image layer."""
        return [SharpeningArray(self, level) for level in range(len(self.slide.levels))]

    def replace(self, slide: Slide) -> None:
        """Show another slide of the same levels; what was last seen whole stands in until its tiles are there."""
        whole = not self.approximate
        with self._wake:
            if whole:
                self._before = self.slide
            self.slide = slide
            self.error = None
            self._failed.clear()
            self._wishes.clear()

    def want(self, tiles: list[Tile]) -> None:
        """Make tiles the newest view, the most wanted first; whatever was wanted before is dropped."""
        with self._wake:
            self._viewed = tiles
            self._wishes = [t for t in reversed(tiles) if t not in self._failed]
            if self._wishes and not self._stopped:
                self._start()
                self._wake.notify_all()
        self.on_view()

    def stop(self) -> None:
        """End the threads after the tile each works on."""
        with self._wake:
            self._stopped = True
            self.on_arrival = self.on_view = _nothing
            self._wishes.clear()
            self._wake.notify_all()

    def _start(self) -> None:
        while len(self._threads) < WORKERS:
            thread = threading.Thread(target=self._work, daemon=True, name="cytoshift-sharpener")
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._wishes and not self._stopped:
                    self._wake.wait()
                if self._stopped:
                    return
                tile = self._wishes.pop()
            if self.slide.cached_tile(*tile) is not None:
                continue
            try:
                self.slide.tile(*tile)
            except Exception as error:  # one bad tile must not end the thread; it is told once
                self.error = self.error or error
                self._failed.add(tile)
            self.on_arrival()

    def stand_in(self, tile: Tile) -> RGB:
        """Return the best that is known of a tile without computing anything."""
        level = self.slide.levels[tile.level]
        height = min(TILE, level.height - tile.row * TILE)
        width = min(TILE, level.width - tile.column * TILE)
        last = None if self._before is None else self._before.cached_tile(*tile)
        if last is not None:
            return last
        for coarse in range(tile.level + 1, len(self.slide.levels)):
            known = self._from_coarser(self.slide, tile, coarse, height, width)
            if known is not None:
                return known
        same = tile.level < len(self.source.levels) and self.source.levels[tile.level] == level
        known = self.source.cached_tile(*tile) if same else None
        return np.full((height, width, 3), UNKNOWN, np.uint8) if known is None else known

    @staticmethod
    def _from_coarser(slide: Slide, tile: Tile, coarse: int, height: int, width: int) -> RGB | None:
        """Enlarge the part of a coarser level that a tile covers; None where it is not all cached."""
        fine, rough = slide.levels[tile.level], slide.levels[coarse]
        ratio = np.array(fine.downsample_yx) / np.array(rough.downsample_yx)
        ys = (np.arange(tile.row * TILE, tile.row * TILE + height) + 0.5) * ratio[0]
        xs = (np.arange(tile.column * TILE, tile.column * TILE + width) + 0.5) * ratio[1]
        ys = np.minimum(ys.astype(np.intp), rough.height - 1)
        xs = np.minimum(xs.astype(np.intp), rough.width - 1)
        out = np.empty((height, width, 3), np.uint8)
        for row in range(ys[0] // TILE, ys[-1] // TILE + 1):
            for column in range(xs[0] // TILE, xs[-1] // TILE + 1):
                known = slide.cached_tile(coarse, row, column)
                if known is None:
                    return None
                ya, yb = np.searchsorted(ys, [row * TILE, (row + 1) * TILE])
                xa, xb = np.searchsorted(xs, [column * TILE, (column + 1) * TILE])
                out[ya:yb, xa:xb] = known[ys[ya:yb] - row * TILE][:, xs[xa:xb] - column * TILE]
        return out


class SharpeningArray:
    """A level of a `Sharpener` as an array ``(y, x, 3)`` of uint8: slices answer at once, ``np.asarray`` is exact.

    Attributes
    ----------
    chunks : tuple of int
        One tile, so that napari asks for whole tiles.
    """

    dtype = np.dtype(np.uint8)
    ndim = 3
    chunks = (TILE, TILE, 3)

    def __init__(self, sharpener: Sharpener, level: int) -> None:
        self.sharpener = sharpener
        self.level = level
        self.shape = sharpener.slide.levels[level].shape
        self.size = int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __deepcopy__(self, memo: dict[int, Any]) -> SharpeningArray:
        return self

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        height, width, _ = self.shape
        exact = self.sharpener.slide.read(self.level, 0, 0, height, width)
        return exact if dtype is None else exact.astype(dtype, copy=False)

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        keys = key if isinstance(key, tuple) else (key,)
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys = (*keys[:at], *(slice(None),) * (4 - len(keys)), *keys[at + 1 :])
        keys = (*keys, *(slice(None),) * (3 - len(keys)))
        (y0, y1, ky), (x0, x1, kx) = (_span(k, n) for k, n in zip(keys[:2], self.shape[:2], strict=True))
        return self._known(y0, y1, x0, x1)[ky, kx, keys[2]]

    def _known(self, y0: int, y1: int, x0: int, x1: int) -> RGB:
        region = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        if not region.size:
            return region
        sharpener, missing = self.sharpener, []
        for tile in _tiles(self.level, y0, y1, x0, x1):
            pixels = sharpener.slide.cached_tile(*tile)
            if pixels is None:
                missing.append(tile)
                pixels = sharpener.stand_in(tile)
            top, left = tile.row * TILE, tile.column * TILE
            ya, yb = max(y0, top), min(y1, top + pixels.shape[0])
            xa, xb = max(x0, left), min(x1, left + pixels.shape[1])
            region[ya - y0 : yb - y0, xa - x0 : xb - x0] = pixels[ya - top : yb - top, xa - left : xb - left]
        center = np.array([(y0 + y1) / 2, (x0 + x1) / 2]) / TILE - 0.5
        missing.sort(key=lambda t: float(np.hypot(t.row - center[0], t.column - center[1])))
        sharpener.want(missing)
        return region


def _tiles(level: int, y0: int, y1: int, x0: int, x1: int) -> Iterator[Tile]:
    for row in range(y0 // TILE, (y1 - 1) // TILE + 1):
        for column in range(x0 // TILE, (x1 - 1) // TILE + 1):
            yield Tile(level, row, column)


def _span(key: slice | int, length: int) -> tuple[int, int, slice | int]:
    """Return the range a key touches and the key within that range."""
    if not isinstance(key, slice):
        at = int(key) + (length if key < 0 else 0)
        if not 0 <= at < length:
            raise IndexError(f"index {key} is outside 0 to {length - 1}")
        return at, at + 1, 0
    start, stop, step = key.indices(length)
    if step < 1:
        raise IndexError("a level is read forwards only")
    return start, max(start, stop), slice(None, None, step)
