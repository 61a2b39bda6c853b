"""The job that makes a model from a recipe."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.detection.train import train_detector
from cytoshift.jobs.folder import MODEL, TRAINING, WORK
from cytoshift.jobs.result import Made
from cytoshift.jobs.spec import TrainSpec
from cytoshift.models import Card, TrainingData, save_model
from cytoshift.training import Control, Emit, load_recipe
from cytoshift.training.coco import data_folder, read_coco
from cytoshift.training.recipe import check_recipe


def training_spec(recipe: str | Path, overrides: list[str]) -> TrainSpec:
    """Read a recipe, check its data set, and return a specification that holds whatever folder it is run from.

    Raises
    ------
    RecipeError, DataError
        The recipe or its data is not there or not valid.
    """
    checked = load_recipe(recipe, DetectorRecipe, overrides)
    read_coco(checked.data.path, checked.data.split)
    written = checked.model_dump(mode="json")
    for place in (Path(checked.data.path), data_folder() / checked.data.path):
        if place.exists():
            written["data"]["path"] = str(place.resolve())
            break
    return TrainSpec(name=Path(recipe).stem, title=checked.title, recipe=written)


def train(spec: TrainSpec, folder: Path, *, emit: Emit, control: Control) -> Made:
    """Train, or go on training, and write the model with its card to ``model`` in the job's folder."""
    recipe = check_recipe(spec.recipe, DetectorRecipe, spec.name)
    data = read_coco(recipe.data.path, recipe.data.split)
    trained = train_detector(recipe, folder / WORK / TRAINING, emit=emit, control=control)
    card = Card(
        id=recipe.id,
        title=recipe.title,
        task="detector",
        classes=trained.classes,
        mpp=trained.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        threshold=trained.threshold,
        metrics=trained.metrics,
        validation=f"images of {data.name}, split {recipe.data.split}, held back to choose the best step",
        trained_on=[
            TrainingData(
                name=data.name,
                source=data.source,
                licence=data.licence,
                split=recipe.data.split,
                images=trained.images,
                cells=trained.cells,
            )
        ],
        recipe={**spec.recipe, "data": {**spec.recipe["data"], "path": data.name}},
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
    )
    shutil.rmtree(folder / MODEL, ignore_errors=True)  # there when a run was killed after it and before the result
    save_model(folder / MODEL, card, trained.state)
    return Made(card.id, folder / MODEL, trained.steps, dict(trained.metrics))
