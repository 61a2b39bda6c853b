"""Coarser levels made while the finer ones are written: 2 x 2 means, gathered from chunks in any order.

A coarse chunk is whole when all (up to four) finer chunks under it have come, each once. Whatever does not go that
way (a chunk written twice, one that never comes, more open chunks than there is room for) is not made here: the
pyramid computes it from the files at the end. So memory is bounded, and no order of writing gives other pixels.
"""

from __future__ import annotations

import threading
from enum import Enum, auto

import numpy as np

from cytoshift.slides.chunk_files import Planes, blank
from cytoshift.slides.slide import TILE

Key = tuple[int, int, int]
"""Level, row and column of a chunk."""

ROOM = 256
"""Coarse chunks open at once, 192 MiB: what a slide of 130,000 px width takes when it is written row by row."""

HALF = TILE // 2


class _State(Enum):
    WHOLE = auto()
    """Gathered; on its way to its file."""
    MADE = auto()
    """Its file holds the means of the finer chunks as they are."""
    SPOILT = auto()
    """To be computed from the files."""


class Reduction:
    """What is known of the coarse chunks of a pyramid while it is written. Safe from many threads.

    Parameters
    ----------
    sizes : list of tuple of int
        Height and width in pixels of every level, the finest first.
    room : int
        Coarse chunks that may be open at once.
    """

    def __init__(self, sizes: list[tuple[int, int]], room: int = ROOM) -> None:
        self._sizes = sizes
        self._room = room
        self._lock = threading.Lock()
        self._states: dict[Key, _State] = {}
        self._open: dict[Key, tuple[Planes, set[tuple[int, int]]]] = {}

    def grid(self, level: int) -> tuple[int, int]:
        """Return the rows and columns of the chunks of a level."""
        height, width = self._sizes[level]
        return -(-height // TILE), -(-width // TILE)

    def quarter(self, level: int, row: int, column: int, planes: Planes) -> Planes:
        """Return the 2 x 2 means of a chunk, of its part that lies in the slide."""
        height, width = self._sizes[level]
        return halve(planes[:, : height - row * TILE, : width - column * TILE])

    def written(self, level: int, row: int, column: int, planes: Planes) -> Planes | None:
        """Take note of a chunk whose file has just been written.

        Returns
        -------
        ndarray of uint8, shape (3, TILE, TILE), or None
            The coarser chunk over it, if it is whole now: to be written and told here in its turn.
        """
        coarser = (level + 1, row // 2, column // 2)
        quarter = self.quarter(level, row, column, planes) if coarser[0] < len(self._sizes) else None
        with self._lock:
            if level and not self._settle((level, row, column)):
                return None  # a finer chunk was written anew meanwhile
            return None if quarter is None else self._gather(coarser, (row % 2, column % 2), quarter)

    def _settle(self, key: Key) -> bool:
        settled = self._states.get(key) is _State.WHOLE
        if settled:
            self._states[key] = _State.MADE
        return settled

    def _gather(self, key: Key, place: tuple[int, int], quarter: Planes) -> Planes | None:
        if key in self._states or (key in self._open and place not in self._open[key][1]):
            self._spoil(key)
            return None
        if key not in self._open:
            if len(self._open) >= self._room:
                self._spoil(next(iter(self._open)))
            self._open[key] = (blank(), self._under(key))
        planes, awaited = self._open[key]
        put(planes, place, quarter)
        awaited.discard(place)
        if awaited:
            return None
        del self._open[key]
        self._states[key] = _State.WHOLE
        return planes

    def _under(self, key: Key) -> set[tuple[int, int]]:
        """Return the places of the finer chunks that there are under a coarse one."""
        level, row, column = key
        rows, columns = self.grid(level - 1)
        return {(i, j) for i in (0, 1) for j in (0, 1) if 2 * row + i < rows and 2 * column + j < columns}

    def _spoil(self, key: Key) -> None:
        """Leave a coarse chunk, and those over it, to be computed from the files."""
        level, row, column = key
        for up in range(len(self._sizes) - level):
            over = (level + up, row >> up, column >> up)
            self._open.pop(over, None)
            self._states[over] = _State.SPOILT

    def made(self, level: int, row: int, column: int) -> bool:
        """Tell whether the file of a coarse chunk is up to date."""
        with self._lock:
            return self._states.get((level, row, column)) is _State.MADE

    def computed(self, level: int, row: int, column: int) -> None:
        """Take note of a coarse chunk that was computed from the files."""
        with self._lock:
            self._open.pop((level, row, column), None)
            self._states[level, row, column] = _State.MADE


def put(planes: Planes, place: tuple[int, int], quarter: Planes) -> None:
    """Put the means of the finer chunk at a place (row and column, 0 or 1) into a coarse chunk."""
    y, x = place[0] * HALF, place[1] * HALF
    planes[:, y : y + quarter.shape[1], x : x + quarter.shape[2]] = quarter


def halve(planes: Planes) -> Planes:
    """Return the rounded 2 x 2 means of planes ``(c, y, x)``; an odd side repeats its last pixels."""
    if planes.shape[1] % 2 or planes.shape[2] % 2:
        planes = np.pad(planes, ((0, 0), (0, planes.shape[1] % 2), (0, planes.shape[2] % 2)), mode="edge")
    pairs = planes.view(np.uint16)  # two neighbours of a row in one word: sums of neighbours without strides
    rows = pairs & 0xFF
    rows += pairs >> 8
    means = rows[:, ::2] + rows[:, 1::2]
    means += 2
    means >>= 2
    return means.astype(np.uint8)
