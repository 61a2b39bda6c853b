"""A detector is carried to another look: its recipe names a teacher and what the student looks through."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cytoshift.detection import evaluate_detector
from cytoshift.errors import DataError, ModelError, RecipeError
from cytoshift.jobs import create
from cytoshift.jobs.carrying import carrying_spec, fields_of
from cytoshift.jobs.runner import run
from cytoshift.jobs.train import spec_of
from cytoshift.jobs.worth_detector import Taught
from cytoshift.models import Model, load_model
from cytoshift.training.coco import read_coco


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
    assert result.trust is None  # what its teacher was validated on is not at hand
    assert "not compared with its teacher" in (folder / "events.jsonl").read_text()
    assert "as reinhard shows them" in card.validation
    assert card.sha256 != teacher.card.sha256


@pytest.fixture
def at_hand(cells, tmp_path, monkeypatch) -> Path:
    """Have the fields that the teacher learnt from, and was validated on, where they are looked for."""
    (tmp_path / "data" / "drawn").mkdir(parents=True)
    (tmp_path / "data" / "drawn" / cells.name).symlink_to(cells)
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "data"))
    return cells


def test_a_student_is_compared_with_its_teacher_in_both_looks(small, teacher, at_hand, tmp_path):
    folder = tmp_path / "run"
    create(spec_of(carried(small, teacher), "carried.toml"), folder)
    result = run(folder)
    trust = result.trust
    assert trust is not None
    assert trust.home is not None
    assert trust.gain.on == "1 field with 4 cells, seen through Reinhard"
    assert trust.home.on == f"1 field with 4 cells of {at_hand.name}"
    made = load_model(folder / "model")
    card = made.card
    assert card.metrics["home mAP50"] == pytest.approx(trust.home.numbers["mAP50"].after)
    assert card.metrics["home parent mAP50"] == pytest.approx(trust.home.numbers["mAP50"].before)
    assert trust.as_metrics().items() <= card.metrics.items()
    told = trust.home.numbers["mAP50"]
    assert (told.before, told.after) == pytest.approx((_home(teacher, at_hand), _home(made, at_hand)), abs=1e-6)
    assert trust.gain.numbers["mAP50"].before == pytest.approx(result.before["mAP50"])
    assert card.metrics["parent mAP50"] == pytest.approx(result.before["mAP50"])
    assert "1 field with 4 cells, seen through Reinhard" in card.validation


def test_fields_that_a_student_learns_from_are_not_measured_with(small, teacher, at_hand, tmp_path):
    folder = tmp_path / "run"
    create(spec_of(carried(small, teacher, split=""), "carried.toml"), folder)  # those of split val among them
    assert run(folder).trust is None
    assert "no fields of split 'val' besides your own" in (folder / "events.jsonl").read_text()


def _home(model: Model, fields: Path) -> float:
    """Return a detector's mAP50 on the fields that the teacher was validated on, measured by itself."""
    card = model.card
    operator = Taught(card, model.load_state()).operator("cpu")
    data = read_coco(fields, "val")
    return float(evaluate_detector(operator, data, mpp=0.5, threshold=card.threshold).flat()["mAP50"])


def test_a_detector_can_start_from_another_one(small, teacher, tmp_path):
    folder = tmp_path / "run"
    recipe = {**small(steps=1).recipe, "id": "next", "start": str(teacher.folder), "frozen_norm": True}
    create(spec_of(recipe, "next.toml"), folder)
    assert run(folder).state == "done"
    card = load_model(folder / "model").card
    assert (card.parent, card.recipe["start"]) == ("tiny", "tiny")


def test_fields_are_looked_for_where_data_is(teacher):
    assert fields_of(teacher.card) == ""


def test_a_detector_is_carried_with_the_fields_that_it_learnt_from(cells, teacher, at_hand, tmp_path):
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
