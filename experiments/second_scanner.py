"""What a few corrected fields of another scanner are worth: the starter detector before and after learning from them.

Fields come from split ``train`` of ``cervical/cric-scanner-b``; both models are measured on split ``val`` there, and on
``val`` of ``cervical/cric`` for what is forgotten. ``python -m experiments second_scanner --run FOLDER``
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from cytoshift.detection import DetectorOperator, DetectorRecipe, Parent, TrainedDetector, train_detector
from cytoshift.detection.evaluate import evaluate_detector
from cytoshift.models import Registry
from cytoshift.training import load_recipe
from cytoshift.training.coco import data_folder, read_coco
from experiments._trainings import GoOn, let_pass

SCANNER, HOME = "cervical/cric-scanner-b", "cervical/cric"


def main(arguments: list[str]) -> None:
    """Teach, measure and print one JSON line per model and data set."""
    parser = argparse.ArgumentParser(prog="python -m experiments second_scanner", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for the fields and the checkpoints")
    parser.add_argument("--fields", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override of the recipe")
    options = parser.parse_args(arguments)
    starter = Registry().find("starter", "detector")
    fields = _choose(options.run / "fields", options.fields, options.seed)
    recipe = load_recipe(
        "detector-learn",
        DetectorRecipe,
        [f'data.path="{fields.as_posix()}"', f"training.seed={options.seed}", *options.set],
    )
    parent = Parent(starter.card.architecture, starter.load_state(), starter.card.classes)
    taught = train_detector(recipe, options.run / "training", emit=let_pass, control=GoOn(), parent=parent)
    card = starter.card
    before = _operator(dict(parent.state), card.architecture, card.classes, recipe.mpp, card.calibration)
    after = _operator(taught.state, taught.architecture.model_dump(), taught.classes, recipe.mpp, taught.calibration)
    for data in (SCANNER, HOME):
        unseen = read_coco(data, "val")
        for name, operator, chosen in (("before", before, card), ("after", after, taught)):
            score = evaluate_detector(
                operator, unseen, mpp=recipe.data.mpp, threshold=chosen.threshold, thresholds=chosen.thresholds
            )
            print(json.dumps({"data": data, "model": name, **_rounded(score.flat())}), flush=True)
    print(json.dumps(_learnt(taught)))


def _choose(folder: Path, number: int, seed: int) -> Path:
    """Write a COCO file of some training fields, drawn by the seed; their images stay where they are."""
    source = data_folder() / SCANNER / "annotations.json"
    data = json.loads(source.read_text(encoding="utf-8"))
    train = [image for image in data["images"] if image["split"] == "train"]
    chosen = [train[i] for i in sorted(np.random.default_rng(seed).permutation(len(train))[:number])]
    known = {image["id"] for image in chosen}
    data["images"] = [{**image, "file_name": str((source.parent / image["file_name"]).resolve())} for image in chosen]
    data["annotations"] = [a for a in data["annotations"] if a["image_id"] in known]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "annotations.json").write_text(json.dumps(data), encoding="utf-8")
    return folder.resolve()


def _operator(
    state: dict, architecture: dict, classes: tuple[str, ...], mpp: float, calibration: dict[str, float]
) -> DetectorOperator:
    return DetectorOperator.from_model(
        architecture=architecture,
        state=state,
        classes=classes,
        mpp=mpp,
        model_id="experiment",
        version="",
        threshold=0.0,
        calibration=calibration,
    )


def _rounded(numbers: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in numbers.items()}


def _learnt(taught: TrainedDetector) -> dict[str, float]:
    return {"fields": taught.images, "cells": taught.cells, "step": taught.best_step, "steps": taught.steps}
