"""The whole loop in a real window, with real keys and clicks, on a real field.

``CYTOSHIFT_IMAGES=docs/images`` keeps the screenshots of the steps there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from person import LONG, Hands
from qtpy.QtCore import Qt

from cytoshift.jobs import list_jobs
from cytoshift.models import Registry

STORY = "loop"
"""What its screenshots are called."""


def test_open_compare_find_correct_adapt_adopt_and_find_again(hands: Hands, data: Path, qtbot: Any) -> None:
    study, registry = hands.workspace.study, Registry()
    identity = open_and_calibrate(hands, data)
    compare(hands)
    first = find(hands, identity)
    corrections = correct_five(hands, identity)
    learnt = adapt(hands)
    adopt(hands, learnt)
    assert registry.adopted("detector") == learnt
    second = find(hands, identity)
    hands.look("find-again")

    assert study.runs(identity) == [first, second]
    assert study.provenance(first).model == registry.find("starter", "detector").card.id
    assert study.provenance(second).model == learnt
    kinds = [event.kind for event in study.events() if event.slide == identity]
    assert kinds == ["accept", "reject", "relabel", "unsure", "add", "mark_complete"]
    assert corrections == 5
    assert len(list(hands.images.glob("loop-*.png"))) >= 6


def open_and_calibrate(hands: Hands, data: Path) -> str:
    dock = hands.dock("Slide")
    dock.open(busiest_field(data))
    hands.qtbot.waitUntil(lambda: hands.workspace.active is not None, timeout=LONG)
    slide = hands.workspace.active
    assert slide.mpp is None
    dock.scale.objective.setCurrentText(dock.scale.objective.itemText(2))
    hands.press(dock.scale.use)
    assert hands.workspace.active.mpp == 0.25
    hands.press(dock.zoom_buttons[0])
    hands.look("slide")
    return str(slide.info.identity)


def compare(hands: Hands) -> None:
    dock = hands.dock("Compare")
    before = hands.look("original")
    hands.press(dock.methods["reinhard"])
    hands.qtbot.waitUntil(lambda: dock.comparison.sight is not None and not dock.busy.busy, timeout=LONG)
    after = hands.look("compare")
    assert hands.viewer.canvas.grid.enabled
    assert np.abs(after.astype(int) - before).mean() > 1
    hands.press(dock.methods[""])
    hands.qtbot.waitUntil(lambda: dock.comparison.sight is None, timeout=LONG)


def find(hands: Hands, identity: str) -> str:
    dock = hands.dock("Find")
    known = len(hands.workspace.study.runs(identity))
    dock.where.setCurrentIndex(dock.where.findData("tissue"))
    hands.press(dock.run)
    hands.qtbot.waitUntil(lambda: not dock.busy.busy, timeout=LONG)
    runs = hands.workspace.study.runs(identity)
    assert len(runs) == known + 1, dock.message.text
    assert sum(hands.workspace.cells.counts().values()) > 5
    if not known:
        hands.look("find")
    return str(runs[-1])


def correct_five(hands: Hands, identity: str) -> int:
    dock = hands.dock("Review")
    hands.qtbot.waitUntil(lambda: len(dock.work.queue) > 0 and dock.settled, timeout=LONG)
    hands.key(Qt.Key.Key_N)
    hands.key(Qt.Key.Key_A)
    hands.key(Qt.Key.Key_X)
    hands.key(Qt.Key.Key_3)
    hands.key(Qt.Key.Key_U)
    hands.look("review")
    hands.workspace.fit(hands.workspace.active)
    hands.key(Qt.Key.Key_Period)
    assert dock.tools.tool == "add_cells"
    hands.click_at(846.0, 72.0)
    hands.qtbot.waitUntil(lambda: not dock.tools.placing.busy, timeout=LONG)
    hands.key(Qt.Key.Key_Period)
    events = [event for event in hands.workspace.study.events() if event.slide == identity]
    hands.key(Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    assert len(hands.workspace.study.regions(identity)) == 1
    hands.look("complete")
    return len(events)


def adapt(hands: Hands) -> str:
    dock = hands.dock("Adapt")
    dock.learn.steps.setValue(3)
    quick = ("training.batch=2", "views.crop=160", "data.repeated=4", "data.remembered=2")
    dock.learn.further = (*quick, "training.learning_rate=1e-5")
    hands.press(dock.learn.begin)
    folder = hands.workspace.study.folder
    hands.qtbot.waitUntil(lambda: bool(list_jobs(folder)), timeout=LONG)
    hands.qtbot.waitUntil(lambda: list_jobs(folder)[0].result is not None, timeout=LONG)
    result = list_jobs(folder)[0].result
    assert result is not None
    assert result.state == "done", result.message
    assert {"mAP50", "AP50_any"} <= set(result.before) & set(result.after)
    hands.qtbot.waitUntil(lambda: dock.panel.adopt.isVisible(), timeout=LONG)
    hands.look("adapt")
    return str(result.model)


def adopt(hands: Hands, model: str) -> None:
    dock = hands.dock("Adapt")
    hands.press(dock.panel.adopt)
    hands.qtbot.waitUntil(lambda: dock.panel.back.isVisible(), timeout=LONG)
    hands.look("adopted")
    find_dock = hands.dock("Find")
    assert find_dock.models.model.currentData() == model


def busiest_field(data: Path) -> Path:
    """Return the training field with most annotated cells."""
    from cytoshift.training.coco import read_coco

    return max(read_coco(data / "cervical/cric", "train").fields, key=lambda field: len(field.boxes)).path
