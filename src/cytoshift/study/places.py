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


MOST_STRAYS = 5_000
"""Boxes that are looked at one by one in every view."""

FEW = 16
"""One in so many boxes may lie near a view for the grid to be faster than a look at all of them."""


def overlapping(boxes: Boxes, view: Box) -> Indices:
    """Return which boxes overlap a part of the slide, by a look at every one of them."""
    x0, y0, x1, y1 = view
    return np.flatnonzero((boxes[:, 2] > x0) & (boxes[:, 0] < x1) & (boxes[:, 3] > y0) & (boxes[:, 1] < y1))


class Places:
    """A grid over the centres of boxes that never change; large ones, and the few that do change, beside it.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in level-0 pixels.
    moved : ndarray of int
        Those that may lie elsewhere than when none was corrected.
    """

    def __init__(self, boxes: Boxes, moved: Indices) -> None:
        self._boxes, self._number = boxes, len(boxes)
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
        self._always = self._strays = np.union1d(np.flatnonzero(large), moved)

    def follow(self, boxes: Boxes, moved: Indices) -> None:
        """Take the boxes as they are now: in the same order, some of them moved, others added behind.

        Parameters
        ----------
        boxes : ndarray of float32, shape (m, 4)
        moved : ndarray of int
            Those that may lie elsewhere than when none was corrected.
        """
        self._boxes = boxes
        self._strays = np.unique(np.concatenate([self._always, moved, np.arange(self._number, len(boxes))]))

    def holds(self, boxes: Boxes) -> bool:
        """Whether boxes may be these, some moved and a few added; many others want a grid of their own."""
        return 0 <= len(boxes) - self._number <= MOST_STRAYS

    def at_most(self, view: Box) -> int:
        """Return a number that is not smaller than that of the boxes in a part of the slide, at once."""
        top, left, bottom, right = self._fields(view)
        sums = self._sums
        inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return int(inside) + len(self._strays)

    def inside(self, view: Box) -> Indices:
        """Return, in ascending order, which boxes overlap a part of the slide, x0, y0, x1, y1 in level-0 pixels."""
        if self.at_most(view) * FEW > len(self._boxes):
            return overlapping(self._boxes, view)
        top, left, bottom, right = self._fields(view)
        rows = [self._row(row, left, right) for row in range(top, bottom)]
        near = np.concatenate([self._strays, *rows])
        return np.unique(near[overlapping(self._boxes[near], view)])

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
