"""How many tiles an operator is given at once: a batch, and half of it whenever memory runs out."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from cytoshift.engine.grid import Shard
from cytoshift.errors import CytoshiftError

RGB = npt.NDArray[np.uint8]
R = TypeVar("R")

SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "status_alloc_failed")
"""What torch says, in small letters, when memory runs out: CUDA and MPS, the CPU on two systems, CUDA's libraries."""


class Portions:
    """The batches of one run, which become smaller when memory runs out and stay so.

    What an operator makes of a tile does not depend on the tiles it is given with, so smaller batches change nothing.
    """

    def __init__(self) -> None:
        self._most = sys.maxsize

    def run(self, work: Callable[[Shard, RGB], Iterable[R]], tiles: Shard, windows: RGB, *, title: str) -> list[R]:
        """Run a function over the windows of tiles, as many at once as memory holds.

        Parameters
        ----------
        work : callable
            Given tiles and their windows, returns one result for each window; a short portion is filled up by
            repeating its last window, so the function sees only few shapes.
        tiles : tuple of Tile
            May be fewer than the windows.
        windows : ndarray of uint8, shape (batch, window, window, 3)
        title : str
            What a person calls the operator, for the error.

        Returns
        -------
        list
            One result for each tile.

        Raises
        ------
        CytoshiftError
            When memory runs out over a single tile.
        """
        results: list[R] = []
        while len(results) < len(tiles):
            size = min(self._most, len(windows))
            some = tiles[len(results) : len(results) + size]
            given = _filled(windows[len(results) : len(results) + size], size)
            try:
                made = list(work(some, given))
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                if size == 1:
                    raise CytoshiftError(
                        f"Memory runs out over one tile of {title}; close other programs, or choose another device."
                    ) from error
                self._most = min(self._most, size // 2)
            else:
                results.extend(made[: len(some)])
                continue
            free_memory()  # only here, where the error no longer holds what the operator had in its hands
        return results


def out_of_memory(error: Exception) -> bool:
    """Tell whether an error says that memory ran out; torch's is known by its words, so that nothing imports torch."""
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in SIGNS)


def _filled(windows: RGB, size: int) -> RGB:
    return windows if len(windows) == size else np.concatenate([windows, windows[-1:].repeat(size - len(windows), 0)])


def free_memory() -> None:
    """Give back what nobody uses, also what torch keeps of a device's memory."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
