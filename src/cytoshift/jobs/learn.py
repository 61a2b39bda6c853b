"""The job that fine-tunes a detector on the corrections of a study, and measures what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from cytoshift.detection import (
    DetectorOperator,
    DetectorRecipe,
    Parent,
    TrainedDetector,
    evaluate_detector,
    train_detector,
)
from cytoshift.errors import Cancelled, ModelError
from cytoshift.jobs.folder import MODEL, TRAINING, WORK, read_json, write_json
from cytoshift.jobs.home import home_of
from cytoshift.jobs.keep import keep_model
from cytoshift.jobs.known_fields import repeated_fields
from cytoshift.jobs.result import Made
from cytoshift.jobs.sources import open_source
from cytoshift.jobs.spec import LearnSpec
from cytoshift.jobs.taught import beside, taught_id, taught_title
from cytoshift.models import Card, Registry, TrainingData
from cytoshift.study import Study
from cytoshift.study.dataset import training_set
from cytoshift.training import Control, Emit, load_recipe
from cytoshift.training.coco import CocoSet, read_coco

_LOW = 0.0
"""Threshold while measuring: average precision needs the whole curve."""


def learn(spec: LearnSpec, folder: Path, *, emit: Emit, control: Control) -> Made:
    """Cut out the study's fields, measure the parent, fine-tune it, measure that, and put it into the registry."""
    work = folder / WORK
    work.mkdir(exist_ok=True)
    registry = Registry(spec.registry)
    parent = registry.find(spec.parent, "detector")
    slides = {source.identity: open_source(source) for source in spec.slides}
    if not (work / "data").exists():
        emit({"kind": "note", "text": "cutting out the fields marked complete"})
        with Study.open(spec.study, read_only=True) as study:
            training_set(study, slides, work / "data", mpp=_mpp(parent.card), seed=spec.seed)
    held_back = read_coco(work / "data", "val")
    before = read_json(work / "before.json")
    if before is None:
        emit({"kind": "note", "text": "measuring the model as it is"})
        before = _measure(parent.card, parent.load_state(), held_back, control)
        write_json(work / "before.json", before)
    recipe = _recipe(spec, _mpp(parent.card), work / "data")
    start_from = Parent(parent.card.architecture, parent.load_state(), parent.card.classes)
    known = repeated_fields(
        parent.card, registry, recipe, work / TRAINING / "known", without=slides.keys(), emit=emit, control=control
    )
    trained = train_detector(recipe, work / TRAINING, emit=emit, control=control, parent=start_from, known=known)
    emit({"kind": "note", "text": "measuring the new model"})
    card = _card(spec, folder.name, parent.card, recipe, trained, held_back)
    after = _measure(card, trained.state, held_back, control)
    card.metrics = beside(after, before)
    fields = replace(read_coco(work / "data"), name=card.trained_on[-1].name)
    card.domain = home_of(fields, _mpp(card), emit, operator=_operator(card, trained.state))
    card.reader = ", ".join(sorted({slide.info.reader for slide in slides.values()}))
    model = keep_model(registry, card, trained.state, work / MODEL)
    return Made(model.card.id, model.folder, trained.steps, after, before)


def _recipe(spec: LearnSpec, mpp: float, data: Path) -> DetectorRecipe:
    recipe = load_recipe(spec.recipe, DetectorRecipe, spec.overrides)
    place = recipe.data.model_copy(update={"path": str(data), "split": "train", "mpp": mpp})
    training = recipe.training.model_copy(update={"seed": spec.seed, "device": spec.device})
    return recipe.model_copy(update={"mpp": mpp, "data": place, "training": training})


def _mpp(card: Card) -> float:
    if card.mpp is None:
        raise ModelError(f"The model {card.id} does not say at which µm/px it looks; choose another model.")
    return card.mpp


def _measure(card: Card, state: Mapping[str, Tensor], fields: CocoSet, control: Control) -> dict[str, float]:
    def look_up(done: int, total: int) -> None:
        if control.state() == "cancel":
            raise Cancelled("The job was cancelled while a model was measured.")

    score = evaluate_detector(
        _operator(card, state),
        fields,
        mpp=_mpp(card),
        threshold=card.threshold,
        thresholds=card.thresholds,
        report=look_up,
    )
    return score.flat()


def _operator(card: Card, state: Mapping[str, Tensor]) -> DetectorOperator:
    return DetectorOperator.from_model(
        architecture=card.architecture,
        state=state,
        classes=card.classes,
        mpp=card.mpp,
        model_id=card.id,
        version=card.sha256,
        threshold=_LOW,
        calibration=card.calibration,
    )


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
