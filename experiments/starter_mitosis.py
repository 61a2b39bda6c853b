"""Make the classifier of mitoses that ships: Mix, Align, Distil on AMi-Br, on small pictures, then on larger ones.

``python -m experiments starter-mitosis --run FOLDER`` goes on with the trainings in the folder where there are any.
Its two steps are ``mix-align-distil-small`` with a second head that learns the phases the experts saw. The first looks
at the middle 64 px of each patch, the second at 96 px, from the first's weights: most of what there is to learn costs
half. Slides held back from split ``train`` choose the first's best step, the scale of the scores and the threshold; of
the second the last step is taken, since few slides tell steps apart badly. The card's figures are those of split
``val``, of which nothing was seen.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cytoshift.mitosis.classes import ATYPICAL, NORMAL
from cytoshift.mitosis.classifier import MitosisClassifier
from cytoshift.mitosis.evaluate import evaluate_classifier
from cytoshift.mitosis.networks import Architecture
from cytoshift.mitosis.patches import PatchSet, read_patches
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.mitosis.score import MitosisScore
from cytoshift.mitosis.split import split_slides
from cytoshift.mitosis.train import ParentClassifier, TrainedClassifier, train_classifier
from cytoshift.models import Card, TrainingData, save_model
from cytoshift.models.registry import STARTERS
from cytoshift.training import Emit, load_recipe
from cytoshift.training.checkpoint import read_tensors, write_tensors
from experiments._trainings import GoOn

RECIPE = "mix-align-distil-small"

BOTH = ["phases=0.5", "data.holdout=0.15", 'id="mitosis-ami-br-small"', 'title="Atypical mitoses, AMi-Br (small)"']
STEPS = {
    "first": ["training.steps=2200", "training.warmup=300", "distillation_epochs=8"],
    "second": [
        "views.view=96",
        "views.side=96",
        "training.steps=1700",
        "training.warmup=60",
        "training.learning_rate=6e-4",
        "training.validate_every=170",
        "training.keep='last'",
        "distillation_epochs=2",
    ],
}
RESAMPLES = 1000

LICENCE = (
    "MIT, as the patches: AMi-Br (Bertram, Weiss, Donovan et al., Histologic Dataset of Normal and Atypical Mitotic "
    "Figures on Human Breast Cancer, BVM 2025), copyright 2025 DeepMicroscopy."
)


def main(arguments: list[str]) -> None:
    """Train, measure on ``val`` and write the starter model."""
    parser = argparse.ArgumentParser(prog="python -m experiments starter-mitosis", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and the log")
    options = parser.parse_args(arguments)
    patches, unseen = (read_patches("mitosis/ami-br", split) for split in ("train", "val"))
    parent: ParentClassifier | None = None
    for name, changes in STEPS.items():
        recipe = load_recipe(RECIPE, MitosisRecipe, [*BOTH, *changes])
        trained = _trained(recipe, patches, options.run / name, parent)
        plan = trained.architecture.model_dump() | {"view": 96, "side": 96}
        parent = ParentClassifier(plan, trained.state)
    classifier = MitosisClassifier.from_model(
        architecture=trained.architecture.model_dump(mode="json"),
        state=trained.state,
        mpp=recipe.mpp,
        model_id=recipe.id,
        version="",
        threshold=trained.threshold,
        calibration=trained.calibration,
    )
    score = evaluate_classifier(classifier, unseen, resamples=RESAMPLES)
    print(json.dumps(score.to_json(), indent=2))
    folder = STARTERS / "mitosis"
    shutil.rmtree(folder, ignore_errors=True)
    model = save_model(folder, _card(trained, recipe, patches, score), trained.state)
    (folder / "licence.txt").write_text(LICENCE + "\n", encoding="utf-8")
    print(f"{model.folder}: {model.weights.stat().st_size / 1e6:.1f} MB")


def _trained(
    recipe: MitosisRecipe, patches: PatchSet, folder: Path, parent: ParentClassifier | None
) -> TrainedClassifier:
    """Train one step, or take what the folder holds of it."""
    file = folder / "trained.safetensors"
    if not file.exists():
        learnt, held_back = split_slides(patches, recipe.data.holdout, recipe.training.seed)
        made = train_classifier(
            recipe, learnt, folder, emit=_log(folder), control=GoOn(), parent=parent, held_back=held_back
        )
        numbers = {name: getattr(made, name) for name in made.__slots__ if name not in ("state", "architecture")}
        write_tensors(file, made.state, {**numbers, "architecture": made.architecture.model_dump(mode="json")})
    state, header = read_tensors(file)
    plan = Architecture.model_validate(header["architecture"])
    return TrainedClassifier(**{**header, "state": state, "architecture": plan})


def _log(folder: Path) -> Emit:
    """Return what writes events to a log."""
    folder.mkdir(parents=True, exist_ok=True)

    def emit(event: dict[str, Any]) -> None:
        with (folder / "events.jsonl").open("a") as log:
            print(json.dumps({**event, "time": time.time()}), file=log)

    return emit


def _card(trained: TrainedClassifier, recipe: MitosisRecipe, patches: PatchSet, score: MitosisScore) -> Card:
    written = recipe.model_dump(mode="json")
    written["data"]["path"] = patches.name
    return Card(
        id=recipe.id,
        title=recipe.title,
        task="mitosis",
        classes=(NORMAL, ATYPICAL),
        mpp=recipe.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        threshold=trained.threshold,
        calibration=trained.calibration,
        metrics=score.as_metrics(),
        validation=f"{score.patches} patches of {score.slides} slides, split val, never seen in training; the "
        "threshold and the scale of scores were chosen on slides held back from split train",
        trained_on=[
            TrainingData(
                name=patches.name,
                source=patches.source,
                licence="MIT",
                split="train",
                images=trained.slides,
                cells=trained.patches,
            )
        ],
        recipe=written,
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
        reader="Pillow",
        licence=LICENCE,
        intended_use="Research only, to suggest which mitoses on H&E may be atypical. Not for diagnosis.",
    )
