"""A detector is carried to another look: its recipe names a teacher and what the student looks through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cytoshift.errors import ModelError, RecipeError
from cytoshift.jobs import create
from cytoshift.jobs.runner import run
from cytoshift.jobs.train import spec_of
from cytoshift.models import Model, load_model


@pytest.fixture(scope="module")
def teacher(small, tmp_path_factory) -> Model:
    folder = tmp_path_factory.mktemp("teacher") / "run"
    create(small(steps=2), folder)
    assert run(folder).state == "done"
    return load_model(folder / "model")


def carried(small, teacher: Model, **changes) -> dict:
    recipe = {**small(steps=2).recipe, "id": "carried", "title": "Carried"}
    recipe["distillation"] = {"teacher": str(teacher.folder), "view": "translated", "lfa": 1.0, "cfa": 1.0}
    recipe["data"] = {**recipe["data"], "through": "reinhard", **changes}
    return recipe


def test_a_student_is_kept_as_a_detector_that_names_its_teacher(small, teacher, tmp_path):
    folder = tmp_path / "run"
    create(spec_of(carried(small, teacher), "carried.toml"), folder)
    assert run(folder).state == "done"
    card = load_model(folder / "model").card
    assert (card.id, card.task, card.parent, card.classes) == ("carried", "detector", "tiny", teacher.card.classes)
    assert card.recipe["distillation"]["teacher"] == "tiny"
    assert card.recipe["data"]["through"] == "reinhard"
    assert [part.name for part in card.trained_on] == [part.name for part in teacher.card.trained_on] * 2
    assert str(tmp_path) not in json.dumps(card.model_dump(mode="json"))
    assert card.sha256 != teacher.card.sha256


def test_a_detector_can_start_from_another_one(small, teacher, tmp_path):
    folder = tmp_path / "run"
    recipe = {**small(steps=1).recipe, "id": "next", "start": str(teacher.folder), "frozen_norm": True}
    create(spec_of(recipe, "next.toml"), folder)
    assert run(folder).state == "done"
    card = load_model(folder / "model").card
    assert (card.parent, card.recipe["start"]) == ("tiny", "tiny")


def test_what_is_not_there_is_said_before_anything_runs(small, teacher, tmp_path: Path):
    with pytest.raises(ModelError, match="nowhere"):
        spec_of(carried(small, teacher, through="nowhere"), "carried.toml")
    recipe = carried(small, teacher)
    recipe["distillation"]["teacher"] = "nobody"
    with pytest.raises(ModelError, match="nobody"):
        spec_of(recipe, "carried.toml")
    with pytest.raises(RecipeError, match=r"leave data\.reference out"):
        spec_of(carried(small, teacher, through="starter", reference="x.png"), "carried.toml")
