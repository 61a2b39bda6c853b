"""The job that fine-tunes a detector on the corrections of a study, and measures what that is worth."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from cytoshift.detection import DetectorRecipe, Parent, TrainedDetector, train_detector
from cytoshift.jobs.changed_cells import write_changes
from cytoshift.jobs.folder import MODEL, TRAINING, WORK
from cytoshift.jobs.frozen import freeze
from cytoshift.jobs.home import home_of
from cytoshift.jobs.keep import keep_model
from cytoshift.jobs.known_fields import repeated_fields
from cytoshift.jobs.result import Made
from cytoshift.jobs.sources import open_source
from cytoshift.jobs.spec import LearnSpec
from cytoshift.jobs.taught import beside, mpp_of, taught_id, taught_title
from cytoshift.jobs.worth_detector import Measuring, Taught, home_fields
from cytoshift.models import Card, Registry, TrainingData
from cytoshift.slides import Slide
from cytoshift.study import Study
from cytoshift.study.dataset import ANNOTATIONS, training_set
from cytoshift.training import Control, Emit, load_recipe
from cytoshift.training.coco import CocoSet, read_coco

DATA = "data"
"""Within `WORK`: the fields as they were when the job first ran, COCO."""


def learn(spec: LearnSpec, folder: Path, *, emit: Emit, control: Control) -> Made:
    """Cut out the study's fields, fine-tune the parent on them, measure both, and put the new one into the registry."""
    work = folder / WORK
    work.mkdir(exist_ok=True)
    registry = Registry(spec.registry)
    parent = registry.find(spec.parent, "detector")
    old = Taught(parent.card, parent.load_state())  # at once: somebody may remove it while this learns
    slides = {source.identity: open_source(source) for source in spec.slides}
    held_back = _held_back(spec, slides, folder, mpp_of(old.card), emit)
    recipe = _recipe(spec, mpp_of(old.card), work / DATA)
    own, training = set(slides), work / TRAINING
    known = repeated_fields(old.card, registry, recipe, training / "known", without=own, emit=emit, control=control)
    trained = train_detector(
        recipe,
        training,
        emit=emit,
        control=control,
        parent=Parent(old.card.architecture, old.state, old.card.classes),
        known=known,
    )
    card = _card(spec, folder.name, old.card, recipe, trained, held_back)
    new = Taught(card, trained.state)
    home = home_fields(old.card, registry, recipe, training / "home", without=own, emit=emit, control=control)
    worth = Measuring(old, new, spec.device, emit, control).worth(held_back, home)
    write_changes(worth.changes, folder)
    card.metrics = beside(worth.after, worth.before) | worth.trust.as_metrics()
    fields = replace(read_coco(work / DATA), name=card.trained_on[-1].name)
    card.domain = home_of(fields, mpp_of(card), emit, operator=new.operator(spec.device))
    card.reader = ", ".join(sorted({slide.info.reader for slide in slides.values()}))
    model = keep_model(registry, card, trained.state, work / MODEL)
    return Made(model.card.id, model.folder, trained.steps, worth.after, worth.before, worth.trust)


def _held_back(spec: LearnSpec, slides: dict[str, Slide], folder: Path, mpp: float, emit: Emit) -> CocoSet:
    """Return the fields to measure with, as they were when the job first ran: a study that goes on changes nothing."""
    data = folder / WORK / DATA
    if not data.exists():
        emit({"kind": "note", "text": "cutting out the fields marked complete"})
        with Study.open(spec.study, read_only=True) as study:
            training_set(study, slides, data, mpp=mpp, seed=spec.seed)
    train, held_back = read_coco(data, "train"), read_coco(data, "val")
    apart = {field.slide for field in train.fields}.isdisjoint(field.slide for field in held_back.fields)
    about = {
        "split_by": "slide" if apart else "region",
        "seed": spec.seed,
        "learnt_from": _cells(train),
        "held_back": _cells(held_back),
    }
    freeze(folder, data, [data / ANNOTATIONS, *(field.path for field in held_back.fields)], about)
    return held_back


def _cells(data: CocoSet) -> dict[str, int]:
    """Return how many cells of each class there are."""
    counts = np.bincount(np.concatenate([field.labels for field in data.fields]), minlength=len(data.classes))
    return dict(zip(data.classes, counts.tolist(), strict=True))


def _recipe(spec: LearnSpec, mpp: float, data: Path) -> DetectorRecipe:
    recipe = load_recipe(spec.recipe, DetectorRecipe, spec.overrides)
    place = recipe.data.model_copy(update={"path": str(data), "split": "train", "mpp": mpp})
    training = recipe.training.model_copy(update={"seed": spec.seed, "device": spec.device})
    return recipe.model_copy(update={"mpp": mpp, "data": place, "training": training})


def _card(
    spec: LearnSpec, job: str, parent: Card, recipe: DetectorRecipe, trained: TrainedDetector, held_back: CocoSet
) -> Card:
    study = Path(spec.study).name
    used = recipe.model_dump(mode="json")
    used["data"]["path"] = study
    learnt = TrainingData(name=f"corrections of {study}", split="train", images=trained.images, cells=trained.cells)
    cells = sum(len(field.boxes) for field in held_back.fields)
    return Card(
        id=taught_id(spec, job),
        title=taught_title(spec, parent),
        task="detector",
        classes=trained.classes,
        mpp=trained.mpp,
        architecture=trained.architecture.model_dump(mode="json"),
        threshold=trained.threshold,
        thresholds=trained.thresholds,
        calibration=trained.calibration,
        validation=f"{len(held_back.fields)} fields with {cells} cells of {study}, held back",
        trained_on=[*parent.trained_on, learnt],
        parent=parent.id,
        recipe=used,
        seed=spec.seed,
        code_version=version("napari-cytoshift"),
        licence=parent.licence,
    )
