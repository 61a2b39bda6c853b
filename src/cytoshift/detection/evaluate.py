"""Measures a detector on annotated fields, through the same engine that runs it over slides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cytoshift.detection.train import in_classes
from cytoshift.engine.findings import Findings
from cytoshift.engine.operator import FindingOperator
from cytoshift.engine.runs import run_findings
from cytoshift.metrics.detection import DetectionTruth, average_precision, precision_and_recall
from cytoshift.slides import open_slide
from cytoshift.training.coco import CocoSet


@dataclass(frozen=True, slots=True)
class DetectorScore:
    """How good a detector is on some fields.

    ``mAP`` is COCO's mean over IoU 0.5 to 0.95, ``mAP50`` at 0.5, both over the classes that occur; ``AP50_any``
    treats all cells as one class. ``precision`` and ``recall`` are of cells of any class at ``threshold``.
    """

    mAP: float
    mAP50: float
    AP50_any: float
    AP50_by_class: dict[str, float]
    precision: float
    recall: float
    threshold: float
    images: int
    cells: int

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        return asdict(self)

    def flat(self) -> dict[str, float]:
        """Return the numbers by name, as a model's card stores them."""
        numbers = {name: value for name, value in asdict(self).items() if isinstance(value, int | float)}
        return numbers | {f"AP50 {name}": value for name, value in self.AP50_by_class.items()}


def evaluate_detector(
    operator: FindingOperator,
    data: CocoSet,
    *,
    mpp: float,
    threshold: float,
    report: Callable[[int, int], None] | None = None,
) -> DetectorScore:
    """Measure a detector.

    Parameters
    ----------
    operator : FindingOperator
        With a low threshold (0.01): average precision needs the whole curve.
    data : CocoSet
        Fields it was not trained on.
    mpp : float
        µm/px of fields that say nothing of it.
    threshold : float
        Score at which precision and recall are given.
    report : callable, optional
        Receives fields done and in all.
    """
    named = in_classes(data, operator.classes)
    found: list[Findings] = []
    for done, field in enumerate(named.fields):
        slide = open_slide(field.path)
        scale = field.mpp or mpp
        found.append(run_findings(slide.calibrated((scale, scale)), operator))
        slide.close()
        if report is not None:
            report(done + 1, len(named.fields))
    truth = [DetectionTruth(field.boxes, field.labels, field.ignored) for field in named.fields]
    classes = average_precision(truth, found, operator.classes)
    cells = average_precision(truth, found, operator.classes, any_class=True)
    precision, recall = precision_and_recall(truth, found, threshold)
    return DetectorScore(
        mAP=classes.mean,
        mAP50=classes.mean50,
        AP50_any=cells.mean50,
        AP50_by_class=classes.by_class50,
        precision=precision,
        recall=recall,
        threshold=threshold,
        images=len(named.fields),
        cells=int(np.sum([len(field.boxes) for field in named.fields])),
    )
