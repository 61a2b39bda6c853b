"""From a classifier's recipe to its weights and card."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from cytoshift.mitosis.classes import ATYPICAL, NORMAL
from cytoshift.mitosis.duplicates import without_doubles
from cytoshift.mitosis.patches import PatchSet, joined, read_patches
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.mitosis.tables import find_patches
from cytoshift.mitosis.train import ParentClassifier, train_classifier
from cytoshift.models import Card, Model, Registry, TrainingData
from cytoshift.training import Control, Emit


def classifier_card(
    recipe: MitosisRecipe, folder: Path, *, emit: Emit, control: Control
) -> tuple[Card, dict[str, Tensor], int]:
    """Train a classifier, or go on; returns its card, its weights and the number of steps."""
    patches, parent = learnt_from(recipe), parent_classifier(recipe)
    start = None if parent is None else _start(parent, recipe)
    trained = train_classifier(recipe, patches, folder, emit=emit, control=control, parent=start)
    written = recipe.model_dump(mode="json")
    written["data"] |= {"path": patches.name, "more": []}
    written["start"] = "" if parent is None else parent.card.id
    card = Card(
        id=recipe.id,
        title=recipe.title,
        task="mitosis",
        classes=(NORMAL, ATYPICAL),
        mpp=recipe.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        threshold=trained.threshold,
        calibration=trained.calibration,
        metrics=trained.metrics,
        validation=f"slides of {patches.name}, split {recipe.data.split}, held back to choose the best step",
        trained_on=[
            *([] if parent is None else parent.card.trained_on),
            TrainingData(
                name=patches.name,
                source=patches.source,
                licence=patches.licence,
                split=recipe.data.split,
                images=trained.slides,
                cells=trained.patches,
            ),
        ],
        parent="" if parent is None else parent.card.id,
        recipe=written,
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
    )
    return card, trained.state, trained.steps


def placed_classifier(recipe: MitosisRecipe) -> MitosisRecipe:
    """Return a recipe that holds wherever it is run.

    Raises
    ------
    DataError
        Its table is not there or not valid.
    ModelError
        Its start is not there.
    """
    learnt_from(recipe)
    parent_classifier(recipe)
    path, *more = (str(find_patches(path).absolute()) for path in (recipe.data.path, *recipe.data.more))
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"path": path, "more": tuple(more)})})


def parent_classifier(recipe: MitosisRecipe) -> Model | None:
    """Return the model that a recipe starts from, None where it names none; ModelError where it is not there."""
    return Registry().find(recipe.start, "mitosis") if recipe.start else None


def _start(parent: Model, recipe: MitosisRecipe) -> ParentClassifier:
    """Return what a recipe starts from, at the recipe's size: the network takes any, and small ones teach faster."""
    size = {"view": recipe.views.view, "side": recipe.views.side}
    return ParentClassifier({**parent.card.architecture, **size}, parent.load_state())


def learnt_from(recipe: MitosisRecipe) -> PatchSet:
    data = recipe.data
    sets = [
        read_patches(path, data.split or None, domains=data.domains, where=data.where)
        for path in (data.path, *data.more)
    ]
    return sets[0] if len(sets) == 1 else without_doubles(joined(sets))
