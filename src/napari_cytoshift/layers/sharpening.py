"""Levels that answer at once and sharpen as tiles arrive: how a slide seen through an operator is shown.

A missing tile is asked of worker threads, those of the newest view first, older wishes are dropped. A read in a thread
of its own waits a moment for what is quick, since every picture that is drawn twice takes the window's time; then, and
in the Qt thread at once, a tile is answered by the best that is known: a less true stage of it, a coarser level, else
the tile without the operator. A slide may come in stages, from a quick preview to what is true: those of the first are
computed at once, the others one stage after the other while the view rests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.slides.slide import RGB, TILE, Slide
from napari_cytoshift.layers.tile_crew import Crew, Tile, Wish

WORKERS = 2
UNKNOWN = 232
"""Grey of what nobody knows yet: the tone of empty glass."""

AFFORDABLE = 16
"""Tiles of the finest level that one tile may cost where there is a preview to look at instead."""

REST = 0.1
"""Seconds that a view rests before tiles are computed, or go on, in place of a preview's: a network that computes
while the view moves takes half of a small computer's processors from drawing it."""

PATIENCE = 0.1
"""Seconds that a read waits for quick tiles before it answers with stand-ins."""

NICE, NICER = 5, 15
"""How far the threads stand back behind the window, for tiles that take milliseconds and for those that take more."""

View = tuple[int, int, int, int, int]
"""Level, and y0, y1, x0, x1 in its pixels."""


def _nothing(last: bool = False) -> None:
    """Stand in for a callback that nobody set."""


class Sharpener:
    """Computes missing tiles in threads, newest view first.

    Parameters
    ----------
    stages : sequence of Slide
        Slides of the same levels, coarse to true. Of several the first is quick, a preview of what the last one shows;
        coarse levels are left to it.
    source : Slide
        The same slide without the operator: a stand-in of the same levels.

    Attributes
    ----------
    on_arrival : callable
        Called in a worker thread after each tile that arrived, with whether it was the last one that the view
        waited for (of the preview, of all others).
    on_view : callable
        Called in whatever thread reads, after each read.
    """

    def __init__(self, stages: Sequence[Slide], source: Slide) -> None:
        self.stages = tuple(stages)
        self.source = source
        self.on_arrival: Callable[[bool], None] = _nothing
        self.on_view: Callable[[], None] = _nothing
        self.error: Exception | None = None
        self._before: Slide | None = None
        self._failed: set[Wish] = set()
        self._viewed: list[Tile] = []
        self._awaited = False
        self._quick = Crew(WORKERS, self._arrived, niceness=NICE)
        self._slow = Crew(1, self._arrived, niceness=NICER, rest=REST)

    @property
    def slide(self) -> Slide:
        """What is to be shown: the last stage."""
        return self.stages[-1]

    @property
    def preview(self) -> Slide | None:
        """The first of several stages."""
        return self.stages[0] if len(self.stages) > 1 else None

    @property
    def stage(self) -> int:
        """The stage that all of the newest view has reached at least: an index of `stages`, -1 before the first."""
        stages = self.stages
        return min((self._reached(stages, tile) for tile in tuple(self._viewed)), default=len(stages) - 1)

    def _reached(self, stages: tuple[Slide, ...], tile: Tile) -> int:
        last = len(stages) - 1
        if Wish(stages[last], tile) in self._failed:
            return last
        return next((k for k in range(last, -1, -1) if stages[k].cached_tile(*tile) is not None), -1)

    @property
    def approximate(self) -> bool:
        """Whether the newest view still holds a tile that is a stand-in."""
        return self.stage < len(self.stages) - 1

    @property
    def too_wide(self) -> bool:
        """Whether the newest view holds stand-ins that stay, since it is too far from the finest level."""
        viewed = tuple(self._viewed)
        return self.preview is not None and bool(viewed) and not self._affordable(viewed[0].level)

    def levels(self) -> list[SharpeningArray]:
        """Return the levels as arrays for a multiscale image layer."""
        return [SharpeningArray(self, level) for level in range(len(self.slide.levels))]

    def replace(self, stages: Sequence[Slide]) -> None:
        """Show another slide of the same levels; what was last seen whole stands in until its tiles are there."""
        if not self.approximate:
            self._before = self.slide
        for crew in (self._quick, self._slow):
            crew.want((), None)
        self.stages = tuple(stages)
        self.error = None
        self._failed.clear()

    def want(self, tiles: list[Tile], view: View) -> None:
        """Make tiles the newest view, the most wanted first; whatever was wanted before is dropped."""
        first, *others = self.stages
        self._viewed = tiles
        affordable = tiles if self._affordable(view[0]) else []
        quick = [Wish(first, tile) for tile in tiles]
        slow = [Wish(stage, tile) for stage in others for tile in affordable]
        for crew, wishes in ((self._quick, quick), (self._slow, slow)):
            crew.want([wish for wish in wishes if wish not in self._failed], view)
        self.on_view()

    def await_quick(self) -> None:
        """Wait a moment for the quick tiles of the newest view; never in the Qt thread."""
        if threading.current_thread() is threading.main_thread():
            return
        self._awaited = True  # who reads takes what arrives meanwhile along, so that nobody else need be told
        try:
            self._quick.finish(PATIENCE)
        finally:
            self._awaited = False
        self.on_view()

    def stop(self) -> None:
        """End the threads, after the tile each works on where that does not breathe."""
        self.on_arrival = self.on_view = _nothing
        self._quick.stop()
        self._slow.stop()

    def previewed(self, level: int) -> bool:
        """Return whether a level as a whole is left to the preview: it costs too much, or napari waits for it."""
        coarsest = level == len(self.slide.levels) - 1
        return self.preview is not None and (coarsest or not self._affordable(level))

    def _affordable(self, level: int) -> bool:
        levels = self.slide.levels
        return (levels[level].downsample / levels[0].downsample) ** 2 <= AFFORDABLE * 1.01

    def _arrived(self, wish: Wish, error: Exception | None, last: bool) -> None:
        if error is not None:
            self.error = self.error or error
            self._failed.add(wish)
        if error is not None or not self._awaited:
            self.on_arrival(last)

    def stand_in(self, tile: Tile) -> RGB:
        """Return the best that is known of a tile without computing anything."""
        level = self.slide.levels[tile.level]
        height = min(TILE, level.height - tile.row * TILE)
        width = min(TILE, level.width - tile.column * TILE)
        alikes = tuple(reversed(self.stages))
        for alike in (*alikes[1:], self._before):
            known = None if alike is None else alike.cached_tile(*tile)
            if known is not None:
                return known
        for coarse in range(tile.level + 1, len(self.slide.levels)):
            for alike in alikes:
                known = _from_coarser(alike, tile, coarse, height, width)
                if known is not None:
                    return known
        same = tile.level < len(self.source.levels) and self.source.levels[tile.level] == level
        known = self.source.cached_tile(*tile) if same else None
        return np.full((height, width, 3), UNKNOWN, np.uint8) if known is None else known


def _from_coarser(slide: Slide, tile: Tile, coarse: int, height: int, width: int) -> RGB | None:
    """Enlarge the part of a coarser level that a tile covers; None where it is not all cached."""
    fine, rough = slide.levels[tile.level], slide.levels[coarse]
    ys = _nearest(tile.row, height, fine.downsample_yx[0] / rough.downsample_yx[0], rough.height)
    xs = _nearest(tile.column, width, fine.downsample_yx[1] / rough.downsample_yx[1], rough.width)
    parts = []
    for row in range(ys[0] // TILE, ys[-1] // TILE + 1):
        for column in range(xs[0] // TILE, xs[-1] // TILE + 1):
            known = slide.cached_tile(coarse, row, column)
            if known is None:
                return None
            parts.append((row, column, known))
    out = np.empty((height, width, 3), np.uint8)
    for row, column, known in parts:
        ya, yb = np.searchsorted(ys, [row * TILE, (row + 1) * TILE])
        xa, xb = np.searchsorted(xs, [column * TILE, (column + 1) * TILE])
        wide = known[ys[ya] - row * TILE : ys[yb - 1] - row * TILE + 1, xs[xa:xb] - column * TILE]
        out[ya:yb, xa:xb] = wide[ys[ya:yb] - ys[ya]]
    return out


def _nearest(index: int, length: int, ratio: float, limit: int) -> npt.NDArray[np.intp]:
    """Return the nearest pixels of a coarser level along one axis of a tile."""
    at = (np.arange(index * TILE, index * TILE + length) + 0.5) * ratio
    return np.minimum(at.astype(np.intp), limit - 1)


class SharpeningArray:
    """A level of a `Sharpener` as an array ``(y, x, 3)`` of uint8: slices answer at once, ``np.asarray`` is exact.

    Where there is a preview, ``np.asarray`` of the coarsest level (which napari takes in the Qt thread) and of levels
    that are left to the preview is what is known of them.

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
        if self.sharpener.previewed(self.level):
            pixels = self._known(0, height, 0, width)
        else:
            pixels = self.sharpener.slide.read(self.level, 0, 0, height, width)
        return pixels if dtype is None else pixels.astype(dtype, copy=False)

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        keys = key if isinstance(key, tuple) else (key,)
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys = (*keys[:at], *(slice(None),) * (4 - len(keys)), *keys[at + 1 :])
        keys = (*keys, *(slice(None),) * (3 - len(keys)))
        (y0, y1, ky), (x0, x1, kx) = (_span(k, n) for k, n in zip(keys[:2], self.shape[:2], strict=True))
        if y1 > y0 and x1 > x0 and self._want(y0, y1, x0, x1):
            self.sharpener.await_quick()
        return self._known(y0, y1, x0, x1)[ky, kx, keys[2]]

    def look(self) -> None:
        """Make the whole level the newest view: napari shows the coarsest without reading it anew."""
        self._want(0, self.shape[0], 0, self.shape[1])

    def _want(self, y0: int, y1: int, x0: int, x1: int) -> bool:
        """Make a region the newest view; return whether any of its tiles is missing."""
        slide = self.sharpener.slide
        missing = [tile for tile in _tiles(self.level, y0, y1, x0, x1) if slide.cached_tile(*tile) is None]
        center = np.array([(y0 + y1) / 2, (x0 + x1) / 2]) / TILE - 0.5
        missing.sort(key=lambda t: float(np.hypot(t.row - center[0], t.column - center[1])))
        self.sharpener.want(missing, (self.level, y0, y1, x0, x1))
        return bool(missing)

    def _known(self, y0: int, y1: int, x0: int, x1: int) -> RGB:
        """Return the best that is known of a region."""
        region = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        for tile in _tiles(self.level, y0, y1, x0, x1) if region.size else ():
            pixels = self.sharpener.slide.cached_tile(*tile)
            if pixels is None:
                pixels = self.sharpener.stand_in(tile)
            top, left = tile.row * TILE, tile.column * TILE
            ya, yb = max(y0, top), min(y1, top + pixels.shape[0])
            xa, xb = max(x0, left), min(x1, left + pixels.shape[1])
            region[ya - y0 : yb - y0, xa - x0 : xb - x0] = pixels[ya - top : yb - top, xa - left : xb - left]
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
