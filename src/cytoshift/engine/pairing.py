"""Pairs of overlapping boxes of two sets, and a choice of them in which every box has one partner at most."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_ROWS, _SIZES = 73856093, 19349663
"""Spread the rows of cells, and the sizes of boxes, over the hash."""

_SLACK = 1 + 1e-9
"""Rounding must not hide a pair that overlaps just enough."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _side(box: Boxes) -> float:
    """Return the longer side of a box; 0 where the box has no area."""
    width, height = box[2] - box[0], box[3] - box[1]
    return max(width, height) if width > 0 and height > 0 else 0.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _overlap(one: Boxes, other: Boxes) -> float:
    """Return the intersection over union of two boxes that have an area."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    inter = width * height
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    overlap: float = inter / (areas - inter)
    return overlap


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _hashed(boxes: Boxes) -> tuple[Indices, Indices, Indices]:
    """Return heads and chains of a hash of boxes by size and place, and each box's size, row and column in it.

    Boxes whose longer side is from 2^s up to 2^(s+1) are of size s and lie in cells of 2^(s+1).
    """
    bits = 4
    while (1 << bits) < 2 * len(boxes):
        bits += 1
    head, following = np.full(1 << bits, -1, np.int64), np.full(len(boxes), -1, np.int64)
    cells = np.zeros((len(boxes), 3), np.int64)
    for i in range(len(boxes)):
        side = _side(boxes[i])
        if side <= 0:
            continue
        size = np.int64(np.floor(np.log2(side)))
        cell = 2.0 ** (size + 1)
        row = np.int64(np.floor((boxes[i, 1] + boxes[i, 3]) / 2 / cell))
        column = np.int64(np.floor((boxes[i, 0] + boxes[i, 2]) / 2 / cell))
        slot = (size * _SIZES + row * _ROWS + column) & ((1 << bits) - 1)
        cells[i, 0], cells[i, 1], cells[i, 2] = size, row, column
        following[i] = head[slot]
        head[slot] = i
    return head, following, cells


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _overlapping(before: Boxes, after: Boxes, iou: float) -> tuple[Indices, Boxes]:
    """Find the pairs; see `overlapping`."""
    head, following, cells = _hashed(before)
    mask = len(head) - 1
    pairs, overlaps, count = np.empty((max(len(after), 16), 2), np.int64), np.empty(max(len(after), 16)), 0
    least, most = cells[:, 0].min(), cells[:, 0].max()
    for j in range(len(after)):
        side = _side(after[j])
        if side <= 0:
            continue
        x, y = (after[j, 0] + after[j, 2]) / 2, (after[j, 1] + after[j, 3]) / 2
        smallest = max(least, np.int64(np.floor(np.log2(side * iou / _SLACK))))
        largest = min(most, np.int64(np.floor(np.log2(side / iou * _SLACK))))
        for size in range(smallest, largest + 1):
            cell = 2.0 ** (size + 1)
            far = (1 - iou) * max(side, cell) * _SLACK + 1e-9
            for row in range(np.int64(np.floor((y - far) / cell)), np.int64(np.floor((y + far) / cell)) + 1):
                for column in range(np.int64(np.floor((x - far) / cell)), np.int64(np.floor((x + far) / cell)) + 1):
                    i = head[(size * _SIZES + row * _ROWS + column) & mask]
                    while i >= 0:
                        if cells[i, 0] == size and cells[i, 1] == row and cells[i, 2] == column:
                            overlap = _overlap(before[i], after[j])
                            if overlap >= iou:
                                if count == len(pairs):
                                    pairs = np.concatenate((pairs, np.empty_like(pairs)))
                                    overlaps = np.concatenate((overlaps, np.empty_like(overlaps)))
                                pairs[count, 0], pairs[count, 1], overlaps[count] = i, j, overlap
                                count += 1
                        i = following[i]
    return pairs[:count], overlaps[:count]


def overlapping(
    before: npt.NDArray[np.float32], after: npt.NDArray[np.float32], iou: float
) -> tuple[Indices, npt.NDArray[np.float64]]:
    """Return the pairs of boxes of two sets that overlap by at least `iou`.

    Boxes that overlap so much are of like size and have their centres near each other, so only boxes of like size
    in the cells around a box are looked at: the time grows with the number of boxes and of pairs.

    Parameters
    ----------
    before, after : ndarray of float32, shapes (n, 4) and (m, 4)
        x0, y0, x1, y1. Boxes without an area overlap nothing.
    iou : float
        Intersection over union, over 0 and up to 1.

    Returns
    -------
    pairs : ndarray of int64, shape (p, 2)
        Positions in `before` and in `after`, in no particular order.
    overlaps : ndarray of float64, shape (p,)
    """
    if not 0 < iou <= 1:
        raise ValueError(f"iou is {iou}, not over 0 and up to 1")
    if not len(before) or not len(after):
        return np.zeros((0, 2), np.int64), np.zeros(0)
    pairs, overlaps = _overlapping(before.astype(np.float64), after.astype(np.float64), float(iou))
    return pairs, overlaps


@numba.njit(cache=True, nogil=True)
def _one_to_one(pairs: Indices, before: int, after: int) -> npt.NDArray[np.bool_]:
    """Take pairs in order; see `one_to_one`."""
    free_before, free_after = np.ones(before, np.bool_), np.ones(after, np.bool_)
    taken = np.zeros(len(pairs), np.bool_)
    for k in range(len(pairs)):
        i, j = pairs[k]
        if free_before[i] and free_after[j]:
            free_before[i] = free_after[j] = False
            taken[k] = True
    return taken


def one_to_one(pairs: Indices, before: int, after: int) -> Indices:
    """Go through pairs, best first, and keep each whose two partners are both still free.

    Parameters
    ----------
    pairs : ndarray of int64, shape (p, 2)
        Positions in two sets.
    before, after : int
        Sizes of the two sets.

    Returns
    -------
    ndarray of int64, shape (k, 2)
    """
    kept: Indices = pairs[_one_to_one(np.ascontiguousarray(pairs), before, after)]
    return kept
