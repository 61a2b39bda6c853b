"""Average precision of detectors, as COCO defines it, and the scores from which findings are kept."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.matching import ByOverlap, Matching

BY_OVERLAP = ByOverlap(0.5)
"""A box is on a cell where their intersection is at least half of their union."""

MOST_BOXES = 10_000
"""Boxes counted per image. COCO's own limit of 100 would silently truncate a field with more cells."""


class FoundBoxes(Protocol):
    """What was found in one image: boxes ``(n, 4)`` as x0, y0, x1, y1, scores and labels ``(n,)``."""

    @property
    def boxes(self) -> npt.NDArray[np.float32]: ...
    @property
    def scores(self) -> npt.NDArray[np.float32]: ...
    @property
    def labels(self) -> npt.NDArray[np.int16]: ...


@dataclass(frozen=True, slots=True)
class DetectionTruth:
    """What there is in one image: boxes ``(n, 4)``, labels ``(n,)``, and boxes ``(m, 4)`` that count neither way."""

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    ignored: npt.NDArray[np.float32]

    def scaled(self, scale: float) -> DetectionTruth:
        """Return the same with every coordinate times a scale."""
        return DetectionTruth(self.boxes * np.float32(scale), self.labels, self.ignored * np.float32(scale))


@dataclass(frozen=True, slots=True)
class Boxes:
    """Some of the boxes that were found in one image; see `FoundBoxes`."""

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """Mean over IoU 0.5:0.95 and at 0.5, over the classes that occur in the truth, and by class at 0.5."""

    mean: float
    mean50: float
    by_class50: dict[str, float]


def average_precision(
    truth: Sequence[DetectionTruth],
    found: Sequence[FoundBoxes],
    classes: Sequence[str],
    *,
    any_class: bool = False,
) -> AveragePrecision:
    """Measure boxes against the truth, image by image.

    Parameters
    ----------
    truth, found : sequences of the same length
        One entry an image.
    classes : sequence of str
        Names of the labels.
    any_class : bool
        Treat all cells as one class: how well cells are found, whatever they are called.

    Returns
    -------
    AveragePrecision
        Classes without truth take no part; 0 where there is no truth at all.
    """
    names = ["any"] if any_class else list(classes)
    if not any(len(image.boxes) for image in truth):
        return AveragePrecision(0.0, 0.0, {})
    precision = _precision(truth, found, len(names), any_class)
    by_class, by_class50 = [], {}
    for index, name in enumerate(names):
        values = precision[:, :, index]
        if (values > -1).any():
            by_class.append(float(values.mean()))
            by_class50[name] = float(values[0].mean())
    return AveragePrecision(float(np.mean(by_class)), float(np.mean(list(by_class50.values()))), by_class50)


FEWEST = 10
"""Cells of a class from which a threshold of its own is chosen."""


def best_threshold(
    truth: Sequence[DetectionTruth],
    found: Sequence[FoundBoxes],
    *,
    matching: Matching = BY_OVERLAP,
    fallback: float = 0.5,
) -> float:
    """Return the score from which keeping boxes gives the best F1 for cells of any class.

    Boxes are matched to the truth best score first, each to the nearest free cell; what lies over an ignored box
    counts neither way. ``fallback`` is returned where nothing matches.
    """
    hits = [match_cells(there, seen, matching=matching) for there, seen in zip(truth, found, strict=True)]
    scores = np.concatenate([score for score, _ in hits]) if hits else np.zeros(0)
    right = np.concatenate([hit for _, hit in hits]) if hits else np.zeros(0, bool)
    total = sum(len(image.boxes) for image in truth)
    if not right.any():
        return fallback
    order = np.argsort(-scores, kind="stable")
    gained = np.cumsum(right[order])
    f1 = 2 * gained / (np.arange(1, len(order) + 1) + total)
    return float(scores[order][int(np.argmax(f1))])


def best_thresholds(
    truth: Sequence[DetectionTruth],
    found: Sequence[FoundBoxes],
    classes: Sequence[str],
    *,
    matching: Matching = BY_OVERLAP,
    fallback: float = 0.5,
) -> dict[str, float]:
    """Return for each class the score from which keeping boxes of that name gives its best F1.

    A class with fewer than `FEWEST` cells, or of which nothing is found, gets the threshold that is best for cells of
    any class: a best one chosen on a handful of cells is chance.
    """
    common = best_threshold(truth, found, matching=matching, fallback=fallback)
    chosen = {}
    for label, name in enumerate(classes):
        pairs = [of_class(there, seen, label) for there, seen in zip(truth, found, strict=True)]
        there, seen = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        enough = sum(len(image.boxes) for image in there) >= FEWEST
        chosen[name] = best_threshold(there, seen, matching=matching, fallback=common) if enough else common
    return chosen


def precision_and_recall(
    truth: Sequence[DetectionTruth], found: Sequence[FoundBoxes], threshold: float, *, matching: Matching = BY_OVERLAP
) -> tuple[float, float]:
    """Return precision and recall of cells of any class at a score; 0 where nothing was found or there is nothing."""
    hits = [match_cells(there, seen, matching=matching) for there, seen in zip(truth, found, strict=True)]
    right = sum(int((hit & (score >= threshold)).sum()) for score, hit in hits)
    kept = sum(int((score >= threshold).sum()) for score, _ in hits)
    total = sum(len(image.boxes) for image in truth)
    return right / kept if kept else 0.0, right / total if total else 0.0


def of_class(truth: DetectionTruth, found: FoundBoxes, label: int) -> tuple[DetectionTruth, Boxes]:
    """Return what is there and what was found of one class; what is ignored stays ignored."""
    there, seen = truth.labels == label, found.labels == label
    cells = DetectionTruth(truth.boxes[there], truth.labels[there], truth.ignored)
    return cells, Boxes(found.boxes[seen], found.scores[seen], found.labels[seen])


def match_cells(
    truth: DetectionTruth, found: FoundBoxes, *, matching: Matching = BY_OVERLAP
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return scores, best first, and whether each box hit a cell of any class; those over ignored places left out."""
    order, partner = partners(truth, found, matching=matching)
    return found.scores[order].astype(np.float64), partner >= 0


def match_names(
    truth: DetectionTruth, found: FoundBoxes, *, matching: Matching = BY_OVERLAP
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return scores, and whether each box hit a cell of the class it names; those over ignored places left out."""
    parts = [match_cells(*of_class(truth, found, int(label)), matching=matching) for label in np.unique(found.labels)]
    if not parts:
        return np.zeros(0), np.zeros(0, bool)
    return np.concatenate([score for score, _ in parts]), np.concatenate([hit for _, hit in parts])


def partners(
    truth: DetectionTruth, found: FoundBoxes, *, matching: Matching = BY_OVERLAP
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Match boxes to cells one to one, whatever their classes, best score first, each to the nearest free cell.

    Returns
    -------
    order : ndarray of int64, shape (k,)
        Boxes, best score first, without those that hit nothing and lie over an ignored place.
    partner : ndarray of int64, shape (k,)
        The cell each is matched to; -1 for none.
    """
    order = np.argsort(-found.scores, kind="stable")
    nearness = matching.nearness(found.boxes[order], truth.boxes)
    spared = matching.spared(found.boxes[order], truth.ignored)
    free = np.ones(len(truth.boxes), bool)
    partner = np.full(len(order), -1, np.int64)
    for row in np.flatnonzero((nearness >= matching.least).any(axis=1)):
        candidates = np.where(free, nearness[row], -np.inf)
        best = int(candidates.argmax())
        if candidates[best] >= matching.least:
            free[best] = False
            partner[row] = best
    kept = (partner >= 0) | ~spared
    return order[kept], partner[kept]


def _precision(
    truth: Sequence[DetectionTruth], found: Sequence[FoundBoxes], count: int, any_class: bool
) -> npt.NDArray[np.float64]:
    """Return COCO's precision array, (IoU thresholds, recall thresholds, classes)."""
    from faster_coco_eval import COCO, COCOeval_faster

    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO(_truth_as_coco(truth, count, any_class))
        results = _found_as_coco(found, any_class)
        if not results:
            return np.where(_has_truth(truth, count, any_class), np.zeros((10, 101, count)), -1.0)
        evaluation = COCOeval_faster(reference, reference.loadRes(results), "bbox")
        evaluation.params.maxDets = [MOST_BOXES]
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return np.asarray(evaluation.eval["precision"], np.float64)[:, :, :, 0, 0]


def _has_truth(truth: Sequence[DetectionTruth], count: int, any_class: bool) -> npt.NDArray[np.bool_]:
    if any_class:
        return np.ones(1, bool)
    return np.bincount(np.concatenate([image.labels for image in truth]), minlength=count) > 0


def _truth_as_coco(truth: Sequence[DetectionTruth], count: int, any_class: bool) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []

    def add(image: int, box: npt.NDArray[np.float32], label: int, crowd: int) -> None:
        x0, y0, x1, y1 = (float(value) for value in box)
        shape = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": crowd}
        annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": label, **shape})

    for image, entry in enumerate(truth, start=1):
        for box, label in zip(entry.boxes, entry.labels, strict=True):
            add(image, box, 0 if any_class else int(label), 0)
        for box in entry.ignored:
            for label in range(count):
                add(image, box, label, 1)
    return {
        "images": [{"id": image, "width": 1, "height": 1} for image in range(1, len(truth) + 1)],
        "categories": [{"id": index, "name": str(index)} for index in range(count)],
        "annotations": annotations,
    }


def _found_as_coco(found: Sequence[FoundBoxes], any_class: bool) -> list[dict[str, Any]]:
    return [
        {
            "image_id": image,
            "category_id": 0 if any_class else int(label),
            "bbox": [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])],
            "score": float(score),
        }
        for image, entry in enumerate(found, start=1)
        for box, score, label in zip(entry.boxes, entry.scores, entry.labels, strict=True)
    ]
