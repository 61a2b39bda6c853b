"""Labelled fields that no detector has seen, and what detectors find there."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cytoshift.detection import DetectorOperator
from cytoshift.detection.labels import CLASS_MAPS
from cytoshift.engine.operator import TileBoxes
from cytoshift.engine.runs import run_findings
from cytoshift.metrics.bootstrap import draw_images
from cytoshift.metrics.detection import DetectionTruth, average_precision
from cytoshift.metrics.pooled import pool, pooled_average
from cytoshift.slides import open_slide
from cytoshift.training.coco import CocoSet

NOMINAL_MPP = 0.25

CLASSES = ("cell", "abnormal", "bethesda")

RESAMPLES = 1000
ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class UnseenFields:
    """Fields and what they hold."""

    name: str
    data: CocoSet

    def found_by(self, detector: DetectorOperator, file: Path) -> list[TileBoxes]:
        """Return what a detector finds in each field, in its pixels; from a file where it is there."""
        if not file.exists():
            found = [_found_in(field.path, detector) for field in self.data.fields]
            parts = {
                f"{k}-{name}": getattr(boxes, name)
                for k, boxes in enumerate(found)
                for name in ("boxes", "scores", "labels")
            }
            np.savez_compressed(file, **parts)
        with np.load(file) as kept:
            count = len(self.data.fields)
            return [TileBoxes(*(kept[f"{k}-{name}"] for name in ("boxes", "scores", "labels"))) for k in range(count)]

    def figures(self, found: list[TileBoxes]) -> tuple[dict[str, object], dict[str, npt.NDArray[np.float64]]]:
        """Return figures with their intervals over images, and mAP50 of every draw of images."""
        figures: dict[str, object] = {}
        drawn: dict[str, npt.NDArray[np.float64]] = {}
        data = self.data
        draws = draw_images(len(data.fields), RESAMPLES, seed=0)
        for names in CLASSES:
            table = CLASS_MAPS[names] or {name: name for name in data.classes}
            classes = tuple(dict.fromkeys(table[name] for name in data.classes))
            number = np.array([classes.index(table[name]) for name in data.classes])
            truth = [DetectionTruth(field.boxes, number[field.labels], field.ignored) for field in data.fields]
            seen = [TileBoxes(boxes.boxes, boxes.scores, number[boxes.labels].astype(np.int16)) for boxes in found]
            precision = average_precision(truth, seen, classes)
            there = [k for k, name in enumerate(classes) if name in precision.by_class50]
            values = np.nanmean(pooled_average([pool(truth, seen, k) for k in there], draws)[:, :, 0], axis=1)
            drawn[f"{names} mAP50"] = values
            figures |= {f"{names} mAP50": round(precision.mean50, 4), f"{names} mAP": round(precision.mean, 4)}
            figures[f"{names} mAP50 interval"] = np.nanquantile(values, ENDS).round(4).tolist()
            if names == "abnormal":
                figures["abnormal AP50"] = round(precision.by_class50.get("abnormal", 0.0), 4)
        return figures, drawn


def _found_in(path: Path, detector: DetectorOperator) -> TileBoxes:
    with closing(open_slide(path).calibrated((NOMINAL_MPP, NOMINAL_MPP))) as slide:
        findings = run_findings(slide, detector)
    return TileBoxes(findings.boxes, findings.scores, findings.labels)
