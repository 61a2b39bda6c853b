"""The counting frame: on the densest spot, dragged with the mouse, and counted as the terminal counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QGuiApplication, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from cytoshift.cli import main
from cytoshift.engine.findings import Findings, Provenance
from cytoshift.mitosis.classes import ATYPICAL, CLASSES, LOOK_ALIKE, NORMAL
from cytoshift.slides import open_slide
from napari_cytoshift.commands_cells import copy_count, count_mitoses, densest_spot
from napari_cytoshift.layers.counting_frame import ROLE
from napari_cytoshift.layers.findings import know
from napari_cytoshift.layers.findings_boxes import box_of
from napari_cytoshift.layers.slide_layers import role_of
from napari_cytoshift.widgets.find import FindDock

Make = Callable[..., Any]
LONG = 60_000
SPOT, LONE = (1400.0, 900.0), (300.0, 300.0)
"""Where many mitoses lie, and where one does."""

ROWS = [
    *((SPOT[0] + 20 * k, SPOT[1] + 10 * k, 0.9, NORMAL) for k in range(-3, 3)),
    (SPOT[0], SPOT[1] + 40, 0.8, ATYPICAL),
    (SPOT[0], SPOT[1] - 40, 0.3, NORMAL),
    (SPOT[0] + 40, SPOT[1], 0.7, LOOK_ALIKE),
    (*LONE, 0.9, ATYPICAL),
]


def findings(identity: str, rows: list[tuple[float, float, float, str]], **made: Any) -> Findings:
    middles = np.array([row[:2] for row in rows], np.float32)
    boxes = np.concatenate([middles - 25, middles + 25], axis=1)
    scores = np.array([row[2] for row in rows], np.float32)
    labels = np.array([CLASSES.index(row[3]) for row in rows], np.int16)
    return Findings(boxes, scores, labels, CLASSES, Provenance(identity, "by-hand", **made))


def show(dock: FindDock, slide: Any, found: Findings) -> str:
    """Store findings of a slide and show them; returns their run."""
    workspace = dock.workspace
    workspace.show(slide)
    know(workspace.study, slide)
    run = workspace.study.add_findings(found)
    workspace.set_findings(slide, found, run)
    return run


@pytest.fixture
def dock(make_napari_viewer: Make, make_slide: Make) -> FindDock:
    """Return the dock of a shown window with a slide and mitoses on it, and a window of 0.01 mm²."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    made: FindDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Find")[1]
    slide = make_slide()
    show(made, slide, findings(slide.info.identity, ROWS))
    made.counting.area.setValue(0.01)
    return made


def start(dock: FindDock, qtbot: Any) -> None:
    """Press "Count mitoses" and wait for the numbers."""
    QTest.mouseClick(dock.counting.toggle, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.counting.counting.counted is not None, timeout=LONG)


def frame_box(dock: FindDock) -> tuple[float, ...]:
    """Return the rectangle on the slide in level-0 pixels."""
    viewer, slide = dock.workspace.viewer, dock.workspace.active
    assert viewer is not None
    assert slide is not None
    (layer,) = [layer for layer in viewer.layers if role_of(layer) == ROLE]
    (rectangle,) = layer.data
    return box_of(rectangle + layer.translate, slide.frame)


def canvas(dock: FindDock) -> QWidget:
    viewer = dock.workspace.viewer
    assert viewer is not None
    inside = viewer.window._qt_window.centralWidget().findChildren(QWidget)
    return next(one for one in inside if type(one).__name__ == "CanvasBackendDesktop")


def on_screen(dock: FindDock, x: float, y: float) -> QPoint:
    """Return where a level-0 point is on the canvas."""
    slide, viewer = dock.workspace.active, dock.workspace.viewer
    assert slide is not None
    assert viewer is not None
    world = slide.frame.world_from_level0([x, y])
    offset = (world - np.asarray(viewer.scene.camera.center[-2:])) * viewer.scene.camera.zoom
    return canvas(dock).rect().center() + QPoint(round(offset[1]), round(offset[0]))


def drag(dock: FindDock, start: QPoint, end: QPoint, until: Callable[[], bool], qtbot: Any) -> None:
    """Press on the canvas, move with the left button held until something holds, and release."""
    native, left, none = canvas(dock), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseMove(native, start)
    QTest.mousePress(native, left, none, start)

    def moved() -> bool:  # vispy takes one move in 10 ms
        where = QPointF(end)
        event = QMouseEvent(QEvent.Type.MouseMove, where, QPointF(native.mapToGlobal(end)), left, left, none)
        QApplication.sendEvent(native, event)
        return until()

    try:
        qtbot.waitUntil(moved, timeout=LONG)
    finally:
        QTest.mouseRelease(native, left, none, end)


def texts(dock: FindDock) -> tuple[str, str, str]:
    rows = dock.counting
    return rows.number.text(), rows.atypical.text(), rows.others.text()


def test_the_frame_stands_on_the_densest_spot_with_its_numbers(dock: FindDock, qtbot: Any) -> None:
    assert dock.counting.isVisible()
    start(dock, qtbot)
    assert texts(dock) == (
        "7 mitoses  ·  700 / mm²",
        "1 atypical  ·  14%",
        "1 look-alike  ·  0 reviewed by hand",
    )
    x0, y0, x1, y1 = frame_box(dock)
    assert (x1 - x0) * (y1 - y0) * 0.25**2 == pytest.approx(10_000)
    assert x0 < SPOT[0] < x1
    assert y0 < SPOT[1] < y1
    viewer, slide = dock.workspace.viewer, dock.workspace.active
    assert viewer is not None
    assert slide is not None
    assert viewer.layers.selection.active is dock.workspace.layer(slide)
    dock.rows.all.setValue(20)  # the least sure one counts, too
    qtbot.waitUntil(lambda: texts(dock)[0].startswith("8 mitoses"), timeout=LONG)
    before = frame_box(dock)
    layer = next(layer for layer in viewer.layers if role_of(layer) == ROLE)
    layer.selected_data = {0}
    layer.remove_selected()  # napari's tools change nothing but where it is
    assert frame_box(dock) == pytest.approx(before)
    layer.add_rectangles([np.array([[0, 0], [0, 9], [9, 9], [9, 0]])])
    assert frame_box(dock) == pytest.approx(before)
    QTest.mouseClick(dock.counting.toggle, Qt.MouseButton.LeftButton)
    assert not [layer for layer in viewer.layers if role_of(layer) == ROLE]
    assert not dock.counting.densest.isVisible()
    start(dock, qtbot)
    viewer.layers.remove(next(layer for layer in viewer.layers if role_of(layer) == ROLE))
    assert not dock.counting.counting.on
    assert not dock.counting.toggle.isChecked()


def test_the_mouse_drags_the_frame_and_the_numbers_follow(dock: FindDock, qtbot: Any) -> None:
    start(dock, qtbot)
    slide, viewer = dock.workspace.active, dock.workspace.viewer
    assert slide is not None
    assert viewer is not None
    dock.workspace.fit(slide)
    qtbot.waitUntil(lambda: all(layer.loaded for layer in viewer.layers), timeout=LONG)
    before, center = frame_box(dock), viewer.scene.camera.center
    middle = (before[0] + before[2]) / 2, (before[1] + before[3]) / 2
    seen: list[str] = []
    dock.counting.counting.changed.connect(lambda: seen.append(texts(dock)[0]))

    def on_lone() -> bool:
        box = frame_box(dock)
        return abs(box[0] + box[2] - 2 * LONE[0]) < 20 and abs(box[1] + box[3] - 2 * LONE[1]) < 20

    drag(dock, on_screen(dock, *middle), on_screen(dock, *LONE), on_lone, qtbot)
    assert texts(dock)[:2] == ("1 mitosis  ·  100 / mm²", "1 atypical  ·  100%")
    assert seen[-1] == texts(dock)[0]
    assert viewer.scene.camera.center == center
    assert viewer.scene.camera.mouse_pan
    after = frame_box(dock)
    assert np.subtract(after[2:], after[:2]) == pytest.approx(np.subtract(before[2:], before[:2]))
    drag(dock, on_screen(dock, *LONE), on_screen(dock, -50, -50), lambda: frame_box(dock)[0] < 1, qtbot)
    assert frame_box(dock)[:2] == pytest.approx((0, 0), abs=0.01)  # it stays on the slide
    QTest.mouseClick(dock.counting.densest, Qt.MouseButton.LeftButton)
    assert frame_box(dock) == pytest.approx(before)


def test_a_drag_beside_the_frame_or_within_it_in_a_close_view_pans(dock: FindDock, qtbot: Any) -> None:
    start(dock, qtbot)
    slide, viewer = dock.workspace.active, dock.workspace.viewer
    assert slide is not None
    assert viewer is not None
    dock.workspace.fit(slide)
    x0, y0, x1, y1 = frame_box(dock)

    def panned(at: QPoint) -> None:
        center = viewer.scene.camera.center
        drag(dock, at, at + QPoint(60, 0), lambda: bool(viewer.scene.camera.center != center), qtbot)
        assert frame_box(dock) == pytest.approx((x0, y0, x1, y1))

    panned(on_screen(dock, *LONE))
    dock.workspace.look_at(slide, (x0 - 50, y0 + 50, x0 + 200, y0 + 200))
    panned(on_screen(dock, x0 + 120, y0 + 120))
    line = on_screen(dock, x0, y0 + 120)
    drag(dock, line, line - QPoint(60, 0), lambda: frame_box(dock)[0] < x0 - 5, qtbot)


def test_the_size_is_chosen_as_an_area_or_in_fields_and_remembered(dock: FindDock, qtbot: Any) -> None:
    start(dock, qtbot)
    rows = dock.counting
    rows.by.setCurrentText("Fields")
    rows.fields.setValue(0.1)
    rows.field_number.setValue(20)
    area = 0.1 * np.pi * 0.25**2

    def sized() -> bool:
        x0, y0, x1, y1 = frame_box(dock)
        return (x1 - x0) * (y1 - y0) * 0.25**2 / 1e6 == pytest.approx(area)

    qtbot.waitUntil(sized, timeout=LONG)
    again = FindDock(dock.workspace.viewer)  # type: ignore[arg-type]
    qtbot.addWidget(again)
    assert again.counting.by.currentText() == "Fields"
    assert (again.counting.fields.value(), again.counting.field_number.value()) == pytest.approx((0.1, 20))


def test_corrections_and_another_slide_are_followed(dock: FindDock, make_slide: Make, qtbot: Any) -> None:
    start(dock, qtbot)
    workspace = dock.workspace
    first = workspace.active
    assert first is not None
    run = workspace.cells.run
    workspace.cells.correct(lambda study, slide: study.reject(slide, f"{run}:0"))
    qtbot.waitUntil(lambda: texts(dock)[0].startswith("6 mitoses"), timeout=LONG)
    workspace.cells.correct(lambda study, slide: study.relabel(slide, f"{run}:8", ATYPICAL))
    qtbot.waitUntil(lambda: texts(dock)[1].startswith("2 atypical"), timeout=LONG)
    assert texts(dock)[2] == "0 look-alikes  ·  1 reviewed by hand"
    other = make_slide("other.svs")
    other_cells = Findings(
        np.array([[0, 0, 50, 50]], np.float32),
        np.ones(1, np.float32),
        np.zeros(1, np.int16),
        ("NILM",),
        Provenance(other.info.identity, "by-hand"),
    )
    show(dock, other, other_cells)
    qtbot.waitUntil(lambda: not dock.counting.isVisible(), timeout=LONG)
    viewer = workspace.viewer
    assert viewer is not None
    assert not [layer for layer in viewer.layers if role_of(layer) == ROLE]
    workspace.show(first)
    qtbot.waitUntil(lambda: texts(dock)[0].startswith("7 mitoses"), timeout=LONG)


def test_the_commands_the_key_and_why_there_is_nothing_to_count(dock: FindDock, qtbot: Any) -> None:
    viewer, counting = dock.workspace.viewer, dock.counting.counting
    assert viewer is not None
    count_mitoses(viewer)
    qtbot.waitUntil(lambda: counting.counted is not None, timeout=LONG)
    counting.move(LONE)
    assert texts(dock)[0].startswith("1 mitosis")
    densest_spot(viewer)
    assert texts(dock)[0].startswith("7 mitoses")
    copy_count(viewer)
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert counting.counted is not None
    assert clipboard.text().splitlines() == counting.counted.lines()
    native = canvas(dock)
    native.setFocus()
    QTest.keyClick(native, Qt.Key.Key_M, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: not counting.on, timeout=LONG)
    dock.workspace.cells.preview(findings(dock.workspace.cells.identity, ROWS))
    count_mitoses(viewer)
    assert "no mitoses here" in dock.message.text
    assert not counting.on


def test_a_hundred_thousand_findings_are_counted_while_the_frame_moves(dock: FindDock, qtbot: Any) -> None:
    slide = dock.workspace.active
    assert slide is not None
    rng = np.random.default_rng(0)
    middles = rng.uniform((0, 0), (2100, 1500), (100_000, 2)).astype(np.float32)
    labels = rng.choice(3, 100_000, p=[0.02, 0.01, 0.97]).astype(np.int16)
    boxes = np.concatenate([middles - 5, middles + 5], axis=1)
    made = Provenance(slide.info.identity, "many")
    show(dock, slide, Findings(boxes, np.full(100_000, 0.9, np.float32), labels, CLASSES, made))
    start(dock, qtbot)
    counting = dock.counting.counting
    for x in range(300, 1800, 100):
        counting.move((x, 700.0))
        assert counting.counted is not None
        x0, y0, x1, y1 = counting.counted.count.box
        inside = (middles >= (x0, y0)).all(axis=1) & (middles <= (x1, y1)).all(axis=1)
        assert counting.counted.count.mitoses == int((inside & (labels < 2)).sum())


def test_the_window_and_the_terminal_say_the_same(
    dock: FindDock, field: Path, qtbot: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    slide = open_slide(field).calibrated((0.25, 0.2))
    workspace = dock.workspace
    run = show(dock, slide, findings(slide.info.identity, ROWS, region=(200.0, 100.0, 1900.0, 1400.0)))
    workspace.cells.correct(lambda study, slide: study.unsure(slide, f"{run}:1"))
    workspace.cells.correct(lambda study, slide: study.accept(slide, f"{run}:7"))
    start(dock, qtbot)
    qtbot.waitUntil(lambda: "1 unsure" in texts(dock)[2], timeout=LONG)
    counting = dock.counting.counting

    study = str(workspace.study_folder)

    def told(*arguments: str) -> list[str]:
        with pytest.raises(SystemExit) as end:
            main(["count", str(field), "--study", study, "--area", "0.01", *arguments])
        said = capfd.readouterr()
        assert end.value.code == 0, said.err
        return said.out.splitlines()

    assert counting.counted is not None
    assert counting.counted.lines() == told()
    assert counting.counted.count.mitoses == 7
    counting.move(LONE)
    x0, y0, x1, y1 = counting.counted.count.box
    assert counting.counted.lines() == told("--at", f"{(x0 + x1) / 2},{(y0 + y1) / 2}")


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Return a field on disk that says nothing of its µm/px."""
    from PIL import Image

    path = tmp_path / "field.png"
    Image.fromarray(np.full((1500, 2100, 3), 230, np.uint8)).save(path)
    return path
