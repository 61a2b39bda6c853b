"""Greedy suppression of overlapping boxes over a spatial hash, exact and near linear in their number."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

LARGE = 4.0
"""Boxes with a side over this many times the median are kept in a list of their own."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _overlap(boxes: npt.NDArray[np.float32], areas: npt.NDArray[np.float32], i: int, j: int) -> np.float32:
    width = min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0])
    height = min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1])
    inter = max(np.float32(0), width) * max(np.float32(0), height)
    iou: np.float32 = inter / (areas[i] + areas[j] - inter)
    return iou


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _greedy(
    boxes: npt.NDArray[np.float32],
    order: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    iou: float,
    cell: float,
) -> npt.NDArray[np.bool_]:
    n = len(boxes)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    bits = 4
    while (1 << bits) < 2 * n:
        bits += 1
    mask = (1 << bits) - 1
    head = np.full(1 << bits, -1, np.int64)
    following = np.full(n, -1, np.int64)
    large = np.empty(n, np.int64)
    larges = 0
    accepted = np.empty(n, np.int64)
    count = 0
    kept = np.zeros(n, np.bool_)
    for i in order:
        is_large = max(boxes[i, 2] - boxes[i, 0], boxes[i, 3] - boxes[i, 1]) > cell
        free = True
        if is_large:
            for k in range(count):
                j = accepted[k]
                if groups[i] != groups[j] and _overlap(boxes, areas, i, j) > iou:
                    free = False
                    break
        else:
            for k in range(larges):
                j = large[k]
                if groups[i] != groups[j] and _overlap(boxes, areas, i, j) > iou:
                    free = False
                    break
        row = np.int64(np.floor((boxes[i, 1] + boxes[i, 3]) / 2 / cell))
        column = np.int64(np.floor((boxes[i, 0] + boxes[i, 2]) / 2 / cell))
        if free and not is_large:
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    j = head[((row + dy) * 73856093 + (column + dx)) & mask]
                    while free and j >= 0:
                        if groups[i] != groups[j] and _overlap(boxes, areas, i, j) > iou:
                            free = False
                        j = following[j]
        if not free:
            continue
        kept[i] = True
        accepted[count] = i
        count += 1
        if is_large:
            large[larges] = i
            larges += 1
        else:
            slot = (row * 73856093 + column) & mask
            following[i] = head[slot]
            head[slot] = i
    return kept


def greedy(
    boxes: npt.NDArray[np.float32],
    order: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    iou: float,
) -> npt.NDArray[np.bool_]:
    """Go through boxes in order and keep each that no kept box of another group overlaps by more than `iou`.

    Boxes that overlap have centres at most one side apart, so only the nine cells around a box are searched;
    boxes far larger than the median are compared with all.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1.
    order : ndarray of int64, shape (n,)
        Indices of the boxes, best first.
    groups : ndarray of int64, shape (n,)
        Boxes of one group never suppress each other.
    iou : float
        Intersection over union, in float32 as torchvision computes it.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each box is kept.
    """
    if not len(boxes):
        return np.zeros(0, np.bool_)
    boxes = np.ascontiguousarray(boxes, dtype=np.float32)
    sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    usual = sides[sides <= LARGE * float(np.median(sides))]
    cell = max(float(usual.max(initial=0.0)), 1e-6)
    kept: npt.NDArray[np.bool_] = _greedy(boxes, order, groups, float(iou), cell)
    return kept
