"""The job that fine-tunes a classifier of mitoses on what was decided in a study, and measures what that is worth."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cytoshift.jobs.folder import MODEL, TRAINING, WORK
from cytoshift.jobs.frozen import freeze
from cytoshift.jobs.keep import keep_model
from cytoshift.jobs.replay import known_patches, with_known
from cytoshift.jobs.result import Made
from cytoshift.jobs.sources import open_source
from cytoshift.jobs.spec import LearnSpec
from cytoshift.jobs.taught import beside, mpp_of, taught_id, taught_title
from cytoshift.jobs.worth_mitosis import TaughtClassifier, classifier_worth, home_mitoses
from cytoshift.mitosis import MitosisRecipe, ParentClassifier, TrainedClassifier
from cytoshift.mitosis.classes import ATYPICAL, NORMAL
from cytoshift.mitosis.patches import PatchSet, joined, read_patches
from cytoshift.mitosis.train import ENOUGH, train_classifier
from cytoshift.models import Card, Registry, TrainingData
from cytoshift.study import Study
from cytoshift.study.mitosis_patches import mitosis_patches
from cytoshift.study.mitosis_split import TUNE
from cytoshift.study.split import TRAIN, VAL
from cytoshift.training import Control, Emit, load_recipe
from cytoshift.training.table import TABLE

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
    old = TaughtClassifier(parent.card, parent.load_state())  # at once: somebody may remove it while this learns
    own = _own(spec, folder, mpp_of(old.card), emit)
    recipe = _recipe(spec, old.card, own.train.name)
    trained, chosen_by = _taught(recipe, old, own, work, emit, control)
    card = _card(spec, folder.name, old.card, recipe, trained, own)
    if min(np.bincount(chosen_by.labels, minlength=2)) < ENOUGH:
        emit({"kind": "note", "text": "too few mitoses to choose a threshold by: the model keeps that of its parent"})
        card.threshold, card.calibration = old.card.threshold, old.card.calibration
    new = TaughtClassifier(card, trained.state)
    home = home_mitoses(old.card, joined(own), spec.seed)
    worth = classifier_worth(old, new, own.val, home, device=spec.device, emit=emit, control=control)
    card.metrics = beside(worth.after, worth.before) | worth.trust.as_metrics()
    model = keep_model(registry, card, trained.state, work / MODEL)
    return Made(model.card.id, model.folder, trained.steps, worth.after, worth.before, worth.trust)


def _own(spec: LearnSpec, folder: Path, mpp: float, emit: Emit) -> _Parts:
    """Return the mitoses as they were when the job first ran: what is held back stays held back."""
    data = folder / WORK / _PATCHES
    if not data.exists():
        emit({"kind": "note", "text": "cutting out the mitoses"})
        slides = {source.identity: open_source(source) for source in spec.slides}
        with Study.open(spec.study, read_only=True) as study:
            mitosis_patches(study, slides, data, mpp=mpp, seed=spec.seed)
    patches = replace(read_patches(data), name=f"corrections of {Path(spec.study).name}")
    splits = np.array(patches.splits)
    own = _Parts(*(patches.select(splits == name) for name in (TRAIN, TUNE, VAL)))
    about = {
        "split_by": "patch" if any(name.endswith(f" ({VAL})") for name in own.val.slides) else "slide",
        "seed": spec.seed,
        "learnt_from": _kinds(joined([own.train, own.tune])),
        "held_back": _kinds(own.val),
    }
    freeze(folder, data, [data / TABLE, *own.val.files], about)
    return own


def _kinds(patches: PatchSet) -> dict[str, int]:
    normal, atypical = np.bincount(patches.labels, minlength=2).tolist()
    return {NORMAL: normal, ATYPICAL: atypical}


def _taught(
    recipe: MitosisRecipe, parent: TaughtClassifier, own: _Parts, work: Path, emit: Emit, control: Control
) -> tuple[TrainedClassifier, PatchSet]:
    """Fine-tune the parent, or go on; returns that, and the mitoses by which step and threshold were chosen."""
    training, tuning = own.train, own.tune
    known = known_patches(parent.card, joined(own), emit)
    if known is not None:
        training, tuning = with_known(training, tuning, known, recipe.data.holdout, recipe.training.seed)
    start = ParentClassifier(parent.card.architecture, parent.state)
    trained = train_classifier(
        recipe, training, work / TRAINING, emit=emit, control=control, parent=start, held_back=tuning
    )
    return trained, tuning


def _recipe(spec: LearnSpec, parent: Card, name: str) -> MitosisRecipe:
    recipe = load_recipe(spec.recipe, MitosisRecipe, spec.overrides)
    data = recipe.data.model_copy(update={"path": name, "split": TRAIN})
    training = recipe.training.model_copy(update={"seed": spec.seed, "device": spec.device})
    return recipe.model_copy(update={"mpp": mpp_of(parent), "start": parent.id, "data": data, "training": training})


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
