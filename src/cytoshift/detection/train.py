"""From a recipe to a trained detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from cytoshift.detection.distillation.learning import DistilledLearning
from cytoshift.detection.labels import in_names
from cytoshift.detection.learning import DetectorLearning
from cytoshift.detection.networks import Architecture
from cytoshift.detection.published import taught_plan
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.detection.seen import seen_through
from cytoshift.detection.start import is_trunk, load_trunk
from cytoshift.detection.views import field_mpp
from cytoshift.engine.operator import ImageOperator, TileBoxes
from cytoshift.errors import DataError
from cytoshift.metrics.calibration import fit_calibration
from cytoshift.metrics.detection import BY_OVERLAP, DetectionTruth, best_threshold, best_thresholds
from cytoshift.metrics.matching import MITOSIS_UM, ByDistance, Matching
from cytoshift.training.coco import CocoSet, read_coco
from cytoshift.training.loop import Control, Emit, fit

SEEN = "seen"
"""Folder, in that of a training, of the fields as they are seen through something."""


@dataclass(frozen=True, slots=True)
class TrainedDetector:
    """What a training made: weights, what is needed to use them, and what was measured while it ran.

    ``metrics`` were measured on the images held back from the training, by which the best step and the threshold
    were chosen; they flatter the model a little and are no test result. ``before`` is what the teacher of a
    distillation makes of the same images. ``thresholds``, by class, and ``calibration`` of the scores are empty where
    there was too little to choose them by; see `Card` for both.
    """

    state: dict[str, Tensor]
    architecture: Architecture
    classes: tuple[str, ...]
    mpp: float
    threshold: float
    thresholds: dict[str, float]
    calibration: dict[str, float]
    metrics: dict[str, float]
    before: dict[str, float]
    best_step: int
    steps: int
    images: int
    cells: int


@dataclass(frozen=True, slots=True)
class Parent:
    """The model a fine-tuning starts from, or the teacher that a student starts from."""

    architecture: Mapping[str, Any]
    state: Mapping[str, Tensor]
    classes: tuple[str, ...]


def train_detector(
    recipe: DetectorRecipe,
    folder: Path,
    *,
    emit: Emit,
    control: Control,
    parent: Parent | None = None,
    through: ImageOperator | None = None,
    data: CocoSet | None = None,
    known: CocoSet | None = None,
) -> TrainedDetector:
    """Train a detector, or go on with the training that the folder holds.

    Parameters
    ----------
    recipe : DetectorRecipe
        What to do. With a parent its architecture is taken from there.
    folder : Path
        For checkpoints, and for the fields as they are seen through something.
    emit, control
        See `cytoshift.training.fit`.
    parent : Parent, optional
        Weights to start from, and the teacher of a distillation; the data's classes must be among the parent's.
    through : ImageOperator, optional
        What makes the pictures that are learnt from, where the recipe has ``data.through``.
    data : CocoSet, optional
        What it learns from; read from where the recipe says by default.
    known : CocoSet, optional
        Fields that the parent learnt from, with µm/px of their own: half of every batch is of them, so that they are
        not forgotten, and of those by which the best step and the thresholds are chosen.

    Raises
    ------
    DataError
        The data cannot be used, or has classes that the parent does not know.
    """
    data = read_data(recipe) if data is None else data
    if parent is not None:
        recipe = recipe.model_copy(update={"architecture": taught_plan(parent.architecture)})
        data = in_classes(data, parent.classes)
    training, held_back = hold_back(recipe, data)
    if not any(len(field.boxes) for field in training.fields):
        raise DataError(f"{data.name} has no annotated cell to learn from; annotate some cells first.")
    if held_back is training:
        emit({"kind": "note", "text": "one image only: the best step is chosen on the image it learns from"})
    unseen, repeated = held_back is not training, None
    if known is not None:
        repeated, chosen_by = apart(in_classes(known, data.classes), len(held_back.fields), recipe.training.seed)
        held_back = replace(held_back, fields=held_back.fields + chosen_by.fields)
    seen = (training, held_back)
    if through is not None:
        seen = _seen(recipe, seen, through, folder, emit, control)
    if recipe.distillation is not None and recipe.distillation.view == "mixed":  # it is to know both looks
        seen = (seen[0], replace(seen[1], fields=held_back.fields + seen[1].fields))
    learning = _learning(recipe, *seen, home=training, parent=parent, known=repeated)
    before = {} if recipe.distillation is None else learning.validate(learning.network.eval())
    result = fit(learning, recipe.training, folder, emit=emit, control=control)
    learning.network.load_state_dict(result.state)
    detector = learning.detector(learning.network.eval())
    looked: tuple[Sequence[DetectionTruth], Sequence[TileBoxes]] = learning.look(detector)
    matching: Matching = BY_OVERLAP
    if recipe.architecture.merge_um is not None:
        looked, matching = _in_um(recipe, learning.held_back, *looked), ByDistance(MITOSIS_UM)
    chosen = _chosen(*looked, data.classes, unseen=unseen, matching=matching)
    return TrainedDetector(
        state=detector.state_dict(),
        architecture=recipe.architecture,
        classes=data.classes,
        mpp=recipe.mpp,
        threshold=chosen.threshold,
        thresholds=chosen.thresholds,
        calibration=chosen.calibration,
        metrics=result.metrics,
        before=before,
        best_step=result.best_step,
        steps=result.steps,
        images=len(training.fields),
        cells=sum(len(field.boxes) for field in training.fields),
    )


@dataclass(frozen=True, slots=True)
class _Chosen:
    threshold: float
    thresholds: dict[str, float]
    calibration: dict[str, float]


def _in_um(
    recipe: DetectorRecipe, data: CocoSet, truth: Sequence[DetectionTruth], found: Sequence[TileBoxes]
) -> tuple[list[DetectionTruth], list[TileBoxes]]:
    """Return what there is in fields and what was found there, in µm."""
    scales = [field_mpp(field, recipe) for field in data.fields]
    return (
        [each.scaled(scale) for each, scale in zip(truth, scales, strict=True)],
        [replace(each, boxes=each.boxes * np.float32(scale)) for each, scale in zip(found, scales, strict=True)],
    )


def _chosen(
    truth: Sequence[DetectionTruth],
    found: Sequence[TileBoxes],
    classes: Sequence[str],
    *,
    unseen: bool,
    matching: Matching = BY_OVERLAP,
) -> _Chosen:
    """Choose the scaling of scores, and thresholds in those scores; the common one alone on images learnt from."""
    scaling = fit_calibration(truth, found, matching=matching) if unseen else None
    if scaling is not None:
        found = [replace(each, scores=scaling.apply(each.scores).astype(np.float32)) for each in found]
    by_class = best_thresholds(truth, found, classes, matching=matching) if unseen else {}
    return _Chosen(
        round(best_threshold(truth, found, matching=matching), 3),
        {name: round(value, 3) for name, value in by_class.items()},
        {} if scaling is None else scaling.as_card(),
    )


def read_data(recipe: DetectorRecipe) -> CocoSet:
    """Read what a recipe learns from: its images, in its classes, at its scale. Raises DataError."""
    wanted = recipe.data
    data = read_coco(wanted.path, wanted.split or None, wanted.half or None, point_um=wanted.point_um, mpp=wanted.mpp)
    data = in_names(data, wanted.classes)
    return data if wanted.box is None else _scaled_by_boxes(data, wanted.box, recipe.mpp)


def _learning(
    recipe: DetectorRecipe,
    training: CocoSet,
    held_back: CocoSet,
    *,
    home: CocoSet,
    parent: Parent | None,
    known: CocoSet | None,
) -> DetectorLearning:
    if recipe.distillation is None:
        learning = DetectorLearning(recipe, training, held_back, None if parent is None else parent.state, known)
        if is_trunk(recipe.start):
            load_trunk(learning.detector(learning.network), recipe.start, recipe.architecture.backbone)
        return learning
    if parent is None:
        raise DataError("A distillation needs its teacher; name a detector as distillation.teacher.")
    return DistilledLearning(recipe, training, held_back, home=home, teacher=parent.state)


def _seen(
    recipe: DetectorRecipe,
    parts: tuple[CocoSet, CocoSet],
    through: ImageOperator,
    folder: Path,
    emit: Emit,
    control: Control,
) -> tuple[CocoSet, CocoSet]:
    """Return the fields learnt from, and those held back, as an operator shows them."""
    training, held_back = (
        seen_through(
            part,
            through,
            folder / SEEN / name,
            mpp=recipe.mpp,
            presumed=recipe.data.mpp,
            emit=emit,
            control=control,
        )
        for part, name in zip(parts, ("training", "held-back"), strict=True)
    )
    return training, held_back


def _scaled_by_boxes(data: CocoSet, side: float, mpp: float) -> CocoSet:
    """Return a data set whose µm/px are what they would be if its median box had a side at a network's µm/px."""
    sides = [field.boxes[:, 2:] - field.boxes[:, :2] for field in data.fields if len(field.boxes)]
    if not sides:
        raise DataError(f"{data.name} has no box to take its scale from; give its µm/px as data.mpp.")
    median = float(np.median(np.sqrt(np.prod(np.concatenate(sides), axis=1))))
    return replace(data, fields=tuple(replace(field, mpp=mpp * side / median) for field in data.fields))


def hold_back(recipe: DetectorRecipe, data: CocoSet) -> tuple[CocoSet, CocoSet]:
    """Split images into those learnt from and those by which the best step is chosen; drawn by the seed.

    Images of one slide stay together, where the data set says of which slide they are, and there are several.
    """
    slides = [field.slide or place for place, field in enumerate(data.fields)]
    if len(set(slides)) < 2:
        slides = list(range(len(data.fields)))
    every = list(dict.fromkeys(slides))
    count = len(every)
    if count < 2:
        return data, data
    order = np.random.default_rng(recipe.training.seed).permutation(count)
    share = min(max(round(count * recipe.data.holdout), 1), count - 1)
    held = {every[i] for i in order[:share]}
    pairs = list(zip(data.fields, slides, strict=True))
    return (
        replace(data, fields=tuple(field for field, slide in pairs if slide not in held)),
        replace(data, fields=tuple(field for field, slide in pairs if slide in held)),
    )


def apart(data: CocoSet, most: int, seed: int) -> tuple[CocoSet, CocoSet]:
    """Split fields into those that are repeated and some to choose by, drawn by the seed: at most so many, or half."""
    order = np.random.default_rng(seed).permutation(len(data.fields))
    chosen = set(order[: min(most, len(order) // 2)].tolist())
    parts = ([field for k, field in enumerate(data.fields) if (k in chosen) is wanted] for wanted in (False, True))
    repeated, chosen_by = (replace(data, fields=tuple(fields)) for fields in parts)
    return repeated, chosen_by


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
