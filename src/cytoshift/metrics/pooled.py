"""Average precision of many draws of images at once: boxes are matched once, and each draw only counts them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.detection import MOST_BOXES, DetectionTruth, FoundBoxes, of_class

IOUS = np.linspace(0.5, 0.95, 10)
"""COCO's overlaps."""

RECALLS = np.linspace(0.0, 1.0, 101)
"""COCO's levels of recall, at which precision is read."""


@dataclass(frozen=True, slots=True)
class PooledBoxes:
    """Boxes of all images, best score first, and what each is at each of `IOUS`.

    Parameters
    ----------
    image : ndarray of int64, shape (n,)
        The image each box lies in.
    hit : ndarray of bool, shape (10, n)
        It hit a cell.
    counted : ndarray of bool, shape (10, n)
        It counts at all: it hit a cell, or does not lie over an ignored place.
    cells : ndarray of int64, shape (images,)
        Cells in each image.
    """

    image: npt.NDArray[np.int64]
    hit: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    cells: npt.NDArray[np.int64]


def pool(truth: Sequence[DetectionTruth], found: Sequence[FoundBoxes], label: int | None = None) -> PooledBoxes:
    """Match the boxes of one class, or of any, as COCO does: image by image, best score first, each overlap alone."""
    scores, images, hits, counted, cells = [], [], [], [], []
    for index, (there, seen) in enumerate(zip(truth, found, strict=True)):
        there, seen = (there, seen) if label is None else of_class(there, seen, label)
        order = np.argsort(-seen.scores, kind="stable")[:MOST_BOXES]
        hit, spared = _match(seen.boxes[order], there)
        scores.append(seen.scores[order])
        images.append(np.full(len(order), index, np.int64))
        hits.append(hit)
        counted.append(hit | ~spared)
        cells.append(len(there.boxes))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return PooledBoxes(
        np.concatenate(images)[order],
        np.concatenate(hits, axis=1)[:, order],
        np.concatenate(counted, axis=1)[:, order],
        np.array(cells, np.int64),
    )


def pooled_precision(boxes: PooledBoxes, weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return precision at each level of recall, as COCO's envelope reads it.

    Parameters
    ----------
    boxes : PooledBoxes
    weights : ndarray of int64, shape (r, images)
        How often each draw has each image.

    Returns
    -------
    ndarray of float64, shape (r, 10, 101)
        NaN where a draw has no cell. Its mean over the last axis is average precision.
    """
    drawn, cells = weights[:, boxes.image].astype(np.float64), weights @ boxes.cells
    result = np.zeros((len(weights), len(IOUS), len(RECALLS)))
    for k, (hit, counted) in enumerate(zip(boxes.hit, boxes.counted, strict=True)):
        if k == 0 or (counted != boxes.counted[k - 1]).any():
            running = np.cumsum(drawn * counted, axis=1)
        # precision only rises, and recall only grows, at a hit: nothing is lost by looking there alone
        right = np.cumsum(drawn[:, hit], axis=1)
        precision = right / np.maximum(running[:, hit], 1)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = right / np.maximum(cells, 1)[:, None]
        padded = np.pad(envelope, ((0, 0), (0, 1)))
        for row in range(len(weights)):
            result[row, k] = padded[row, np.searchsorted(recall[row], RECALLS)]
    result[cells == 0] = np.nan
    return result


def pooled_average(boxes: Sequence[PooledBoxes], weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return average precision ``(r, classes, 10)`` of draws of images, class by class; NaN where one has no cells."""
    return np.stack([pooled_precision(each, weights).mean(axis=2) for each in boxes], axis=1)


def _match(
    found: npt.NDArray[np.float32], truth: DetectionTruth
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which boxes, best first, hit a cell, and which lie over an ignored place, at each of `IOUS`."""
    overlap, inside = _coco_overlap(found, truth.boxes), _coco_overlap(found, truth.ignored, inside=True)
    hit = np.zeros((len(IOUS), len(found)), bool)
    free = np.ones((len(IOUS), len(truth.boxes)), bool)
    for row in np.flatnonzero((overlap >= IOUS[0]).any(axis=1)):
        candidates = np.where(free, overlap[row], -1.0)
        best = candidates.shape[1] - 1 - candidates[:, ::-1].argmax(axis=1)  # the last of equals, as COCO has it
        hit[:, row] = candidates[np.arange(len(IOUS)), best] >= IOUS
        free[hit[:, row], best[hit[:, row]]] = False
    spared = np.asarray((inside[None] >= IOUS[:, None, None]).any(axis=2), np.bool_)
    return hit, spared


def _coco_overlap(
    found: npt.NDArray[np.float32], truth: npt.NDArray[np.float32], *, inside: bool = False
) -> npt.NDArray[np.float64]:
    """Return intersection over union, or over the found box alone, rounded where COCO rounds: sides before corners."""
    a = np.concatenate([found[:, :2], found[:, 2:] - found[:, :2]], axis=1).astype(np.float64)[:, None]
    b = truth.astype(np.float64)[None]
    b = np.concatenate([b[..., :2], b[..., 2:] - b[..., :2]], axis=-1)
    sides = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    common = np.prod(np.clip(sides, 0, None), axis=-1)
    area, other = np.prod(a[..., 2:], axis=-1), np.prod(b[..., 2:], axis=-1)
    whole = np.broadcast_to(area, common.shape) if inside else area + other - common
    ratio: npt.NDArray[np.float64] = np.divide(common, whole, out=np.zeros_like(common), where=whole > 0)
    return ratio
