"""A restyling is trained in its three stages, resumed, and goes on to a new scanner."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from fields import write_set
from laboratories import draw_smear, write_slide
from torch import nn

from cytoshift.stain.restyling import ParentRestyler, RestainRecipe, TrainedRestyler, train_restyler
from cytoshift.stain.restyling.learning import RestainLearning
from cytoshift.stain.restyling.patches import draw_anywhere, read_domain
from cytoshift.training import DomainFields, load_recipe
from cytoshift.training.recipe import recipe_folder


class Go:
    """Never stops."""

    def state(self) -> Literal["run", "stop_early", "cancel"]:
        return "run"


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("restyling") / "fields", mpp=0.5)


def recipe(fields: Path, **changes: Any) -> RestainRecipe:
    data: dict[str, Any] = {
        "mpp": 0.5,
        "source": {"path": str(fields), "split": "train"},
        "target": {"path": str(fields), "split": "val"},
        "architecture": {"widths": [4, 4, 4, 4, 4, 4], "tile": 64},
        "critics": {"widths": [4, 4, 4, 4, 4]},
        "patches": {"size": 64},
        "stages": {"intra": 3, "inter": 2, "task": 2},
        "task_network": {
            "trunk": "resnet18",
            "patch": 32,
            "normal": ["disc"],
            "training": {"steps": 2, "batch": 4, "device": "cpu"},
        },
        "training": {"batch": 2, "checkpoint_every": 1, "validate_every": 2, "device": "cpu", "ema_decay": 0.0},
    }
    return RestainRecipe.model_validate(data | changes)


def train(recipe: RestainRecipe, folder: Path, parent: ParentRestyler | None = None) -> tuple[TrainedRestyler, list]:
    events: list[dict[str, Any]] = []
    return train_restyler(recipe, folder, emit=events.append, control=Go(), parent=parent), events


def losses(events: list[dict[str, Any]]) -> list[set[str]]:
    return [set(event) - {"kind", "step"} for event in events if event["kind"] == "loss"]


def test_stages_follow_each_other_and_keep_the_losses_before(fields: Path, tmp_path: Path) -> None:
    trained, events = train(recipe(fields), tmp_path)
    said = losses(events)[2:]  # after the two steps of the task network
    first, second = {"pixel", "intra", "critic intra"}, {"inter", "critic inter"}
    assert said == [first] * 3 + [first | second] * 2 + [first | second | {"task"}] * 2
    assert trained.steps == 7
    assert set(trained.metrics) >= {"reconstruction"}
    again, repeated = train(recipe(fields), tmp_path)
    assert losses(repeated) == []  # everything was there
    assert all(torch.equal(value, again.state[name]) for name, value in trained.state.items())


def test_a_new_scanner_needs_the_second_stage_alone(fields: Path, tmp_path: Path) -> None:
    first, _ = train(recipe(fields, stages={"intra": 2}), tmp_path / "first")
    parent = ParentRestyler(first.architecture.model_dump(mode="json"), first.state)
    plan = recipe(fields, stages={"inter": 2}, parent="first")
    second, events = train(plan, tmp_path / "second", parent)
    assert len(losses(events)) == 2
    assert any(not torch.equal(value, first.state[name]) for name, value in second.state.items())
    with pytest.raises(ValueError, match="needs a parent"):
        recipe(fields, stages={"inter": 2})


def test_an_interrupted_stage_gives_the_same_bits(fields: Path, tmp_path: Path) -> None:
    class StopAfter(Go):
        left = 2

        def state(self) -> Literal["run", "stop_early", "cancel"]:
            self.left -= 1
            return "run" if self.left >= 0 else "cancel"

    plan = recipe(fields, stages={"intra": 4})
    whole, _ = train(plan, tmp_path / "whole")
    with pytest.raises(Exception, match="cancelled"):
        train_restyler(plan, tmp_path / "parts", emit=lambda event: None, control=StopAfter())
    resumed, _ = train(plan, tmp_path / "parts")
    assert all(torch.equal(value, resumed.state[name]) for name, value in whole.state.items())
    assert all(torch.equal(value, resumed.critics[name]) for name, value in whole.critics.items())


def test_both_domains_go_through_one_batch(fields: Path) -> None:
    """BatchNorm's statistics are then those of both; separate batches would leave those of the last domain."""
    plan = recipe(fields)
    source, target = read_domain(plan.source, 0.5, 64), read_domain(plan.target, 0.5, 64)
    learning = RestainLearning(plan, "inter", source, target)
    seen: list[int] = []
    learning.network.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    learning.loss(learning.batch(0))
    assert seen == [4]


def test_the_task_network_is_never_changed(fields: Path) -> None:
    plan = recipe(fields)
    source = read_domain(plan.source, 0.5, 64)
    judge = nn.Sequential(nn.Conv2d(3, 1, 3), nn.BatchNorm2d(1), nn.AdaptiveAvgPool2d(1), nn.Flatten(0))
    before = {name: value.clone() for name, value in judge.state_dict().items()}
    learning = RestainLearning(plan, "task", source, task_network=judge)
    sum(learning.loss(learning.batch(0)).values()).backward()  # type: ignore[union-attr]
    assert all(parameter.grad is None for parameter in judge.parameters())
    assert all(torch.equal(value, before[name]) for name, value in judge.state_dict().items())
    assert any(parameter.grad is not None for parameter in learning.network.parameters())


def test_batches_are_functions_of_the_step(fields: Path) -> None:
    plan = recipe(fields)
    source = read_domain(plan.source, 0.5, 64)
    learning = RestainLearning(plan, "intra", source)
    once, twice, other = learning.batch(5), learning.batch(5), learning.batch(6)
    assert torch.equal(once.source.images, twice.source.images)
    assert not torch.equal(once.source.images, other.source.images)
    assert sorted(set(once.abnormal.tolist())) != [-1]
    assert np.isin(once.abnormal.numpy(), (-1, 0, 1)).all()


@pytest.mark.parametrize("name", ["restain", "restain-small"])
def test_the_recipes_that_ship_are_valid(name: str) -> None:
    checked = load_recipe(recipe_folder() / f"{name}.toml", RestainRecipe)
    weights = checked.weights
    assert (weights.intra, weights.inter, weights.pixel, weights.task) == (1, 1, 100, 10)
    assert checked.patches.size == (512 if name == "restain" else 256)


def test_a_target_of_slides_is_drawn_on_tissue_each_with_the_white_of_its_slide(fields: Path, tmp_path: Path) -> None:
    smear = draw_smear(0, 512, 512)
    dim = (smear * np.array([0.8, 0.7, 0.6])).astype(np.uint8)
    slides = (write_slide(tmp_path / "bright.tif", smear, 0.5), write_slide(tmp_path / "dim.tif", dim, 0.5))
    target = read_domain(DomainFields(slides=slides), 0.5, 64)
    assert target.data.name == "bright.tif and 1 more"
    assert [note for note in target.notes if "parts of 128 px from 2 files" in note]
    whites = np.unique(target.whites, axis=0)
    assert len(whites) == 2
    assert whites[0] == pytest.approx(whites[1] * [0.8, 0.7, 0.6], abs=0.02)
    rng = np.random.default_rng(0)
    drawn = [draw_anywhere(rng, target, 64) for _ in range(30)]
    for patch, index in drawn:
        assert patch.shape == (64, 64, 3)
        assert (patch < 0.85 * 255 * target.whites[index]).any(axis=-1).mean() > 0.1  # none is glass alone

    plan = recipe(fields, target={"slides": slides}, stages={"inter": 2}, parent="first")
    learning = RestainLearning(plan, "inter", read_domain(plan.source, 0.5, 64), target)
    parent = ParentRestyler(plan.architecture.model_dump(mode="json"), learning.network.state_dict())
    trained, events = train(plan, tmp_path / "run", parent)
    assert len(losses(events)) == 2
    assert trained.target.notes == target.notes
    assert target.notes[0] in [event.get("text") for event in events]
