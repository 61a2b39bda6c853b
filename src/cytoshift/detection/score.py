"""How good a detector is: every number that is stated of it, with intervals over images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.engine.findings import Findings
from cytoshift.metrics.bootstrap import Intervals, Weights, draw_images, percentile_interval
from cytoshift.metrics.calibration import Reliability, reliability_by_image
from cytoshift.metrics.confusion import confusions, precision_recall
from cytoshift.metrics.detection import BY_OVERLAP, DetectionTruth, FoundBoxes, average_precision
from cytoshift.metrics.f1 import CountedBoxes, F1Score, score_f1
from cytoshift.metrics.froc import RATES, FrocBoxes, froc
from cytoshift.metrics.matching import ByDistance, Matching
from cytoshift.metrics.pooled import PooledBoxes, pool, pooled_average, pooled_precision

ANY = "any class"
"""Cells of any class, whatever they are called."""


@dataclass(frozen=True, slots=True)
class DetectorScore:
    """How good a detector is on some fields.

    Parameters
    ----------
    mAP, mAP50, AP50_any : float
        COCO's mean over IoU 0.5 to 0.95, and at 0.5, over the classes that occur; at 0.5 with all cells as one class.
    AP50_by_class : dict of str to float
    precision, recall : float
        Of cells of any class at ``threshold``, or at ``thresholds`` by class.
    threshold, thresholds
        As stated.
    images, cells : int
    area_mm2 : float
    classes : tuple of str
        The detector's.
    further : dict of str to float
        All other numbers by name: AP over IoU 0.5 to 0.95, FROC (mean sensitivity over `RATES`), sensitivity at each
        rate, precision and recall of each class by its name, and the calibration error, of all boxes and of those
        shown.
    froc : dict of str to FrocBoxes
        By class that occurs, and `ANY`.
    curves : dict of str to ndarray of float64, shape (101,)
        Precision at recall 0, 0.01, ... 1 and IoU 0.5, for the same.
    confusion : ndarray of int64, shape (classes + 1, classes + 1)
        Rows are what is there, the last one nothing (invented); columns what it is called, the last nothing (missed).
    reliability : Reliability
        Scores against how often the class named is right.
    intervals : Intervals or None
    f1 : dict of str to F1Score
        By class that occurs, where a box counts by the distance of its centre from the cell's; empty where by overlap.
    refused : dict of str to str
        Fields that could not be seen through something, and why; they were looked at as they are.
    """

    mAP: float
    mAP50: float
    AP50_any: float
    AP50_by_class: dict[str, float]
    precision: float
    recall: float
    threshold: float
    thresholds: dict[str, float]
    images: int
    cells: int
    area_mm2: float
    classes: tuple[str, ...]
    further: dict[str, float]
    froc: dict[str, FrocBoxes]
    curves: dict[str, npt.NDArray[np.float64]]
    confusion: npt.NDArray[np.int64]
    reliability: Reliability
    intervals: Intervals | None
    f1: dict[str, F1Score]
    refused: dict[str, str]

    def flat(self) -> dict[str, float]:
        """Return the main numbers by name."""
        names = ("mAP", "mAP50", "AP50_any", "precision", "recall", "threshold", "images", "cells")
        by_class = {f"AP50 {name}": value for name, value in self.AP50_by_class.items()}
        return {name: getattr(self, name) for name in names} | by_class

    def as_metrics(self) -> dict[str, float]:
        """Return the main numbers as a model's card stores them; an interval's ends are ``low`` and ``high``."""
        ends = {} if self.intervals is None else self.intervals.ends
        of_main = {name: ends[name] for name in ("mAP", "mAP50", "AP50_any") if name in ends}
        low, high = (
            {f"{name} {end}": pair[k] for name, pair in of_main.items()} for k, end in enumerate(("low", "high"))
        )
        return self.flat() | low | high | self._f1_metrics()

    def _f1_metrics(self) -> dict[str, float]:
        numbers: dict[str, float] = {}
        for name, score in self.f1.items():
            numbers[f"F1 {name}"] = score.values[0]
            if score.ends is not None:
                numbers |= {f"F1 {name} low": float(score.ends[0, 0]), f"F1 {name} high": float(score.ends[1, 0])}
        return {name: value for name, value in numbers.items() if not np.isnan(value)}

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold: no NaN, curves as lists."""
        means = ([None if np.isnan(each) else float(each) for each in part] for part in self.reliability.means())
        score, right = means
        return {
            **self.flat(),
            "AP50_by_class": self.AP50_by_class,
            "thresholds": self.thresholds,
            "area_mm2": self.area_mm2,
            "further": self.further,
            "intervals": None if self.intervals is None else self.intervals.to_json(),
            "confusion": {"classes": [*self.classes, "nothing"], "rows_there_columns_found": self.confusion.tolist()},
            "reliability": {"boxes": self.reliability.count.tolist(), "score": score, "right": right},
            "precision_at_recall": {name: np.round(curve, 6).tolist() for name, curve in self.curves.items()},
            "f1_by_distance": {name: each.to_json() for name, each in self.f1.items()},
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True)
class Looked:
    """What a detector saw, field by field: truth, boxes, those of them that reach their thresholds, and mm².

    ``matching`` says when a box counts as a cell; where by distance, boxes are in its unit. ``slides`` are what the
    fields were cut from, ``""`` where nobody says; ``sizes`` their width and height in the unit of the boxes;
    ``findings`` what was found as the engine gave it, in pixels of the fields.
    """

    truth: Sequence[DetectionTruth]
    found: Sequence[FoundBoxes]
    shown: Sequence[FoundBoxes]
    areas: Sequence[float]
    refused: dict[str, str] = field(default_factory=dict)
    matching: Matching = BY_OVERLAP
    slides: Sequence[str] = ()
    sizes: Sequence[tuple[float, float]] = ()
    findings: Sequence[Findings] = ()


def score_detector(
    looked: Looked,
    classes: tuple[str, ...],
    *,
    threshold: float,
    thresholds: Mapping[str, float] | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> DetectorScore:
    """Work out every number of a detector.

    Parameters
    ----------
    looked : Looked
        What it saw, with labels as indices into ``classes``.
    classes : tuple of str
    threshold, thresholds
        As stated; what they keep is in ``looked``.
    resamples : int
        Draws of images for the intervals; none are worked out without.
    seed : int
        Of the draws.
    """
    by_class = average_precision(looked.truth, looked.found, classes)
    any_class = average_precision(looked.truth, looked.found, classes, any_class=True)
    parts = DetectorParts.of(looked, classes)
    once = np.ones((1, len(looked.truth)), np.int64)
    numbers = {name: float(value) for name, value in zip(parts.order(), parts.numbers(once)[0], strict=True)}
    known = {name: value for name, value in numbers.items() if not np.isnan(value)}
    score = DetectorScore(
        mAP=by_class.mean,
        mAP50=by_class.mean50,
        AP50_any=any_class.mean50,
        AP50_by_class=by_class.by_class50,
        precision=known.get("precision", 0.0),
        recall=known.get("recall", 0.0),
        threshold=threshold,
        thresholds=dict(thresholds or {}),
        images=len(looked.truth),
        cells=sum(len(each.boxes) for each in looked.truth),
        area_mm2=float(np.sum(looked.areas)),
        classes=classes,
        further=known,
        froc=dict(zip(parts.names, parts.froc, strict=True)),
        curves={n: pooled_precision(boxes, once)[0, 0] for n, boxes in zip(parts.names, parts.pooled, strict=True)},
        confusion=parts.confusions.sum(axis=0),
        reliability=parts.reliability.drawn(once[0]),
        intervals=parts.intervals(resamples, seed) if resamples else None,
        f1=_f1(looked, classes, threshold, thresholds or {}, resamples, seed),
        refused=looked.refused,
    )
    for name in score.flat():
        known.pop(name, None)
    return score


def _f1(
    looked: Looked,
    classes: tuple[str, ...],
    threshold: float,
    thresholds: Mapping[str, float],
    resamples: int,
    seed: int,
) -> dict[str, F1Score]:
    """Return the F1 of each class that occurs, for boxes that count by distance."""
    if not isinstance(looked.matching, ByDistance):
        return {}
    scores = {}
    for label in sorted({int(label) for each in looked.truth for label in each.labels}):
        boxes = CountedBoxes.of(looked.truth, looked.found, label, looked.matching)
        limit = thresholds.get(classes[label], threshold)
        scores[classes[label]] = score_f1(boxes, limit, resamples=resamples, seed=seed)
    return scores


@dataclass(frozen=True, slots=True)
class DetectorParts:
    """What each image contributes to each number; ``names`` are the classes that occur, with `ANY` behind them."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    pooled: list[PooledBoxes]
    froc: list[FrocBoxes]
    confusions: npt.NDArray[np.int64]
    reliability: Reliability
    reliability_shown: Reliability

    @classmethod
    def of(cls, looked: Looked, classes: tuple[str, ...]) -> DetectorParts:
        truth, found = looked.truth, looked.found
        there = {int(label) for each in truth for label in each.labels}
        labels: list[int | None] = [*sorted(there), None]
        return cls(
            tuple(ANY if label is None else classes[label] for label in labels),
            classes,
            [pool(truth, found, label) for label in labels],
            [froc(truth, found, looked.areas, label, matching=looked.matching) for label in labels],
            confusions(truth, looked.shown, len(classes), matching=looked.matching),
            reliability_by_image(truth, found, matching=looked.matching),
            reliability_by_image(truth, looked.shown, matching=looked.matching),
        )

    def numbers(self, weights: Weights) -> npt.NDArray[np.float64]:
        """Return every number of some draws of images, ``(r, numbers)``, in `order`; NaN where one is not defined."""
        average = pooled_average(self.pooled, weights)
        counts = np.tensordot(weights, self.confusions, axes=1)
        found = np.stack([each.sensitivity(weights) for each in self.froc], axis=1)
        columns = [
            _mean_known(average[:, :-1].mean(axis=2)),
            _mean_known(average[:, :-1, 0]),
            average[:, :, 0],
            average.mean(axis=2),
            found.mean(axis=2),
            found.reshape(len(weights), -1),
            *precision_recall(counts),
            self.reliability.drawn(weights).error()[:, None],
            self.reliability_shown.drawn(weights).error()[:, None],
        ]
        return np.concatenate(columns, axis=1)

    def order(self) -> list[str]:
        """Return the names of `numbers`."""
        return [
            "mAP",
            "mAP50",
            *("AP50_any" if name == ANY else f"AP50 {name}" for name in self.names),
            *(f"AP {name}" for name in self.names),
            *(f"FROC {name}" for name in self.names),
            *(f"sensitivity {name} at {rate:g}/mm²" for name in self.names for rate in RATES),
            *(f"precision {name}" for name in self.classes),
            "precision",
            *(f"recall {name}" for name in self.classes),
            "recall",
            "calibration error",
            "calibration error, shown",
        ]

    def intervals(self, resamples: int, seed: int) -> Intervals:
        draws = draw_images(len(self.confusions), resamples, seed)
        low, high = percentile_interval(self.numbers, draws)
        rows = zip(self.order(), low.tolist(), high.tolist(), strict=True)
        return Intervals(resamples, seed, {name: (a, b) for name, a, b in rows if not np.isnan(a)})


def _mean_known(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean ``(r, 1)`` over the classes ``(r, classes)`` that a draw has; NaN where it has none."""
    known = ~np.isnan(values)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0), np.float64)
