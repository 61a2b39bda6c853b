"""Make the detector that ships: taught on CRIC's training fields, then on them in two looks; measured on unseen ones.

First `detector-small` learns from random weights. It then teaches `detector-two-looks-small`: the same fields in varied
stains, and as SC-UNSB shows them for a second scanner, of which no label is used.

``python -m experiments starter --run FOLDER --translators FOLDER``, the second being the run folder of
``translation-table``, goes on with the trainings in the folder where there are any. ``--first MODEL`` takes a detector
for the first.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cytoshift.detection import (
    DetectorOperator,
    DetectorRecipe,
    DetectorScore,
    Parent,
    TrainedDetector,
    evaluate_detector,
    train_detector,
)
from cytoshift.jobs.home import home_of
from cytoshift.models import Card, Registry, TrainingData, save_model
from cytoshift.models.registry import STARTERS
from cytoshift.training import Emit, load_recipe
from cytoshift.training.coco import read_coco
from experiments._carried_detectors import THERE, look
from experiments._trainings import GoOn

FIRST, RECIPE = "detector-small", "detector-two-looks-small"
RESAMPLES = 1000

LICENCE = (
    "CC BY 4.0. Trained on CRIC Cervix (Rezende et al., Scientific Data 2021, doi:10.1038/s41597-021-00933-8), "
    "published by its authors under CC BY 4.0; give this attribution with the weights and with what is made with them."
)


def main(arguments: list[str]) -> None:
    """Train, measure on ``val`` and write the starter model."""
    parser = argparse.ArgumentParser(prog="python -m experiments starter", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and the log")
    parser.add_argument("--translators", type=Path, required=True, help="run folder of translation-table")
    parser.add_argument("--first", help="a detector that knows the fields as they are; trained without")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override of the second recipe")
    options = parser.parse_args(arguments)
    recipe = load_recipe(RECIPE, DetectorRecipe, options.set)
    first = _first(options.run) if options.first is None else _kept(options.first)
    through = look("SC-UNSB", options.translators)
    trained = train_detector(
        recipe, options.run / "second", emit=_log(options.run), control=GoOn(), parent=first, through=through
    )
    operator = _operator(trained, recipe)
    places = {"home": recipe.data.path, "away": THERE.away}
    scores = {name: _measure(operator, trained, recipe, path) for name, path in places.items()}
    print(json.dumps({name: score.to_json() for name, score in scores.items()}, indent=2))
    folder = STARTERS / "detector"
    shutil.rmtree(folder, ignore_errors=True)
    model = save_model(folder, _card(operator, trained, recipe, scores), trained.state)
    (folder / "licence.txt").write_text(LICENCE + "\n", encoding="utf-8")
    print(f"{model.folder}: {model.weights.stat().st_size / 1e6:.1f} MB")


def _first(run: Path) -> Parent:
    """Train the teacher, or go on."""
    made = train_detector(load_recipe(FIRST, DetectorRecipe), run / "first", emit=_log(run), control=GoOn())
    return Parent(made.architecture.model_dump(), made.state, made.classes)


def _kept(name: str) -> Parent:
    model = Registry().find(name, "detector")
    return Parent(model.card.architecture, model.load_state(), model.card.classes)


def _log(run: Path) -> Emit:
    """Return what writes events to the run's log."""
    run.mkdir(parents=True, exist_ok=True)

    def emit(event: dict[str, Any]) -> None:
        with (run / "events.jsonl").open("a") as log:
            print(json.dumps({**event, "time": time.time()}), file=log)

    return emit


def _operator(trained: TrainedDetector, recipe: DetectorRecipe) -> DetectorOperator:
    return DetectorOperator.from_model(
        architecture=trained.architecture.model_dump(),
        state=trained.state,
        classes=trained.classes,
        mpp=trained.mpp,
        model_id=recipe.id,
        version="",
        threshold=0.0,
        calibration=trained.calibration,
    )


def _measure(operator: DetectorOperator, trained: TrainedDetector, recipe: DetectorRecipe, path: str) -> DetectorScore:
    unseen = read_coco(path, "val")
    return evaluate_detector(
        operator,
        unseen,
        mpp=recipe.data.mpp,
        threshold=trained.threshold,
        thresholds=trained.thresholds,
        resamples=RESAMPLES,
    )


def _card(
    operator: DetectorOperator, trained: TrainedDetector, recipe: DetectorRecipe, scores: dict[str, DetectorScore]
) -> Card:
    data = read_coco(recipe.data.path, recipe.data.split)
    learnt = TrainingData(
        name="CRIC Cervix",
        source=data.source,
        licence="CC BY 4.0",
        split=recipe.data.split,
        images=trained.images,
        cells=trained.cells,
    )
    held_back, score = len(data.fields) - trained.images, scores["home"]
    away = {f"second scanner {name}": getattr(scores["away"], name) for name in ("mAP", "mAP50", "AP50_any")}
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
        metrics=score.as_metrics() | away,
        validation=f"{score.images} CRIC fields with {score.cells} cells, split val, never seen in training, and the "
        "same as a second scanner shows them; thresholds and the scale of scores were chosen on "
        f"{held_back} other fields held back from split {recipe.data.split}",
        trained_on=[learnt],
        domain=home_of(replace(data, name=learnt.name), recipe.data.mpp, print, operator=operator),
        recipe=recipe.model_dump(mode="json"),
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
        reader="Pillow",
        licence=LICENCE,
        intended_use="Research only, to find nuclei and suggest Bethesda classes for review. Not for diagnosis.",
    )
