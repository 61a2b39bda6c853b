"""The Review dock in a real window, with real keys and clicks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel, QLineEdit, QMainWindow, QWidget

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.slides import open_slide
from cytoshift.study.change import State
from cytoshift.study.palette import BETHESDA
from napari_cytoshift.layers.findings import know
from napari_cytoshift.layers.findings_boxes import box_of
from napari_cytoshift.view import magnification
from napari_cytoshift.widgets.review import ReviewDock
from napari_cytoshift.widgets.review_keys import main_window
from napari_cytoshift.widgets.review_order import arrange
from napari_cytoshift.widgets.review_queue import Queue
from napari_cytoshift.widgets.review_sheet import KeySheet

Make = Callable[..., Any]
LONG = 60_000

SCORES = (0.95, 0.55, 0.90, 0.60, 0.85, 0.10)
LABELS = (4, 0, 5, 2, 4, 1)


@pytest.fixture
def review(make_napari_viewer: Make, tmp_path: Path, qtbot: Any) -> ReviewDock:
    """Return the dock of a shown window with a JPEG field, calibrated, and six findings of which five are shown."""
    pixels = np.full((800, 1000, 3), 225, np.uint8)
    boxes = np.array([(100 + 140 * i, 200 + 60 * (i % 3), 160 + 140 * i, 250 + 60 * (i % 3)) for i in range(6)])
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = (90, 60, 120)
    Image.fromarray(pixels).save(tmp_path / "field.jpg", quality=95)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    dock = ReviewDock(viewer)
    viewer.window.add_dock_widget(dock, name="Review", area="right")
    slide = open_slide(tmp_path / "field.jpg").calibrated((0.25, 0.25), 40)
    workspace = dock.workspace
    workspace.show(slide)
    findings = Findings(
        boxes.astype(np.float32),
        np.array(SCORES, np.float32),
        np.array(LABELS, np.int16),
        BETHESDA,
        Provenance(slide.info.identity, "by-hand"),
    )
    know(workspace.study, slide)
    run = workspace.study.add_findings(findings)
    workspace.set_findings(slide, findings, run)
    focus(dock, qtbot)
    return dock


def focus(dock: ReviewDock, qtbot: Any) -> QWidget:
    """Bring the window to the front and give the canvas the keys."""
    window = window_of(dock)
    window.activateWindow()
    window.raise_()
    native = canvas(dock)
    native.setFocus()
    qtbot.waitUntil(lambda: window.isActiveWindow() and dock.keys.on, timeout=LONG)
    qtbot.waitUntil(lambda: len(dock.work.queue) > 0, timeout=LONG)
    return native


def settle(dock: ReviewDock, qtbot: Any) -> None:
    """Wait until the order that was wished last is there."""
    qtbot.waitUntil(lambda: dock.work.sorting.work is None, timeout=LONG)


def window_of(dock: ReviewDock) -> QMainWindow:
    window = main_window(dock)
    assert window is not None
    return window


def canvas(dock: ReviewDock) -> QWidget:
    """Return the widget that OpenGL paints into."""
    inside = window_of(dock).centralWidget().findChildren(QWidget)
    return next(one for one in inside if type(one).__name__ == "CanvasBackendDesktop")


def press(dock: ReviewDock, *keys: str | Qt.Key, ctrl: bool = False, shift: bool = False) -> None:
    none = Qt.KeyboardModifier.NoModifier
    modifiers = Qt.KeyboardModifier.ControlModifier if ctrl else none
    modifiers |= Qt.KeyboardModifier.ShiftModifier if shift else none
    for key in keys:
        QTest.keyClick(canvas(dock), key, modifiers)


def click(dock: ReviewDock, x: float, y: float) -> None:
    """Click on a level-0 point."""
    slide, viewer, native = dock.workspace.active, dock.workspace.viewer, canvas(dock)
    assert slide is not None
    assert viewer is not None
    world = slide.frame.world_from_level0([x, y])
    offset = (world - np.asarray(viewer.scene.camera.center[-2:])) * viewer.scene.camera.zoom
    at = native.rect().center() + QPoint(round(offset[1]), round(offset[0]))
    QTest.mouseClick(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)


def drag(native: QWidget, to: QPoint) -> None:
    """Move the mouse with the left button held; QTest's own moves hold none."""
    left = Qt.MouseButton.LeftButton
    where = QPointF(to)
    event = QMouseEvent(
        QEvent.Type.MouseMove, where, QPointF(native.mapToGlobal(to)), left, left, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(native, event)


def kinds(dock: ReviewDock) -> list[str]:
    return [event.kind for event in dock.workspace.study.events()]


def index(dock: ReviewDock) -> int | None:
    return dock.work.current


def test_five_corrections_by_keys_alone(review: ReviewDock, qtbot: Any) -> None:
    press(review, "N")
    assert index(review) == 2  # the worst class first
    press(review, "A", "X", "3", "U", "A")
    assert kinds(review) == ["accept", "reject", "relabel", "unsure", "accept"]
    cells = review.work.cells
    assert [State(s).name for s in cells.states] == [
        "REJECTED",
        "ACCEPTED",
        "ACCEPTED",
        "UNSURE",
        "ACCEPTED",
        "PREDICTED",
    ]
    assert cells.label(4) == "LSIL"
    assert "decided" in review.message.text
    assert review.work.undecided == 0
    press(review, "Z", "Z", ctrl=True)
    assert review.work.cells.states.tolist()[1] == State.PREDICTED
    assert review.work.cells.states.tolist()[3] == State.PREDICTED
    assert index(review) == 3
    press(review, "Z", ctrl=True, shift=True)
    assert review.work.cells.states.tolist()[3] == State.UNSURE
    assert kinds(review)[-3:] == ["undo", "undo", "redo"]


def test_the_view_follows_at_40x_until_a_person_zooms(review: ReviewDock, qtbot: Any) -> None:
    workspace = review.workspace
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    press(review, "N")
    assert magnification(viewer, slide.frame) == pytest.approx(40)
    x0, y0, x1, y1 = review.work.cells.boxes[2].tolist()
    middle = slide.frame.world_from_level0([(x0 + x1) / 2, (y0 + y1) / 2])
    assert np.allclose(viewer.scene.camera.center[-2:], middle)
    viewer.scene.camera.zoom = 1.5
    press(review, "N")
    assert viewer.scene.camera.zoom == 1.5
    qtbot.waitUntil(lambda: review.cell.crop.ready, timeout=LONG)
    assert "HSIL" in review.cell.label.text()
    assert review.place.text().startswith("2 of 5")
    press(review, "P")
    assert index(review) == 2


def test_a_click_selects_and_with_the_tool_on_it_adds_a_cell_of_usual_size(review: ReviewDock, qtbot: Any) -> None:
    workspace = review.workspace
    assert workspace.active is not None
    workspace.fit(workspace.active)
    click(review, 130, 225)
    assert index(review) == 0
    press(review, "5")
    press(review, Qt.Key.Key_Period)
    assert review.tools.tool == "add_cells"
    workspace.fit(workspace.active)
    click(review, 600, 600)
    qtbot.waitUntil(lambda: "add" in kinds(review), timeout=LONG)
    assert "No nucleus here" in review.message.text
    event = workspace.study.events()[-1]
    assert (event.kind, event.payload["label"]) == ("add", "HSIL")
    x0, y0, x1, y1 = event.box
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((600, 600), abs=3)
    assert x1 - x0 == y1 - y0 == pytest.approx(55)  # the mean side of the HSIL boxes of 60 × 50
    assert workspace.cells.selected == event.id
    press(review, Qt.Key.Key_Period)
    assert review.tools.tool == ""
    press(review, "1")
    assert review.work.cells.label(len(review.work.cells) - 1) == "NILM"


def test_a_view_is_marked_complete_with_the_run_and_the_threshold(review: ReviewDock) -> None:
    workspace = review.workspace
    slide = workspace.active
    assert slide is not None
    workspace.look_at(slide, (-100.0, 100.0, 400.0, 400.0))
    workspace.cells.hide("SCC", True)
    press(review, "C", shift=True)
    assert kinds(review) == []
    assert "SCC" in review.message.text
    workspace.cells.hide("SCC", False)
    press(review, "C", shift=True)
    (region,) = workspace.study.regions(slide.info.identity)
    view = workspace.view_box(slide)
    assert view is not None
    assert region.box == pytest.approx((max(view[0], 0), max(view[1], 0), min(view[2], 1000), min(view[3], 800)))
    assert region.run == workspace.cells.run
    assert region.threshold == workspace.cells.thresholds.common
    assert review.regions.text().startswith("1 field")
    press(review, "Z", ctrl=True)
    assert workspace.study.regions(slide.info.identity) == ()


def test_the_keys_are_naparis_again_when_the_dock_is_hidden(review: ReviewDock, qtbot: Any) -> None:
    heard: list[str] = []
    viewer = review.workspace.viewer
    assert viewer is not None
    viewer.bind_key("A", lambda _: heard.append("A"), overwrite=True)
    press(review, "N", "A")
    assert (kinds(review), heard) == (["accept"], [])
    frame = review.parentWidget()
    assert frame is not None
    frame.hide()
    assert not review.keys.on
    press(review, "A")
    assert (kinds(review), heard) == (["accept"], ["A"])
    frame.show()
    focus(review, qtbot)
    press(review, "N", "X")
    assert kinds(review) == ["accept", "reject"]


def test_text_fields_keep_their_keys(review: ReviewDock, qtbot: Any) -> None:
    press(review, "N")
    text = QLineEdit()
    review.content.addWidget(text)
    text.show()
    text.setFocus()
    qtbot.waitUntil(text.hasFocus, timeout=LONG)
    QTest.keyClicks(text, "ax1.")
    assert text.text() == "ax1."
    assert kinds(review) == []


def test_without_going_on_the_decided_cell_stays_selected(review: ReviewDock) -> None:
    review.go_on.setChecked(False)
    press(review, "N", "A")
    assert index(review) == 2
    assert review.cell.state.text() == "accepted"


def test_the_question_mark_lists_the_keys_without_blocking(review: ReviewDock, qtbot: Any) -> None:
    press(review, Qt.Key.Key_Question, shift=True)
    (sheet,) = window_of(review).centralWidget().findChildren(KeySheet)
    assert sheet.isVisible()
    assert window_of(review).centralWidget().rect().contains(sheet.geometry())
    assert {"Next undecided cell", "ASC-US", "Original, while held"} <= {
        one.text() for one in sheet.findChildren(QLabel)
    }
    press(review, "N")
    assert index(review) == 2
    press(review, Qt.Key.Key_Question, shift=True)
    qtbot.waitUntil(lambda: not window_of(review).centralWidget().findChildren(KeySheet), timeout=LONG)


def test_the_orders(review: ReviewDock, qtbot: Any) -> None:
    cells, all_of, half = review.work.cells, np.arange(6), np.full(6, 0.5, np.float32)
    assert arrange(cells, all_of, "worst", half).tolist() == [2, 0, 4, 3, 5, 1]
    assert arrange(cells, all_of, "score", half).tolist() == [0, 2, 4, 3, 1, 5]
    assert arrange(cells, all_of, "uncertain", half).tolist() == [1, 3, 4, 2, 5, 0]
    assert arrange(cells, all_of, "place", half).tolist() == [0, 1, 2, 3, 4, 5]
    review.filters.choose("uncertain")
    settle(review, qtbot)
    press(review, "N")
    assert index(review) == 1
    review.filters.label.setCurrentIndex(review.filters.label.findData("HSIL"))
    settle(review, qtbot)
    assert len(review.work.queue) == 2


def test_an_added_cell_that_is_taken_back_leaves_the_order(review: ReviewDock) -> None:
    press(review, "N")
    review.work.add(500, 500)
    added = review.workspace.cells.selected
    queue = review.work.queue
    assert queue.place(added) == 1
    press(review, "Z", ctrl=True)
    assert queue.place(added) is None
    following = queue.step("", 1)
    assert following is not None
    assert following.identifier == review.work.cells.ids[2]
    assert len(Queue(review.work.cells, np.arange(6))) == 6


def test_a_box_dragged_on_the_canvas_is_moved_in_the_study(review: ReviewDock, qtbot: Any) -> None:
    workspace = review.workspace
    slide, viewer, native = workspace.active, workspace.viewer, canvas(review)
    assert slide is not None
    assert viewer is not None
    workspace.look_at(slide, (0.0, 100.0, 400.0, 400.0))
    workspace.cell_layers.draw()
    layer = workspace.cell_layers.boxes.layer(viewer)
    assert layer is not None
    viewer.layers.selection.active = layer
    layer.mode = "select"
    world = slide.frame.world_from_level0([130, 225])
    offset = (world - np.asarray(viewer.scene.camera.center[-2:])) * viewer.scene.camera.zoom
    start = native.rect().center() + QPoint(round(offset[1]), round(offset[0]))
    step = round(20 * 0.25 * viewer.scene.camera.zoom)
    QTest.mouseMove(native, start)
    QTest.mousePress(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    end = start + QPoint(step, 0)

    def dragged() -> bool:
        drag(native, end)  # vispy takes one move in 10 ms
        return box_of(layer.data[0], slide.frame)[0] == pytest.approx(120, abs=4)

    qtbot.waitUntil(dragged, timeout=LONG)
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)
    qtbot.waitUntil(lambda: "move" in kinds(review), timeout=LONG)
    (event,) = [one for one in workspace.study.events() if one.kind == "move"]
    assert event.target.endswith(":0")
    assert event.box == pytest.approx((120, 200, 180, 250), abs=4)
