"""Make the detector that ships: train it on CRIC's training fields, measure it once on the unseen ones, write its card.

``python -m experiments starter --run FOLDER`` goes on with the training in the folder where there is one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from importlib.metadata import version
from pathlib import Path

from cytoshift.detection import (
    DetectorOperator,
    DetectorRecipe,
    DetectorScore,
    TrainedDetector,
    evaluate_detector,
    train_detector,
)
from cytoshift.models import Card, TrainingData, save_model
from cytoshift.models.registry import STARTERS
from cytoshift.training import load_recipe
from cytoshift.training.coco import read_coco

RECIPE = "detector-small"
LICENCE = (
    "CC BY 4.0. Trained on CRIC Cervix (Rezende et al., Scientific Data 2021, doi:10.1038/s41597-021-00933-8), "
    "published by its authors under CC BY 4.0; give this attribution with the weights and with what is made with them."
)


class _GoOn:
    def state(self) -> str:
        return "run"


def main(arguments: list[str]) -> None:
    """Train, measure on ``val`` and write the starter model."""
    parser = argparse.ArgumentParser(prog="python -m experiments starter", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and the log")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override of the recipe")
    options = parser.parse_args(arguments)
    recipe = load_recipe(RECIPE, DetectorRecipe, options.set)
    options.run.mkdir(parents=True, exist_ok=True)
    with (options.run / "events.jsonl").open("a", buffering=1) as log:
        trained = train_detector(
            recipe,
            options.run,
            emit=lambda event: print(json.dumps({**event, "time": time.time()}), file=log),
            control=_GoOn(),
        )
    score = _measure(trained, recipe)
    print(json.dumps(score.to_json(), indent=2))
    folder = STARTERS / "detector"
    shutil.rmtree(folder, ignore_errors=True)
    model = save_model(folder, _card(trained, recipe, score), trained.state)
    (folder / "licence.txt").write_text(LICENCE + "\n", encoding="utf-8")
    print(f"{model.folder}: {model.weights.stat().st_size / 1e6:.1f} MB")


def _measure(trained: TrainedDetector, recipe: DetectorRecipe) -> DetectorScore:
    operator = DetectorOperator.from_model(
        architecture=trained.architecture.model_dump(),
        state=trained.state,
        classes=trained.classes,
        mpp=trained.mpp,
        model_id=recipe.id,
        version="",
        threshold=0.0,
        calibration=trained.calibration,
    )
    unseen = read_coco(recipe.data.path, "val")
    return evaluate_detector(
        operator, unseen, mpp=recipe.data.mpp, threshold=trained.threshold, thresholds=trained.thresholds
    )


def _card(trained: TrainedDetector, recipe: DetectorRecipe, score: DetectorScore) -> Card:
    data = read_coco(recipe.data.path, recipe.data.split)
    learnt = TrainingData(
        name="CRIC Cervix",
        source=data.source,
        licence="CC BY 4.0",
        split=recipe.data.split,
        images=trained.images,
        cells=trained.cells,
    )
    held_back = len(data.fields) - trained.images
    return Card(
        id=recipe.id,
        title=recipe.title,
        task="detector",
        classes=trained.classes,
        mpp=trained.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        threshold=trained.threshold,
        thresholds=trained.thresholds,
        calibration=trained.calibration,
        metrics=score.flat(),
        validation=f"{score.images} CRIC fields with {score.cells} cells, split val, never seen in training; step and "
        f"threshold were chosen on {held_back} other fields held back from split {recipe.data.split}",
        trained_on=[learnt],
        recipe=recipe.model_dump(mode="json"),
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
        reader="Pillow",
        licence=LICENCE,
        intended_use="Research only, to find nuclei and suggest Bethesda classes for review. Not for diagnosis.",
    )
