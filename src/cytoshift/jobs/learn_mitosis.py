"""The job that fine-tunes a classifier of mitoses on what was decided in a study, and measures what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from cytoshift.errors import Cancelled, ModelError
from cytoshift.jobs.folder import MODEL, TRAINING, WORK, read_json, write_json
from cytoshift.jobs.keep import keep_model
from cytoshift.jobs.replay import known_patches, with_known
from cytoshift.jobs.result import Made
from cytoshift.jobs.sources import open_source
from cytoshift.jobs.spec import LearnSpec
from cytoshift.jobs.taught import beside, taught_id, taught_title
from cytoshift.mitosis import MitosisClassifier, MitosisRecipe, ParentClassifier, TrainedClassifier, evaluate_classifier
from cytoshift.mitosis.patches import PatchSet, joined, read_patches
from cytoshift.mitosis.train import ENOUGH, train_classifier
from cytoshift.models import Card, Model, Registry, TrainingData
from cytoshift.study import Study
from cytoshift.study.mitosis_patches import mitosis_patches
from cytoshift.study.mitosis_split import TUNE
from cytoshift.study.split import TRAIN, VAL
from cytoshift.training import Control, Emit, load_recipe

_PATCHES = "patches"


class _Parts(NamedTuple):
    """One's own mitoses: learnt from, chosen by, and held back to measure with."""

    train: PatchSet
    tune: PatchSet
    val: PatchSet


def learn_mitosis(spec: LearnSpec, folder: Path, *, emit: Emit, control: Control) -> Made:
    """Cut out the mitoses, measure the parent, fine-tune it, measure that, and put it into the registry."""
    work = folder / WORK
    work.mkdir(exist_ok=True)
    registry = Registry(spec.registry)
    parent = registry.find(spec.parent, "mitosis")
    own = _own(spec, work, _mpp(parent.card), emit)
    before = read_json(work / "before.json")
    if before is None:
        emit({"kind": "note", "text": "measuring the model as it is"})
        before = _measure(spec, parent.card, parent.load_state(), own.val, control)
        write_json(work / "before.json", before)
    recipe = _recipe(spec, parent.card, own.train.name)
    trained, chosen_by = _taught(recipe, parent, own, work, emit, control)
    emit({"kind": "note", "text": "measuring the new model"})
    card = _card(spec, folder.name, parent.card, recipe, trained, own)
    if min(np.bincount(chosen_by.labels, minlength=2)) < ENOUGH:
        emit({"kind": "note", "text": "too few mitoses to choose a threshold by: the model keeps that of its parent"})
        card.threshold, card.calibration = parent.card.threshold, parent.card.calibration
    after = _measure(spec, card, trained.state, own.val, control)
    card.metrics = beside(after, before)
    model = keep_model(registry, card, trained.state, work / MODEL)
    return Made(model.card.id, model.folder, trained.steps, after, before)


def _own(spec: LearnSpec, work: Path, mpp: float, emit: Emit) -> _Parts:
    """Return the mitoses as they were when the job first ran: what is held back stays held back."""
    folder = work / _PATCHES
    if not folder.exists():
        emit({"kind": "note", "text": "cutting out the mitoses"})
        slides = {source.identity: open_source(source) for source in spec.slides}
        with Study.open(spec.study, read_only=True) as study:
            mitosis_patches(study, slides, folder, mpp=mpp, seed=spec.seed)
    patches = replace(read_patches(folder), name=f"corrections of {Path(spec.study).name}")
    splits = np.array(patches.splits)
    return _Parts(*(patches.select(splits == name) for name in (TRAIN, TUNE, VAL)))


def _taught(
    recipe: MitosisRecipe, parent: Model, own: _Parts, work: Path, emit: Emit, control: Control
) -> tuple[TrainedClassifier, PatchSet]:
    """Fine-tune the parent, or go on; returns that, and the mitoses by which step and threshold were chosen."""
    training, tuning = own.train, own.tune
    known = known_patches(parent.card, joined(own), emit)
    if known is not None:
        training, tuning = with_known(training, tuning, known, recipe.data.holdout, recipe.training.seed)
    start = ParentClassifier(parent.card.architecture, parent.load_state())
    trained = train_classifier(
        recipe, training, work / TRAINING, emit=emit, control=control, parent=start, held_back=tuning
    )
    return trained, tuning


def _recipe(spec: LearnSpec, parent: Card, name: str) -> MitosisRecipe:
    recipe = load_recipe(spec.recipe, MitosisRecipe, spec.overrides)
    data = recipe.data.model_copy(update={"path": name, "split": TRAIN})
    training = recipe.training.model_copy(update={"seed": spec.seed, "device": spec.device})
    return recipe.model_copy(update={"mpp": _mpp(parent), "start": parent.id, "data": data, "training": training})


def _mpp(card: Card) -> float:
    if card.mpp is None:
        raise ModelError(f"The model {card.id} does not say at which µm/px it looks; choose another model.")
    return card.mpp


def _measure(
    spec: LearnSpec, card: Card, state: Mapping[str, Tensor], held_back: PatchSet, control: Control
) -> dict[str, float]:
    def look_up(done: int, total: int) -> None:
        if control.state() == "cancel":
            raise Cancelled("The job was cancelled while a model was measured.")

    classifier = MitosisClassifier.from_model(
        architecture=card.architecture,
        state=state,
        mpp=card.mpp,
        model_id=card.id,
        version=card.sha256,
        threshold=card.threshold,
        calibration=card.calibration,
        device=spec.device,
    )
    return evaluate_classifier(classifier, held_back, mpp=_mpp(card), report=look_up).flat()


def _card(
    spec: LearnSpec, job: str, parent: Card, recipe: MitosisRecipe, trained: TrainedClassifier, own: _Parts
) -> Card:
    slides = len(set(own.val.slides))
    learnt = TrainingData(
        name=own.train.name, split=TRAIN, images=len(set(own.train.slides)), cells=len(own.train) + len(own.tune)
    )
    return Card(
        id=taught_id(spec, job),
        title=taught_title(spec, parent),
        task="mitosis",
        classes=parent.classes,
        mpp=parent.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        threshold=trained.threshold,
        calibration=trained.calibration,
        validation=(
            f"{len(own.val)} mitoses of {Path(spec.study).name}, {int(own.val.labels.sum())} of them atypical, on"
            f" {slides} {'slide' if slides == 1 else 'slides'}, held back"
        ),
        trained_on=[*parent.trained_on, learnt],
        parent=parent.id,
        recipe=recipe.model_dump(mode="json"),
        seed=spec.seed,
        code_version=version("napari-cytoshift"),
        licence=parent.licence,
    )
