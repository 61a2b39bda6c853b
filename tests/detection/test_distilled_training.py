"""A student learns from its teacher, sees what it should, and becomes a detector like any other."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from fields import CLASSES, write_set

from cytoshift.detection import DetectorOperator, DetectorRecipe, Parent, TrainedDetector, train_detector
from cytoshift.detection.distillation.learning import DistilledLearning, Pupil
from cytoshift.detection.networks import Architecture, build_network
from cytoshift.detection.recipe import DetectorData, DetectorViews
from cytoshift.detection.train import SEEN, read_data
from cytoshift.engine import ImageOperator, Needs
from cytoshift.errors import CytoshiftError, DataError
from cytoshift.training import TrainingSettings
from cytoshift.training.coco import CocoSet
from cytoshift.training.recipe import check_recipe

PLAN = Architecture(channels=32, tile=128, halo=32)


class Go:
    """Never stops."""

    def state(self) -> Literal["run", "stop_early", "cancel"]:
        return "run"


class Greener(ImageOperator):
    """Takes half of the red and blue away."""

    title = "Greener"
    made = 0

    def __init__(self) -> None:
        Greener.made += 1
        self.asked, self.number = 0, Greener.made

    @property
    def key(self) -> str:
        return f"greener-{self.number}"  # tiles that an earlier one made are still in the cache

    @property
    def needs(self) -> Needs:
        return Needs(tile=128)

    def apply(self, tiles: np.ndarray) -> np.ndarray:
        self.asked += 1
        return tiles // np.array([2, 1, 2], np.uint8)


@pytest.fixture(scope="module")
def field_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("fields") / "set", train=4, val=1)


@pytest.fixture(scope="module")
def teacher() -> Parent:
    torch.manual_seed(1)
    network = build_network(PLAN, 2)
    torch.nn.init.normal_(network.head.classification_head.cls_logits.weight, std=0.3)  # one that has opinions
    return Parent(PLAN.model_dump(), network.state_dict(), CLASSES)


def recipe(data: Path, *, view: str = "translated", training: dict[str, Any] | None = None, **losses: float):
    how: dict[str, Any] = {"teacher": "given", "view": view, **losses}
    return DetectorRecipe(
        mpp=0.5,
        data=DetectorData(path=str(data), mpp=0.5, holdout=0.25, through="greener" if view != "stain_aug" else ""),
        views=DetectorViews(crop=96, scale_jitter=0.1),
        distillation=how,
        training=TrainingSettings(
            **{"steps": 3, "batch": 2, "warmup": 1, "learning_rate": 1e-4, "device": "cpu", "ema_decay": 0.5}
            | {"validate_every": 3, "checkpoint_every": 1}
            | (training or {})
        ),
    )


def trained(recipe: DetectorRecipe, folder: Path, teacher: Parent, events: list | None = None) -> TrainedDetector:
    through = Greener() if recipe.data.through else None
    emit = (lambda _: None) if events is None else events.append
    return train_detector(recipe, folder, emit=emit, control=Go(), parent=teacher, through=through)


@pytest.mark.parametrize("losses", [{"lfa": 1.0, "cfa": 1.0}, {"kd": 1.0}, {"dkd": 1.0}, {"sp": 1.0}])
def test_each_loss_is_told_and_what_comes_out_is_a_plain_detector(field_set, tmp_path, teacher, losses):
    events: list[dict[str, Any]] = []
    model = trained(recipe(field_set, **losses), tmp_path, teacher, events)
    told = [event for event in events if event["kind"] == "loss"]
    assert all(set(told[-1]) == {"kind", "step", "classification", "bbox_regression", *losses} for _ in told)
    assert any(told[-1][name] > 0 for name in losses)
    operator = DetectorOperator.from_model(
        architecture=model.architecture.model_dump(),
        state=model.state,
        classes=model.classes,
        mpp=model.mpp,
        model_id="student",
        version="1",
        device="cpu",
    )
    assert operator.classes == CLASSES
    assert not any(name.startswith(("detector.", "projection")) for name in model.state)


def test_the_teacher_never_moves_and_the_student_does(field_set, tmp_path, teacher):
    before = {name: value.clone() for name, value in teacher.state.items()}
    model = trained(recipe(field_set, lfa=1.0, training={"learning_rate": 1e-2}), tmp_path, teacher)
    assert all(torch.equal(before[name], teacher.state[name]) for name in before)
    assert not torch.equal(model.state["backbone.body.conv1.weight"], before["backbone.body.conv1.weight"])


def test_a_training_that_was_broken_off_goes_on_as_if_it_had_not(field_set, tmp_path, teacher):
    whole = trained(recipe(field_set, lfa=1.0, cfa=1.0), tmp_path / "whole", teacher)

    class Once:
        def __init__(self) -> None:
            self.left = 2

        def state(self) -> str:
            self.left -= 1
            return "run" if self.left >= 0 else "cancel"

    with pytest.raises(CytoshiftError, match="cancelled"):
        train_detector(
            recipe(field_set, lfa=1.0, cfa=1.0, training={"checkpoint_every": 1}),
            tmp_path / "parts",
            emit=lambda _: None,
            control=_AfterFields(Once()),
            parent=teacher,
            through=Greener(),
        )
    parts = trained(recipe(field_set, lfa=1.0, cfa=1.0), tmp_path / "parts", teacher)
    assert all(torch.equal(whole.state[name], parts.state[name]) for name in whole.state)


class _AfterFields:
    """Lets the fields be made, and counts from the first training step."""

    def __init__(self, inner: Any, fields: int = 4) -> None:
        self.inner, self.fields = inner, fields

    def state(self) -> str:
        self.fields -= 1
        return "run" if self.fields >= 0 else self.inner.state()


def test_fields_are_made_once_and_their_cells_stay_where_they_are(field_set, tmp_path, teacher):
    from cytoshift.detection.seen import seen_through
    from cytoshift.training.coco import read_coco

    data, operator = read_coco(field_set, "train"), Greener()
    ask = {"mpp": 1.0, "presumed": 0.5, "emit": lambda _: None, "control": Go()}
    seen = seen_through(data, operator, tmp_path / SEEN, **ask)
    asked = operator.asked
    assert asked > 0
    again = seen_through(data, operator, tmp_path / SEEN, **ask)
    assert operator.asked == asked
    for field, copy, other in zip(data.fields, seen.fields, again.fields, strict=True):
        assert (copy.height, copy.width, copy.mpp) == (field.height // 2, field.width // 2, 1.0)
        np.testing.assert_allclose(copy.boxes, field.boxes / 2)
        np.testing.assert_array_equal(copy.labels, field.labels)
        small = field.read().reshape(96, 2, 96, 2, 3).mean(axis=(1, 3)) // [2, 1, 2]
        assert np.abs(copy.read() - small).mean() < 2
        np.testing.assert_array_equal(copy.read(), other.read())


def learning(field_set: Path, teacher: Parent, view: str, student: CocoSet | None = None) -> DistilledLearning:
    plan = recipe(field_set, view=view, lfa=1.0).model_copy(update={"architecture": PLAN})
    home = read_data(plan)
    return DistilledLearning(plan, student or home, home, home=home, teacher=teacher.state)


def darker(data: CocoSet, folder: Path) -> CocoSet:
    """Return fields at half the size and a quarter of the light."""
    from PIL import Image

    folder.mkdir()
    fields = []
    for field in data.fields:
        pixels = field.read()[::2, ::2] // 4
        Image.fromarray(pixels).save(folder / field.name)
        fields.append(replace(field, path=folder / field.name, height=96, width=96, mpp=1.0, boxes=field.boxes / 2))
    return replace(data, fields=tuple(fields))


def test_both_see_the_same_view_in_their_own_look(field_set, tmp_path, teacher):
    home = read_data(recipe(field_set, lfa=1.0))
    task = learning(field_set, teacher, "translated", darker(home, tmp_path / "dark"))
    batch = task.batch(0)
    assert batch.home is not None
    shown, there = (x.float().mean(dim=1) for x in (batch.images, batch.home))
    assert shown.mean() < there.mean() / 2
    for a, b in zip(shown, there, strict=True):
        assert float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]) > 0.8
    for target in batch.targets:
        assert (target["boxes"] <= 96).all()


@pytest.mark.parametrize(("view", "same"), [("stain_aug", 0), ("mixed", 1)])
def test_what_the_student_sees(field_set, tmp_path, teacher, view, same):
    """In other stains, or now and then as it was translated."""
    home = read_data(recipe(field_set, lfa=1.0))
    task = learning(field_set, teacher, view, darker(home, tmp_path / "dark") if same else None)
    dark = 0
    for step in range(12):
        batch = task.batch(step)
        assert batch.home is not None
        assert not torch.equal(batch.images, batch.home)
        dark += int((batch.images.float().mean(dim=(1, 2, 3)) < 100).sum())
    assert (4 <= dark <= 20) if same else dark == 0


def test_equal_networks_that_see_the_same_have_nothing_to_learn_from_each_other(field_set, teacher):
    task = learning(field_set, teacher, "stain_aug")
    task._how = task._how.model_copy(update={"cfa": 1.0, "kd": 1.0, "dkd": 1.0, "sp": 1.0})
    assert isinstance(task.network, Pupil)
    task.network.eval()
    task.detector(task.network).train(False)
    from cytoshift.detection.distillation.taps import looked

    batch = task.batch(1)
    assert batch.home is not None
    images = batch.home.float() / 255
    taps = looked(task.detector(task.network), images)
    taps.anchors = task.detector(task.network).anchor_generator(
        task.detector(task.network).transform(list(images))[0], taps.pyramid
    )
    losses = task._distances(taps, taps, batch.targets, 1.0)
    assert set(losses) == {"lfa", "cfa", "kd", "dkd", "sp"}
    assert all(float(value.detach()) < 1e-3 for value in losses.values())


def test_a_student_needs_a_teacher_and_something_to_look_through(field_set, tmp_path):
    plan = recipe(field_set, view="stain_aug", lfa=1.0)
    with pytest.raises(DataError, match="needs its teacher"):
        train_detector(plan, tmp_path, emit=lambda _: None, control=Go())
    written = plan.model_dump(mode="json")
    written["distillation"]["view"] = "translated"
    with pytest.raises(CytoshiftError, match=r"needs data\.through"):
        check_recipe(written, DetectorRecipe, "recipe")
    with pytest.raises(CytoshiftError, match="leave start out"):
        check_recipe(plan.model_dump(mode="json") | {"start": "starter"}, DetectorRecipe, "recipe")


@pytest.mark.parametrize("name", ["lfa-cfa", "kd", "dkd", "sp"])
@pytest.mark.parametrize("size", ["", "-small"])
def test_recipes_that_ship_are_valid_and_each_has_its_loss(name, size):
    file = Path(__file__).parents[2] / "recipes" / f"{name}{size}.toml"
    plan = check_recipe(tomllib.loads(file.read_text()), DetectorRecipe, file.name)
    assert plan.distillation is not None
    weights = {loss: getattr(plan.distillation, loss) for loss in ("lfa", "cfa", "kd", "dkd", "sp")}
    assert {loss for loss, weight in weights.items() if weight} == set(name.split("-"))
