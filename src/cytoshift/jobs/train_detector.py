"""From a detector's recipe to its weights and card."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from cytoshift.detection import DetectorOperator
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.detection.train import TrainedDetector, train_detector
from cytoshift.jobs.home import home_of
from cytoshift.models import Card, TrainingData
from cytoshift.training import Control, Emit
from cytoshift.training.coco import found, read_coco


def detector_card(
    recipe: DetectorRecipe, folder: Path, *, emit: Emit, control: Control
) -> tuple[Card, dict[str, Tensor], int]:
    """Train a detector, or go on; returns its card, its weights and the number of steps."""
    data = read_coco(recipe.data.path, recipe.data.split)
    trained = train_detector(recipe, folder, emit=emit, control=control)
    written = recipe.model_dump(mode="json")
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
        domain=home_of(data, recipe.data.mpp, emit, operator=_operator(recipe, trained)),
        recipe={**written, "data": {**written["data"], "path": data.name}},
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
    )
    return card, trained.state, trained.steps


def placed_detector(recipe: DetectorRecipe) -> DetectorRecipe:
    """Return a recipe that holds wherever it is run; DataError where its data is not there."""
    read_coco(recipe.data.path, recipe.data.split)
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"path": found(recipe.data.path)})})


def _operator(recipe: DetectorRecipe, trained: TrainedDetector) -> DetectorOperator:
    return DetectorOperator.from_model(
        architecture=trained.architecture.model_dump(mode="json"),
        state=trained.state,
        classes=trained.classes,
        mpp=trained.mpp,
        model_id=recipe.id,
        version="",
    )
