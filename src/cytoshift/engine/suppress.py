"""Greedy suppression of doubles over a spatial hash: exact, and near linear in the number of boxes."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

LARGE = 4.0
"""Boxes with a side over this many times the median are kept in a list of their own."""

_STRIDE = 73856093
"""Spreads the rows of cells over the hash; the cells of a row stay neighbours there."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _covers(box: Boxes, other: Boxes, iou: float) -> bool:
    """Tell whether two boxes, each with its area as fifth number, overlap by more."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return iou < 0
    inter = width * height
    covers: bool = inter / (box[4] + other[4] - inter) > iou
    return covers


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _doubles(box: Boxes, other: Boxes, limit: float, apart: bool) -> bool:
    """Tell whether two boxes are doubles: by their overlap, or by how far apart their upper left corners are."""
    if apart:
        dx, dy = box[0] - other[0], box[1] - other[1]
        near: bool = dx * dx + dy * dy <= limit * limit
        return near
    covers: bool = _covers(box, other, limit)
    return covers


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _greedy(boxes: Boxes, groups: Indices, limit: float, apart: bool, cell: float) -> npt.NDArray[np.bool_]:
    """Suppress among boxes ``(n, 5)`` that come best first; see `greedy` and `greedy_apart`."""
    n = len(boxes)
    bits = 4
    while (1 << bits) < 2 * n:
        bits += 1
    mask = (1 << bits) - 1
    head, following = np.full(1 << bits, -1, np.int32), np.empty(n, np.int32)
    accepted, owner = np.empty((n, 5), np.float32), np.empty(n, np.int64)
    large, larges, count = np.empty(n, np.int32), 0, 0
    kept = np.zeros(n, np.bool_)
    for i in range(n):
        box, group, free = boxes[i], groups[i], True
        is_large = max(box[2] - box[0], box[3] - box[1]) > cell
        for k in range(count if is_large else larges):
            j = k if is_large else large[k]
            if owner[j] != group and _doubles(box, accepted[j], limit, apart):
                free = False
                break
        row = np.int64(np.floor((box[1] + box[3]) / 2 / cell))
        column = np.int64(np.floor((box[0] + box[2]) / 2 / cell))
        if not is_large:
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    j = head[((row + dy) * _STRIDE + column + dx) & mask]
                    while free and j >= 0:
                        free = owner[j] == group or not _doubles(box, accepted[j], limit, apart)
                        j = following[j]
        if not free:
            continue
        kept[i] = True
        accepted[count], owner[count] = box, group
        if is_large:
            large[larges] = count
            larges += 1
        else:
            slot = (row * _STRIDE + column) & mask
            following[count] = head[slot]
            head[slot] = count
        count += 1
    return kept


def greedy(boxes: Boxes, order: Indices, groups: Indices, iou: float) -> npt.NDArray[np.bool_]:
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
    kept = np.zeros(len(boxes), np.bool_)
    if not len(boxes):
        return kept
    ranked = np.empty((len(boxes), 5), np.float32)
    ranked[:, :4] = boxes[order]
    with np.errstate(over="ignore"):  # an area beyond float32 is infinite, as in torchvision
        ranked[:, 4] = (ranked[:, 2] - ranked[:, 0]) * (ranked[:, 3] - ranked[:, 1])
    sides = np.maximum(ranked[:, 2] - ranked[:, 0], ranked[:, 3] - ranked[:, 1])
    usual = sides[sides <= LARGE * float(np.median(sides))]
    cell = max(float(usual.max(initial=0.0)) * (1 + 1e-6), 1e-6)  # sides are rounded, and so are centres over cells
    kept[order] = _greedy(ranked, groups[order], float(iou), False, cell)
    return kept


def greedy_apart(boxes: Boxes, order: Indices, groups: Indices, distance: float) -> npt.NDArray[np.bool_]:
    """Go through boxes in order and keep each from whose centre no kept one of another group is within a distance.

    Parameters
    ----------
    boxes, order, groups
        As for `greedy`.
    distance : float
        Above 0, in the unit of the boxes; centres exactly so far apart are doubles, as in MIDOG's reference.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each box is kept.
    """
    kept = np.zeros(len(boxes), np.bool_)
    if not len(boxes):
        return kept
    points = (boxes[order, :2] + boxes[order, 2:]) / 2
    ranked = np.concatenate([points, points, np.zeros((len(boxes), 1), np.float32)], axis=1)
    kept[order] = _greedy(ranked, groups[order], float(distance), True, distance * (1 + 1e-6))
    return kept
