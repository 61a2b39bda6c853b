"""The card *Carry the detector across*: what is missing, and a job from start to a detector that names its teacher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fields import write_set
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog
from tiny_translator import add_translator

from cytoshift.jobs import JobResult
from napari_cytoshift.widgets.adapt import AdaptDock

Make = Callable[..., Any]
JOB_MS = 240_000


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    """Return labelled fields."""
    return write_set(tmp_path / "labelled", train=4, val=0) / "annotations.json"


@pytest.fixture
def dock(make_napari_viewer: Make, qtbot: Any, tmp_path: Path, fields: Path) -> AdaptDock:
    """Return the dock with the card open and a detector in use that does not know where its fields are."""
    import torch

    from cytoshift.detection import Architecture, build_network
    from cytoshift.models import Card, Registry, save_model
    from cytoshift.training.coco import read_coco

    torch.manual_seed(0)
    plan, classes = Architecture(channels=32, tile=256, halo=32), read_coco(fields).classes
    about = {"task": "detector", "classes": classes, "mpp": 0.5, "architecture": plan.model_dump(mode="json")}
    save_model(
        tmp_path / "model", Card(id="home", title="Home", **about), build_network(plan, len(classes)).state_dict()
    )
    registry = Registry()
    registry.add(tmp_path / "model")
    registry.adopt("home")
    dock = AdaptDock(make_napari_viewer())
    qtbot.addWidget(dock)
    dock.show()
    dock.carry.head.click()
    return dock


def test_it_says_what_is_missing_and_carries_the_detector_across(
    dock: AdaptDock, tmp_path: Path, fields: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = dock.carry
    for shipped in dock.workspace.registry.list("translation"):
        assert card.translator.findData(shipped.id) >= 0
    assert card.ready.text() == "Still missing: labelled fields; what the detector learnt from is not at hand."
    assert not card.begin.isEnabled()
    add_translator(tmp_path, "away", steps=1)
    dock.workspace.models_changed.emit()
    card.translator.setCurrentIndex(card.translator.findData("away"))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(fields), ""))
    qtbot.mouseClick(card.choose, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Takes about" in card.ready.text(), timeout=JOB_MS)
    assert card.place.text() == fields.name
    assert card.keep.isChecked()  # nobody wants a detector that knows the new scanner alone, unless they say so
    card.further = ("training.steps=2", "training.batch=1", "training.validate_every=1", "views.crop=64")
    qtbot.mouseClick(card.begin, Qt.MouseButton.LeftButton)
    assert not card.begin.isEnabled()
    qtbot.waitUntil(lambda: bool(dock.message.text) or _ended(dock) is not None, timeout=JOB_MS)
    result = _ended(dock)
    assert result is not None, dock.message.text
    assert result.state == "done", result.message
    made = next(one for one in dock.workspace.registry.list("detector") if one.id == result.model)
    assert (made.parent, made.recipe["data"]["through"]) == ("home", "away")
    assert made.recipe["distillation"]["view"] == "mixed"
    qtbot.mouseClick(
        card.keep, Qt.MouseButton.LeftButton, pos=card.keep.rect().center() - QPoint(card.keep.width() // 2 - 8, 0)
    )
    assert card.specification()().recipe["distillation"]["view"] == "translated"
    assert not dock.panel.outcome.isHidden()
    assert dock.panel.outcome.overall.cells["mAP50", "before"].text() == f"{result.before['mAP50']:.2f}"


def _ended(dock: AdaptDock) -> JobResult | None:
    return None if dock.chosen is None else dock.chosen.result
