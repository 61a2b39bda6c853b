"""Models are found by id, path or as starter; adoptions can be taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cytoshift.errors import ModelError
from cytoshift.models import Registry
from cytoshift.models.model import CARD, read_card
from cytoshift.models.registry import STARTERS


@pytest.fixture
def starter(registry, make_model, tmp_path):
    """Return the starter detector that the registry finds."""
    (tmp_path / "starters").mkdir()
    make_model("starter", identifier="detector-starter").folder.rename(tmp_path / "starters" / "detector")
    return registry.find("starter", "detector")


def test_an_empty_registry(registry):
    assert registry.list() == []
    assert registry.adopted("detector") is None
    for name in ("starter", "detector-test", "a/path"):
        with pytest.raises(ModelError, match="none so far"):
            registry.find(name, "detector")
    with pytest.raises(ModelError, match="nothing to go back from"):
        registry.rollback("detector")
    with pytest.raises(ModelError, match="There is no model nothing"):
        registry.adopt("nothing")


def test_models_are_found_by_id_path_and_as_starter(registry, make_model, starter):
    made = make_model()
    added = registry.add(made.folder)
    assert added.card == made.card
    assert added.folder.parent.parent == registry.root
    for name in ("detector-test", made.folder, str(made.folder), made.weights):
        assert registry.find(name, "detector").card == made.card
    assert registry.find("detector-starter", "detector") == starter
    assert [card.id for card in registry.list()] == ["detector-starter", "detector-test"]
    assert registry.list("stain") == []


def test_a_model_of_another_task_is_named_with_both_tasks(registry, make_model):
    registry.add(make_model("one", identifier="look", task="stain").folder)
    registry.add(make_model("two").folder)
    with pytest.raises(ModelError, match=r"look is a stain model, and a detector model is needed.*detector-test"):
        registry.find("look", "detector")


def test_ids_stay_unique(registry, make_model, starter):
    model = make_model()
    assert [registry.add(model.folder).card.id for _ in range(3)] == [
        "detector-test",
        "detector-test-2",
        "detector-test-3",
    ]
    assert registry.add(starter.folder).card.id == "detector-starter-2"
    third = registry.find("detector-test-3", "detector")
    assert third.card.sha256 == model.card.sha256
    third.load_state()
    assert json.loads((third.folder / "card.json").read_text())["id"] == "detector-test-3"


@pytest.mark.parametrize("identifier", ["../escape", "a/b", "", ".hidden", "x" * 200])
def test_an_id_that_is_no_name_is_refused(registry, make_model, identifier):
    with pytest.raises(ModelError, match="cannot name a folder"):
        registry.add(make_model(identifier=identifier).folder)


def test_a_damaged_model_is_not_taken_in(registry, make_model):
    model = make_model()
    model.weights.write_bytes(model.weights.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match="damaged"):
        registry.add(model.folder)
    assert registry.list() == []


def test_a_damaged_folder_hides_no_other_model(registry, make_model):
    for name in ("a", "b"):
        registry.add(make_model(name, identifier=name).folder)
    (registry.root / "detector" / "a" / "card.json").write_text("torn")
    assert [card.id for card in registry.list()] == ["b"]
    with pytest.raises(ModelError, match="cannot be read"):
        registry.find("a", "detector")


def test_adopting_and_going_back(registry, make_model, starter):
    for name in ("one", "two"):
        registry.add(make_model(name, identifier=name).folder)
    assert registry.current("detector") == starter
    registry.adopt("one")
    registry.adopt("two")
    registry.adopt("detector-starter")
    again = Registry(registry.root, starters=starter.folder.parent)
    assert again.adopted("detector") == "detector-starter"
    assert again.rollback("detector") == "two"
    assert again.current("detector").card.id == "two"
    assert again.rollback("detector") == "one"
    again.adopt("two")
    assert again.rollback("detector") == "one"
    assert again.rollback("detector") == "starter"
    assert again.adopted("detector") is None
    assert [decision.action for decision in registry.history("detector")].count("rollback") == 4
    assert registry.history("stain") == ()


def test_a_torn_line_of_the_history_is_passed_over(registry, make_model):
    for name in ("one", "two"):
        registry.add(make_model(name, identifier=name).folder)
    registry.adopt("one")
    history = registry.root / "adoption.jsonl"
    history.write_bytes(history.read_bytes() + b'{"action": "ado')
    assert registry.adopted("detector") == "one"
    registry.adopt("two")
    assert registry.rollback("detector") == "one"


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "mine"))
    assert Registry().root == tmp_path / "mine"
    monkeypatch.delenv("CYTOSHIFT_MODELS")
    assert Registry().root.name == "models"


@pytest.mark.parametrize("folder", sorted(STARTERS.glob("*/")), ids=lambda folder: folder.name)
def test_every_starter_in_the_package_is_whole_small_and_described(folder: Path, tmp_path):
    task = folder.name.partition("-")[0]
    registry = Registry(tmp_path)
    model = registry.find(read_card(folder / CARD).id, task)
    assert registry.find("starter", task).folder == folder.with_name(task)
    model.verify()
    assert model.weights.stat().st_size <= 30_000_000
    assert model.card.licence
    assert model.card.metrics
    assert model.card.validation
    assert model.card.trained_on
    assert "not for diagnosis" in model.card.intended_use.lower()
