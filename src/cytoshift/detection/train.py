"""From a recipe to a trained detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from cytoshift.detection.learning import DetectorLearning
from cytoshift.detection.networks import Architecture
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.errors import DataError
from cytoshift.metrics.detection import best_threshold
from cytoshift.training.coco import CocoSet, read_coco
from cytoshift.training.loop import Control, Emit, fit


@dataclass(frozen=True, slots=True)
class TrainedDetector:
    """What a training made: weights, what is needed to use them, and what was measured while it ran.

    ``metrics`` were measured on the images held back from the training, by which the best step and the threshold
    were chosen; they flatter the model a little and are no test result.
    """

    state: dict[str, Tensor]
    architecture: Architecture
    classes: tuple[str, ...]
    mpp: float
    threshold: float
    metrics: dict[str, float]
    best_step: int
    steps: int
    images: int
    cells: int


@dataclass(frozen=True, slots=True)
class Parent:
    """The model a fine-tuning starts from."""

    architecture: Mapping[str, Any]
    state: Mapping[str, Tensor]
    classes: tuple[str, ...]


def train_detector(
    recipe: DetectorRecipe, folder: Path, *, emit: Emit, control: Control, parent: Parent | None = None
) -> TrainedDetector:
    """Train a detector, or go on with the training that the folder holds.

    Parameters
    ----------
    recipe : DetectorRecipe
        What to do. With a parent its architecture is taken from there.
    folder : Path
        For checkpoints.
    emit, control
        See `cytoshift.training.fit`.
    parent : Parent, optional
        Weights to start from; the data's classes must be among the parent's.

    Raises
    ------
    DataError
        The data cannot be used, or has classes that the parent does not know.
    """
    data = read_coco(recipe.data.path, recipe.data.split)
    if parent is not None:
        recipe = recipe.model_copy(update={"architecture": Architecture.model_validate(dict(parent.architecture))})
        data = in_classes(data, parent.classes)
    training, held_back = hold_back(recipe, data)
    if not any(len(field.boxes) for field in training.fields):
        raise DataError(f"{data.name} has no annotated cell to learn from; annotate some cells first.")
    if held_back is training:
        emit({"kind": "note", "text": "one image only: the best step is chosen on the image it learns from"})
    learning = DetectorLearning(recipe, training, held_back, None if parent is None else parent.state)
    result = fit(learning, recipe.training, folder, emit=emit, control=control)
    learning.network.load_state_dict(result.state)
    truth, found = learning.look(learning.network.eval())
    return TrainedDetector(
        state=result.state,
        architecture=recipe.architecture,
        classes=data.classes,
        mpp=recipe.mpp,
        threshold=round(best_threshold(truth, found), 3),
        metrics=result.metrics,
        best_step=result.best_step,
        steps=result.steps,
        images=len(training.fields),
        cells=sum(len(field.boxes) for field in training.fields),
    )


def hold_back(recipe: DetectorRecipe, data: CocoSet) -> tuple[CocoSet, CocoSet]:
    """Split images into those learnt from and those by which the best step is chosen; drawn by the seed."""
    count = len(data.fields)
    if count < 2:
        return data, data
    order = np.random.default_rng(recipe.training.seed).permutation(count)
    share = min(max(round(count * recipe.data.holdout), 1), count - 1)
    kept = [data.fields[i] for i in sorted(order[share:])]
    held = [data.fields[i] for i in sorted(order[:share])]
    return replace(data, fields=tuple(kept)), replace(data, fields=tuple(held))


def in_classes(data: CocoSet, classes: tuple[str, ...]) -> CocoSet:
    """Return a data set with its labels as indices into other classes, matched by name."""
    unknown = [name for name in data.classes if name not in classes]
    used = {data.classes[label] for field in data.fields for label in field.labels}
    if used & set(unknown):
        raise DataError(
            f"{data.name} has cells of class {', '.join(sorted(used & set(unknown)))}, which the model does not know;"
            f" its classes are {', '.join(classes)}."
        )
    table = np.array([classes.index(name) if name in classes else -1 for name in data.classes], np.int64)
    fields = tuple(replace(field, labels=table[field.labels]) for field in data.fields)
    return replace(data, classes=classes, fields=fields)
