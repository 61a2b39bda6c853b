"""From a recipe to a trained classifier of mitoses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cytoshift.errors import DataError
from cytoshift.metrics.binary import steady_threshold
from cytoshift.metrics.calibration import fit_platt
from cytoshift.mitosis.learning import MitosisLearning
from cytoshift.mitosis.networks import Architecture
from cytoshift.mitosis.patches import PatchSet
from cytoshift.mitosis.published import taught_plan
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.mitosis.split import split_slides
from cytoshift.training.loop import Control, Emit, fit


@dataclass(frozen=True, slots=True)
class ParentClassifier:
    """The model a training starts from."""

    architecture: Mapping[str, Any]
    state: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class TrainedClassifier:
    """What a training made: weights, what is needed to use them, and what was measured while it ran.

    ``metrics`` were measured on the slides held back from the training, by which the best step, the scale of the
    scores and the threshold were chosen; they flatter the model a little and are no test result. ``calibration`` is
    empty where there were too few mitoses to choose it by.
    """

    state: dict[str, Tensor]
    architecture: Architecture
    threshold: float
    calibration: dict[str, float]
    metrics: dict[str, float]
    best_step: int
    steps: int
    patches: int
    slides: int


def train_classifier(
    recipe: MitosisRecipe,
    patches: PatchSet,
    folder: Path,
    *,
    emit: Emit,
    control: Control,
    parent: ParentClassifier | None = None,
    held_back: PatchSet | None = None,
) -> TrainedClassifier:
    """Train a classifier, or go on with the training that the folder holds.

    Parameters
    ----------
    recipe : MitosisRecipe
        What to do. With a parent its architecture is taken from there.
    patches : PatchSet
        What is learnt from; slides are held back from it unless they are given.
    folder : Path
        For checkpoints.
    emit, control
        See `cytoshift.training.fit`.
    parent : ParentClassifier, optional
        Weights to start from.
    held_back : PatchSet, optional
        Patches of other slides, by which the best step, the scale of the scores and the threshold are chosen.

    Raises
    ------
    DataError
        One of the two classes is missing on either side.
    """
    training = patches
    if held_back is None:
        training, held_back = split_slides(patches, recipe.data.holdout, recipe.training.seed)
    _check_classes(training, held_back)
    if recipe.alignment and len(np.unique(training.domains)) < 2:
        emit({"kind": "note", "text": "one domain only: it learns without alignment"})
        recipe = recipe.model_copy(update={"alignment": 0.0})
    learning = _learning(recipe, training, held_back, parent)
    result = fit(learning, recipe.training, folder, emit=emit, control=control)
    learning.network.load_state_dict(result.state)
    scores = 1 / (1 + np.exp(-learning.look(learning.network.eval())))
    scaling = fit_platt(scores, held_back.labels == 1, enough=ENOUGH)
    if scaling is not None:
        scores = scaling.apply(scores)
    return TrainedClassifier(
        state=_halved(learning.network.state_dict()),
        architecture=learning.architecture,
        threshold=round(steady_threshold(held_back.labels, scores), 4),
        calibration={} if scaling is None else scaling.as_card(),
        metrics=result.metrics,
        best_step=result.best_step,
        steps=result.steps,
        patches=len(training),
        slides=len(set(training.slides)),
    )


ENOUGH = 20
"""Atypical mitoses held back, and normal ones, from which scores are scaled: they are rare."""


def _learning(
    recipe: MitosisRecipe, training: PatchSet, held_back: PatchSet, parent: ParentClassifier | None
) -> MitosisLearning:
    if parent is None:
        return MitosisLearning(recipe, training, held_back)
    plan = taught_plan(parent.architecture)
    views = recipe.views.model_copy(update={"view": plan.view, "side": plan.side})
    recipe = recipe.model_copy(update={"views": views, "attention": plan.attention})
    return MitosisLearning(recipe, training, held_back, parent.state, plan.phases)


def _check_classes(training: PatchSet, held_back: PatchSet) -> None:
    for part, words in ((training, "to learn from"), (held_back, "held back")):
        for label, name in enumerate(("normal", "atypical")):
            if not (part.labels == label).any():
                raise DataError(
                    f"{part.name} has no {name} mitosis {words}; add some, or choose another share to hold back."
                )


def _halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights in half precision: 14 MB instead of 28, and scores that differ in the fourth digit."""
    return {name: value.half() if value.dtype == torch.float32 else value for name, value in state.items()}
