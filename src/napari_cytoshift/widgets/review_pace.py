"""How fast a person decides, and how long the rest will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

REMEMBERED = 12
"""Decisions from which the pace is reckoned."""

ENOUGH = 4


class Pace:
    """The pace of the last decisions; their median, so that one long look or a pause says nothing.

    Parameters
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._decisions: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)

    def decided(self, cells: int) -> None:
        """Take note that so many cells were decided on together."""
        self._decisions.append((self._clock(), cells))

    def remaining(self, cells: int) -> float | None:
        """Return the seconds that so many cells will take; None while too little was decided."""
        if len(self._decisions) < ENOUGH:
            return None
        times, numbers = np.array(self._decisions).T
        return float(np.median(np.diff(times) / numbers[1:])) * cells
