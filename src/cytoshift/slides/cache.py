"""A byte-budgeted, thread-safe cache of decoded tiles, shared by the view, the preview and the engine."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from functools import cache as memoize

import numpy as np
import numpy.typing as npt
import psutil

from cytoshift.errors import Cancelled

RGB = npt.NDArray[np.uint8]


class TileCache:
    """Least recently used tiles within a budget of bytes.

    Two threads that miss the same tile compute it once: the second waits for the first.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._lock = threading.Lock()
        self._tiles: OrderedDict[Hashable, RGB] = OrderedDict()
        self._bytes = 0
        self._pending: dict[Hashable, Future[RGB]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes held now; never more than the budget."""
        with self._lock:
            return self._bytes

    def peek(self, key: Hashable) -> RGB | None:
        """Return a tile if it is here; never computes, never waits."""
        with self._lock:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
            return tile

    def get(self, key: Hashable, compute: Callable[[], RGB]) -> RGB:
        """Return a tile, computing it where it is missing.

        An error of ``compute`` reaches every waiting thread, but for `Cancelled`: who still wants the tile computes it.
        """
        while True:
            with self._lock:
                tile = self._tiles.get(key)
                if tile is not None:
                    self._tiles.move_to_end(key)
                    return tile
                others = self._pending.get(key)
                if others is None:
                    future = self._pending[key] = Future()
                    break
            with suppress(Cancelled):
                return others.result()
        try:
            tile = _owning(compute())
            tile.flags.writeable = False
        except BaseException as error:
            with self._lock:
                del self._pending[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._pending[key]
            self._keep(key, tile)
        future.set_result(tile)
        return tile

    def _keep(self, key: Hashable, tile: RGB) -> None:
        if tile.nbytes > self.budget:
            return
        while self._bytes + tile.nbytes > self.budget:
            _, old = self._tiles.popitem(last=False)
            self._bytes -= old.nbytes
        self._tiles[key] = tile
        self._bytes += tile.nbytes

    def clear(self) -> None:
        """Forget every tile."""
        with self._lock:
            self._tiles.clear()
            self._bytes = 0


def _owning(tile: RGB) -> RGB:
    """Return a tile that keeps no larger array alive, so that the budget counts what is held."""
    base = tile.base
    held = getattr(base, "nbytes", tile.nbytes)
    return tile.copy() if base is not None and held != tile.nbytes else tile


@memoize
def shared_cache() -> TileCache:
    """Return the cache of this process: an eighth of the memory, at most 2 GiB."""
    return TileCache(min(2 << 30, psutil.virtual_memory().total // 8))
