"""A detector is carried to another look: its recipe names a teacher and what the student looks through."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cytoshift.errors import DataError, ModelError, RecipeError
from cytoshift.jobs import create
from cytoshift.jobs.carrying import carrying_spec, fields_of
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
    result = run(folder)
    assert result.state == "done"
    assert set(result.before) == set(result.after) > {"mAP50", "AP50_any"}
    card = load_model(folder / "model").card
    assert (card.id, card.task, card.parent, card.classes) == ("carried", "detector", "tiny", teacher.card.classes)
    assert card.recipe["distillation"]["teacher"] == "tiny"
    assert card.recipe["data"]["through"] == "reinhard"
    assert [part.name for part in card.trained_on] == [part.name for part in teacher.card.trained_on] * 2
    assert str(tmp_path) not in json.dumps(card.model_dump(mode="json"))
    assert card.metrics["parent mAP50"] == result.before["mAP50"]
    assert "as reinhard shows them" in card.validation
    assert card.sha256 != teacher.card.sha256


def test_a_detector_can_start_from_another_one(small, teacher, tmp_path):
    folder = tmp_path / "run"
    recipe = {**small(steps=1).recipe, "id": "next", "start": str(teacher.folder), "frozen_norm": True}
    create(spec_of(recipe, "next.toml"), folder)
    assert run(folder).state == "done"
    card = load_model(folder / "model").card
    assert (card.parent, card.recipe["start"]) == ("tiny", "tiny")


def test_a_detector_is_carried_with_the_fields_that_it_learnt_from(cells, teacher, tmp_path, monkeypatch):
    assert fields_of(teacher.card) == ""
    (tmp_path / "data" / "drawn").mkdir(parents=True)
    (tmp_path / "data" / "drawn" / cells.name).symlink_to(cells)
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "data"))
    spec = carrying_spec("starter", study=tmp_path, parent=str(teacher.folder), overrides=["training.steps=3"])
    recipe = spec.recipe
    assert recipe["data"]["path"] == fields_of(teacher.card) == str(cells)
    assert recipe["data"]["split"] == teacher.card.recipe["data"]["split"]
    assert recipe["distillation"]["teacher"] == str(teacher.folder)
    assert (recipe["distillation"]["lfa"], recipe["mpp"]) == (1.0, teacher.card.mpp)
    assert (recipe["training"]["steps"], spec.study) == (3, str(tmp_path))


def test_fields_that_are_not_at_hand_must_be_named(small, teacher, tmp_path):
    folder = tmp_path / "moved"
    shutil.copytree(teacher.folder, folder)
    card = teacher.card.model_copy(update={"recipe": {"data": {"path": "nowhere"}}})
    (folder / "card.json").write_text(card.model_dump_json())
    with pytest.raises(DataError, match="not at hand"):
        carrying_spec("starter", study=tmp_path, parent=str(folder))
    fields = small(steps=1).recipe["data"]["path"]
    spec = carrying_spec("starter", study=tmp_path, parent=str(folder), fields=fields)
    assert (spec.recipe["data"]["path"], spec.recipe["data"]["split"]) == (fields, "train")
    with pytest.raises(RecipeError, match="carries no detector across"):
        carrying_spec("starter", study=tmp_path, parent=str(folder), fields=fields, recipe="detector-small")


def test_what_is_not_there_is_said_before_anything_runs(small, teacher, tmp_path: Path):
    with pytest.raises(ModelError, match="nowhere"):
        spec_of(carried(small, teacher, through="nowhere"), "carried.toml")
    recipe = carried(small, teacher)
    recipe["distillation"]["teacher"] = "nobody"
    with pytest.raises(ModelError, match="nobody"):
        spec_of(recipe, "carried.toml")
    with pytest.raises(RecipeError, match=r"leave data\.reference out"):
        spec_of(carried(small, teacher, through="starter", reference="x.png"), "carried.toml")
