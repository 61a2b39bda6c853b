"""The detection tables of the two-stage paper on real data: what translation and distillation are worth to a detector.

Source: half a of split ``train`` of ``cervical/cric``, with labels. Target: the second scanner, ``cervical/cric-
scanner-b``; translators have learnt its look from half b of ``train``, and no student sees a label of it. Figures:
split ``val`` of the target, on which nothing is trained or chosen; the best step and the threshold of each detector
come from held-back source fields in the student's look. Rows: the teacher (source only), the same trained as long as a
student, stain jitter, Reinhard towards a target field, and each translator of the translation experiment, without and
with LFA + CFA; on SC-UNSB's pictures KD, DKD and SPD (similarity-preserving) as well; last, a detector taught on the
target's half b with its labels. With identical pictures for teacher and student there is nothing to distil, so "source
only" with LFA + CFA is the row of stain jitter with them. All students start from their seed's teacher.

``python -m experiments detection-table --run FOLDER --translators FOLDER``, the second being the run folder of
``translation-table``, goes on where the folder was left; ``--rows`` does some rows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Mapping
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
from cytoshift.training.coco import CocoSet, read_coco
from experiments._carried_detectors import AWAY, HOME, LOSSES, WITH, Detectors, rows

NOMINAL_MPP = 0.25

CLASSES = ("cell", "abnormal", "bethesda")

RESAMPLES = 1000
ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class Fields:
    """Fields that no detector has seen, and what they hold."""

    name: str
    data: CocoSet

    def found_by(self, detector: DetectorOperator) -> list[TileBoxes]:
        """Return what a detector finds in each field, in its pixels."""
        found = []
        for field in self.data.fields:
            with closing(open_slide(field.path).calibrated((NOMINAL_MPP, NOMINAL_MPP))) as slide:
                findings = run_findings(slide, detector)
            found.append(TileBoxes(findings.boxes, findings.scores, findings.labels))
        return found


def main(arguments: list[str]) -> None:
    """Train what is not trained yet, measure, and print a JSON line per row, fields and seed; then differences."""
    parser = argparse.ArgumentParser(prog="python -m experiments detection-table", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and findings")
    parser.add_argument("--translators", type=Path, required=True, help="run folder of translation-table")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300, help="of a student")
    parser.add_argument("--rows", nargs="+", default=rows(), choices=rows(), metavar="ROW")
    options = parser.parse_args(arguments)
    fields = [Fields(name, read_coco(path, "val")) for name, path in (("target", AWAY), ("source", HOME))]
    for seed in options.seeds:
        detectors = Detectors(options.run / f"seed-{seed}", options.translators, seed, options.steps)
        drawn: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
        for row in options.rows:
            for unseen in fields:
                figures, of_draws = _figures(unseen.data, _kept(detectors, row, unseen))
                _say(seed, row, unseen, figures)
                if unseen is fields[0]:
                    drawn[row] = of_draws
        for row, other in _contrasts(drawn):
            gains = {name: drawn[row][name] - drawn[other][name] for name in drawn[row]}
            ends = {name: np.nanquantile(gain, ENDS).round(4).tolist() for name, gain in gains.items()}
            _say(seed, f"{row} over {other}", fields[0], ends)


def _contrasts(there: Collection[str]) -> list[tuple[str, str]]:
    """Return the pairs of rows that the paper compares: with and without distillation, and ours with the others."""
    plain = [(row, row.removesuffix(WITH)) for row in there if row.endswith(WITH)]
    others = [("SC-UNSB" + WITH, f"SC-UNSB{loss}") for loss in LOSSES if loss != WITH]
    return [pair for pair in (*plain, ("SC-UNSB", "UNSB"), *others) if set(pair) <= set(there)]


def _say(seed: int, row: str, unseen: Fields, figures: Mapping[str, object]) -> None:
    print(json.dumps({"seed": seed, "row": row, "fields": unseen.name, **figures}), flush=True)


def _kept(detectors: Detectors, row: str, unseen: Fields) -> list[TileBoxes]:
    """Return a row's findings, from the folder where they are there."""
    file = detectors.place(row) / f"found-{unseen.name}.npz"
    if not file.exists():
        found = unseen.found_by(detectors.detector(row))
        parts = {
            f"{k}-{name}": getattr(boxes, name)
            for k, boxes in enumerate(found)
            for name in ("boxes", "scores", "labels")
        }
        np.savez_compressed(file, **parts)
    with np.load(file) as kept:
        count = len(unseen.data.fields)
        return [TileBoxes(*(kept[f"{k}-{name}"] for name in ("boxes", "scores", "labels"))) for k in range(count)]


def _figures(data: CocoSet, found: list[TileBoxes]) -> tuple[dict[str, object], dict[str, npt.NDArray[np.float64]]]:
    """Return figures with their intervals over images, and mAP50 of every draw of images."""
    figures: dict[str, object] = {}
    drawn: dict[str, npt.NDArray[np.float64]] = {}
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
