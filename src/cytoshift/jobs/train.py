"""The job that makes a model from a recipe, whichever task the recipe is for."""

from __future__ import annotations

import shutil
from pathlib import Path

from torch import Tensor

from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.errors import RecipeError
from cytoshift.jobs.folder import MODEL, TRAINING, WORK
from cytoshift.jobs.result import Made
from cytoshift.jobs.spec import TrainSpec
from cytoshift.jobs.train_detector import detector_card
from cytoshift.jobs.train_restyler import parent_restyler, restyler_card
from cytoshift.models import Card, save_model
from cytoshift.stain.restyling import RestainRecipe
from cytoshift.training import Control, Emit
from cytoshift.training.coco import found, read_coco, read_fields
from cytoshift.training.recipe import check_recipe, read_recipe

RECIPES: dict[str, type[DetectorRecipe] | type[RestainRecipe]] = {"detector": DetectorRecipe, "stain": RestainRecipe}
"""What a recipe must be, by its task."""


def training_spec(recipe: str | Path, overrides: list[str]) -> TrainSpec:
    """Read a recipe, check its data, and return a specification that holds whatever folder it is run from.

    Raises
    ------
    RecipeError, DataError, ModelError
        The recipe, its data or its parent is not there or not valid.
    """
    data, name = read_recipe(recipe, overrides)
    checked = check_recipe(data, _schema(data.get("task", "detector"), name), name)
    written = checked.model_dump(mode="json")
    if isinstance(checked, RestainRecipe):
        parent_restyler(checked)
        for domain in ("source", "target"):
            part = getattr(checked, domain)
            read_fields(part.path, part.split, part.half)
            written[domain]["path"] = found(part.path)
    else:
        read_coco(checked.data.path, checked.data.split)
        written["data"]["path"] = found(checked.data.path)
    return TrainSpec(name=Path(recipe).stem, title=checked.title, recipe=written)


def train(spec: TrainSpec, folder: Path, *, emit: Emit, control: Control) -> Made:
    """Train, or go on training, and write the model with its card to ``model`` in the job's folder."""
    recipe = check_recipe(spec.recipe, _schema(spec.recipe.get("task", "detector"), spec.name), spec.name)
    work = folder / WORK / TRAINING
    if isinstance(recipe, RestainRecipe):
        card, state, steps = restyler_card(recipe, work, emit=emit, control=control)
    else:
        card, state, steps = detector_card(recipe, work, emit=emit, control=control)
    return _save(card, state, steps, folder)


def _save(card: Card, state: dict[str, Tensor], steps: int, folder: Path) -> Made:
    shutil.rmtree(folder / MODEL, ignore_errors=True)  # there when a run was killed after it and before the result
    save_model(folder / MODEL, card, state)
    return Made(card.id, folder / MODEL, steps, dict(card.metrics))


def _schema(task: object, name: str) -> type[DetectorRecipe] | type[RestainRecipe]:
    if task not in RECIPES:
        raise RecipeError(f"{name} is for the task {task!r}; this version trains {' and '.join(RECIPES)} models.")
    return RECIPES[str(task)]
