"""What a detector learnt from is repeated beside corrections, where it is at hand; where not, that is said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.errors import DataError
from cytoshift.jobs.known_fields import TRAIN, VAL, KnownFields, repeated_fields
from cytoshift.models import Card, Registry
from cytoshift.slides import open_slide
from cytoshift.training.coco import CocoSet


class Go:
    """Never stops."""

    def state(self) -> Any:
        return "run"


@pytest.fixture
def at_hand(tmp_path: Path, cells: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the data called ``ward/drawn`` lie: five fields to learn from and one of ``val``."""
    folder = tmp_path / "data" / "ward" / "drawn"
    shutil.copytree(cells, folder)
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "data"))
    return folder


def card(name: str = "first", parent: str = "", **changes: Any) -> Card:
    data = {"path": "ward/drawn", "mpp": 0.25} | changes
    made_by = DetectorRecipe(data=data).model_dump(mode="json")
    return Card(id=name, title=name, task="detector", classes=("HSIL", "NILM"), parent=parent, recipe=made_by)


def repeated(
    which: Card, registry: Registry, folder: Path, notes: list[str], without: tuple[str, ...] = ()
) -> CocoSet | None:
    recipe = DetectorRecipe(data={"path": "study"})

    def say(event: dict[str, Any]) -> None:
        notes.append(event["text"])

    return repeated_fields(which, registry, recipe, folder, without=without, emit=say, control=Go())


def test_the_fields_that_a_detector_learnt_from_are_repeated(at_hand: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    registry = Registry(tmp_path / "models")
    data = repeated(card(), registry, tmp_path, notes)
    assert data is not None
    assert data.classes == ("HSIL", "NILM")
    assert sorted(field.name for field in data.fields) == [f"field-{number}.png" for number in range(5)]
    assert {field.mpp for field in data.fields} == {0.5}
    assert notes == ["repeats 5 fields of drawn with 20 cells"]
    own = open_slide(at_hand / "field-2.png").info.identity
    fewer = repeated(card(), registry, tmp_path, notes, without=(own,))
    assert fewer is not None
    assert "field-2.png" not in {field.name for field in fewer.fields}


def test_a_model_taught_in_a_study_repeats_what_its_parent_learnt_from(
    at_hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = card()
    registry = Registry(tmp_path / "models")
    monkeypatch.setattr(registry, "list", lambda task=None: [parent])
    child = card("second", parent="first", path="somebody's study")
    known = KnownFields.of(child, registry)
    assert known is not None
    assert Path(known.recipe.data.path) == at_hand


def test_what_was_held_back_from_the_parent_is_not_what_it_learnt_from(at_hand: Path, tmp_path: Path) -> None:
    known = KnownFields.of(card(), Registry(tmp_path / "models"))
    assert known is not None
    how: dict[str, Any] = {"seed": 0, "without": (), "emit": lambda _: None, "control": Go()}
    held_back = known.draw(VAL, 9, tmp_path, **how)
    assert [field.name for field in held_back.fields] == ["field-5.png"]
    assert len(known.draw(TRAIN, 3, tmp_path, **how).fields) == 3
    learnt_all = KnownFields.of(card(split=""), Registry(tmp_path / "models"))
    assert learnt_all is not None
    with pytest.raises(DataError, match="did not learn from"):
        learnt_all.draw(VAL, 3, tmp_path, **how)


def test_a_carried_detector_repeats_fields_as_it_learnt_to_see_them(at_hand: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    carried = card(through="reinhard")
    carried.recipe["distillation"] = {"teacher": "first"}
    data = repeated(carried, Registry(tmp_path / "models"), tmp_path / "seen", notes)
    assert data is not None
    assert all(field.path.parent == tmp_path / "seen" for field in data.fields)
    with Image.open(data.fields[0].path) as seen, Image.open(at_hand / data.fields[0].name) as plain:
        assert seen.tobytes() != plain.tobytes()
    gone = card(through="a translator that was removed")
    gone.recipe["distillation"] = {"teacher": "first"}
    assert repeated(gone, Registry(tmp_path / "models"), tmp_path, notes) is None
    assert notes[-1].startswith("learns from your fields alone: There is no model")


def test_that_nothing_is_at_hand_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "nothing"))
    notes: list[str] = []
    assert repeated(card(), Registry(tmp_path / "models"), tmp_path, notes) is None
    assert notes == ["what the model learnt from is not at hand: it learns from your fields alone"]
