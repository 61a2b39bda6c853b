"""Which boxes lie in a part of a slide: a grid of their centres, so that a view of a million costs what it shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.study.events import Box

Indices = npt.NDArray[np.int64]
Boxes = npt.NDArray[np.float32]

PER_FIELD = 8
"""Boxes in a field of the grid, on the average: few enough to look at, many enough to be worth a field."""

MOST_FIELDS = 1024
"""Fields along a side, at most."""


LARGE = 8.0
"""Sides of a field from which a box is looked at by itself: one as large as the slide must not slow all views down."""


class Places:
    """A grid over the centres of boxes that never change; large ones, and the few that do change, beside it.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in level-0 pixels.
    """

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = self._indexed = boxes
        centers, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        self._origin = centers.min(axis=0, initial=np.inf) if len(boxes) else np.zeros(2, np.float32)
        span = np.ptp(centers, axis=0) if len(boxes) else np.zeros(2, np.float32)
        side = np.sqrt(np.prod(np.maximum(span, 1.0)) * PER_FIELD / max(len(boxes), 1))
        self._side = float(max(side, span.max() / MOST_FIELDS, 1.0))
        self._shape = int(span[1] // self._side) + 1, int(span[0] // self._side) + 1
        columns, rows = ((centers - self._origin) // self._side).astype(np.int32).T
        fields = rows * self._shape[1] + columns
        self._order = np.argsort(fields, kind="stable")
        self._starts = np.searchsorted(fields[self._order], np.arange(self._shape[0] * self._shape[1] + 1))
        sums = np.diff(self._starts).reshape(self._shape).cumsum(axis=0).cumsum(axis=1)
        self._sums = np.pad(sums, ((1, 0), (1, 0)))
        large = (sizes > LARGE * self._side).any(axis=1)
        self._reach = sizes[~large].max(axis=0, initial=0) / 2
        self._large = self._strays = np.flatnonzero(large)

    def follow(self, boxes: Boxes) -> None:
        """Take the boxes as they are now: the same in the same order, some of them moved, others added behind."""
        number = len(self._indexed)
        if _start(boxes) != _start(self._boxes):
            moved = np.flatnonzero((boxes[:number] != self._indexed).any(axis=1))
            moved = np.union1d(moved, self._large)
        else:
            moved = self._strays[self._strays < number]
        self._boxes = boxes
        self._strays = np.concatenate([moved, np.arange(number, len(boxes))])

    def at_most(self, view: Box) -> int:
        """Return a number that is not smaller than that of the boxes in a part of the slide, at once."""
        top, left, bottom, right = self._fields(view)
        sums = self._sums
        inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return int(inside) + len(self._strays)

    def inside(self, view: Box) -> Indices:
        """Return, in ascending order, which boxes overlap a part of the slide, x0, y0, x1, y1 in level-0 pixels."""
        top, left, bottom, right = self._fields(view)
        rows = [self._row(row, left, right) for row in range(top, bottom)]
        near = np.concatenate([self._strays, *rows])
        x0, y0, x1, y1 = view
        boxes = self._boxes[near]
        overlap = (boxes[:, 2] > x0) & (boxes[:, 0] < x1) & (boxes[:, 3] > y0) & (boxes[:, 1] < y1)
        return np.unique(near[overlap])

    def _row(self, row: int, left: int, right: int) -> Indices:
        first = row * self._shape[1]
        return self._order[self._starts[first + left] : self._starts[first + right]]

    def _fields(self, view: Box) -> tuple[int, int, int, int]:
        """Return where centres of boxes in a view may lie: top, left, and the ends of rows and columns."""
        low = (np.array(view[:2]) - self._reach - self._origin) / self._side
        high = (np.array(view[2:]) + self._reach - self._origin) / self._side
        ends = np.array(self._shape[::-1])
        left, top = np.clip(np.floor(low), 0, ends).astype(int).tolist()
        right, bottom = np.clip(np.floor(high) + 1, 0, ends).astype(int).tolist()
        return top, left, max(bottom, top), max(right, left)


def _start(boxes: Boxes) -> int:
    """Return where in memory boxes begin: those that grew are where they were, those that moved were copied."""
    start: int = boxes.__array_interface__["data"][0]
    return start
