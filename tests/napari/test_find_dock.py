"""What the Find dock says of a model and of earlier searches, and how a search is paused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.engine.progress import Progress
from cytoshift.errors import Cancelled
from cytoshift.models.card import Card, TrainingData
from cytoshift.study.palette import BETHESDA
from napari_cytoshift.background import Work
from napari_cytoshift.layers.findings import know
from napari_cytoshift.widgets.find import FindDock
from napari_cytoshift.widgets.find_card import ModelCard, details, figure, summary
from napari_cytoshift.widgets.find_history import Searched, remember, when

Make = Callable[..., Any]
LONG = 60_000


def findings(identity: str, number: int, **made: Any) -> Findings:
    """Make boxes of 40 pixels, one behind the other, all sure."""
    corners = np.arange(number)[:, None] * np.array([3.0, 2.0])
    boxes = np.concatenate([corners, corners + 40], axis=1).astype(np.float32)
    labels = np.zeros(number, np.int16)
    return Findings(boxes, np.full(number, 0.9, np.float32), labels, BETHESDA, Provenance(identity, "by-hand", **made))


@pytest.fixture
def dock(make_napari_viewer: Make, make_slide: Make) -> FindDock:
    """Return the dock of a window with a slide."""
    viewer = make_napari_viewer(show=True)
    made = FindDock(viewer)
    viewer.window.add_dock_widget(made, name="Find", area="right")
    made.workspace.show(make_slide())
    return made


def press(dock: FindDock, text: str) -> None:
    """Click the button of the row of running work that is called so."""
    (found,) = [one for one in dock.busy.findChildren(QPushButton) if one.text() == text and one.isVisible()]
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def test_an_earlier_search_is_shown_again(dock: FindDock, qtbot: Any) -> None:
    workspace = dock.workspace
    slide = workspace.active
    assert slide is not None
    know(workspace.study, slide)
    identity = slide.info.identity
    older = findings(identity, 7, made="2026-03-04T12:00:00+00:00", region=(0.0, 0.0, 400.0, 200.0))
    newer = findings(identity, 12, made="2026-03-05T12:00:00+00:00", through="reinhard")
    runs = [workspace.study.add_findings(one) for one in (older, newer)]
    remember(workspace.state, runs[1], Searched("slide", 2.0))
    workspace.set_findings(slide, newer, runs[1])
    qtbot.waitUntil(lambda: dock.shown.count() == 2, timeout=LONG)
    assert dock.shown.currentData() == runs[1]
    assert (
        dock.shown.itemText(0)
        == f"{when(newer.provenance.made)} · by-hand (no longer here) · whole slide · other colours"
    )
    assert dock.shown.itemText(1) == f"{when(older.provenance.made)} · by-hand (no longer here) · region"
    assert dock.found.text() == "12 cells in 2 mm²"
    QTest.keyClick(dock.shown, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: workspace.cells.run == runs[0], timeout=LONG)
    assert dock.found.text() == "7 cells in 0.005 mm²"
    qtbot.waitUntil(lambda: dock.shown.currentData() == runs[0], timeout=LONG)
    workspace.cells.reload()
    qtbot.waitUntil(lambda: workspace.cells.run == runs[0], timeout=LONG)
    assert len(workspace.cells.cells) == 7


def test_a_search_is_paused_resumed_and_cancelled_while_it_is_paused(dock: FindDock, qtbot: Any) -> None:
    steps: list[int] = []
    failures: list[BaseException] = []
    batch = threading.Event()

    def count(work: Work) -> None:
        while True:
            batch.wait(0.01)  # as long as a batch takes
            work.cancel.check()
            steps.append(len(steps))
            work.report(Progress(50, 200, 1.0, 90.0))

    work = dock.workspace.start("Finding cells", count, failed=failures.append)
    dock.busy.follow(work, pausable=True)
    label = dock.busy._label
    qtbot.waitUntil(lambda: label.text() == "Finding cells: 25% · about 2 min", timeout=LONG)
    press(dock, "Pause")
    assert work.paused
    assert label.text().endswith("paused")
    before = -1
    while before != len(steps):  # the step it was in when it was paused may end
        before = len(steps)
        qtbot.wait(50)
    press(dock, "Resume")
    qtbot.waitUntil(lambda: len(steps) > before, timeout=LONG)
    press(dock, "Pause")
    press(dock, "Cancel")
    qtbot.waitUntil(lambda: not dock.busy.busy, timeout=LONG)
    assert isinstance(failures[0], Cancelled)


def test_cells_of_a_running_search_add_up(dock: FindDock) -> None:
    slide, cells = dock.workspace.active, dock.workspace.cells
    assert slide is not None
    found = findings(slide.info.identity, 30)
    for start in (0, 10, 20):
        cells.preview(found.select(np.arange(start, start + 10)))
        assert dock.found.text() == f"{start + 10} cells so far"
    assert cells.previewing
    assert not dock.review.isVisible()
    cells.preview(findings(slide.info.identity, 4))  # another search
    assert dock.found.text() == "4 cells so far"


def test_the_whole_slide_is_searched_with_its_glass(dock: FindDock) -> None:
    slide = dock.workspace.active
    assert slide is not None
    for place in ("tissue", "slide"):
        dock.where.setCurrentIndex(dock.where.findData(place))
        assert dock.region(slide) is None
        assert dock.draw.isHidden()


def test_a_card_opens_to_what_the_model_was_taught_and_how_good_it_is(qtbot: Any) -> None:
    card = Card(
        id="one",
        title="One",
        task="detector",
        classes=("NILM", "HSIL"),
        mpp=0.5,
        metrics={"mAP50": 0.312, "mAP50 low": 0.28, "mAP50 high": 0.35, "recall": 0.8, "AP50 HSIL": 0.54},
        validation="28 fields <val>",
        trained_on=[TrainingData(name="CRIC", licence="CC BY 4.0", images=98, cells=2530)],
    )
    assert summary(card) == "2 classes  ·  0.5 µm/px  ·  mAP50 0.31"
    assert figure(card, "mAP50") == "0.31 (0.28 to 0.35)"
    words = details(card)
    for part in ("CRIC (CC BY 4.0): 98 images, 2530 cells", "28 fields &lt;val&gt;", "HSIL 0.54", "Not for diagnosis"):
        assert part in words
    made = ModelCard()
    qtbot.addWidget(made)
    made.show_card(card)
    made.show()
    assert not made.words.isVisible()
    QTest.mouseClick(made.head, Qt.MouseButton.LeftButton)
    assert made.words.isVisible()
    assert made.words.text() == words
    made.show_card(None)
    assert not made.words.isVisible()
