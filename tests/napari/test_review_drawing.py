"""Drawing and measuring in the Review dock, with the mouse."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_cytoshift.layers.slide_layers import role_of

LONG = 60_000
PLAIN, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton
NUCLEUS = (600.0, 500.0, 24.0, 18.0)
"""x, y and half axes in pixels."""


@pytest.fixture
def dock(make_review: Callable[..., Any], make_slide: Callable[..., Any]) -> Any:
    """Return a shown Review dock over a slide with one nucleus in the middle of the view, cells in its corner."""
    slide = make_slide()
    rows, columns = np.indices(slide.pixels[0].shape[:2]) + 0.5
    x, y, a, b = NUCLEUS
    slide.pixels[0][(np.abs(rows - y) < 130) & (np.abs(columns - x) < 130)] = (225, 190, 205)
    slide.pixels[0][((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1] = (90, 60, 120)
    slide.pixels[1:] = [slide.pixels[0][::2, ::2], slide.pixels[0][::4, ::4]]
    made = make_review(6, slide=slide)
    made.workspace.look_at(slide, (450.0, 400.0, 750.0, 600.0))
    return made


def canvas(dock: Any) -> QWidget:
    return dock.workspace.viewer.window._qt_viewer.canvas.native


def at(dock: Any, x: float, y: float) -> QPoint:
    """Return where a level-0 point is on the canvas."""
    viewer, native = dock.workspace.viewer, canvas(dock)
    world = dock.workspace.active.frame.world_from_level0([x, y])
    offset = (world - np.asarray(viewer.scene.camera.center[-2:])) * viewer.scene.camera.zoom
    return native.rect().center() + QPoint(round(offset[1]), round(offset[0]))


def drag(dock: Any, qtbot: Any, points: list[tuple[float, float]], modifiers: Qt.KeyboardModifier = PLAIN) -> None:
    """Press at the first point, move over the others and let go at the last."""
    native = canvas(dock)
    places = [at(dock, *point) for point in points]
    QTest.mousePress(native, LEFT, modifiers, places[0])
    for point, place in zip(points[1:], places[1:], strict=True):
        where = QPointF(place)

        def arrived(point: tuple[float, float] = point, place: QPoint = place, where: QPointF = where) -> bool:
            """Move there, again where vispy took no notice: it takes one move in 10 ms."""
            moved = QMouseEvent(QEvent.Type.MouseMove, where, QPointF(native.mapToGlobal(place)), LEFT, LEFT, modifiers)
            QApplication.sendEvent(native, moved)
            sketch = next((layer for layer in dock.workspace.viewer.layers if role_of(layer) == "sketch"), None)
            world = dock.workspace.active.frame.world_from_level0(point)
            return sketch is not None and bool((np.abs(sketch.data[0] - world).max(axis=1) < 0.25).any())

        qtbot.waitUntil(arrived, timeout=LONG)
    QTest.mouseRelease(native, LEFT, modifiers, places[-1])


def events(dock: Any, kind: str) -> list[Any]:
    return [event for event in dock.workspace.study.events() if event.kind == kind]


def layers(dock: Any) -> set[str]:
    return {str(role_of(layer)) for layer in dock.workspace.viewer.layers}


def test_one_click_places_a_box_of_usual_size_around_the_nucleus_and_undo_takes_it(dock: Any, qtbot: Any) -> None:
    QTest.keyClick(canvas(dock), ".")
    QTest.mouseClick(canvas(dock), LEFT, PLAIN, at(dock, 614, 508))
    qtbot.waitUntil(lambda: len(events(dock, "add")) == 1, timeout=LONG)
    x0, y0, x1, y1 = events(dock, "add")[0].box
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx(NUCLEUS[:2], abs=2)
    assert (x1 - x0, y1 - y0) == pytest.approx((40, 40))
    QTest.keyClick(canvas(dock), "Z", Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(dock.work.cells) == 6, timeout=LONG)


def test_shift_places_exactly_where_the_click_is(dock: Any) -> None:
    QTest.keyClick(canvas(dock), ".")
    QTest.mouseClick(canvas(dock), LEFT, SHIFT, at(dock, 614, 508))
    x0, y0, x1, y1 = events(dock, "add")[0].box
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((614, 508), abs=1)


def test_a_drag_draws_a_free_box_and_leaves_the_view_where_it_is(dock: Any, qtbot: Any) -> None:
    center = dock.workspace.viewer.scene.camera.center
    QTest.keyClick(canvas(dock), ".")
    drag(dock, qtbot, [(500, 450), (530, 470), (560, 500)])
    assert events(dock, "add")[0].box == pytest.approx((500, 450, 560, 500), abs=1)
    assert dock.workspace.viewer.scene.camera.center == center
    assert "sketch" not in layers(dock)
    assert dock.workspace.viewer.scene.camera.mouse_pan


def test_an_outline_is_drawn_or_found(dock: Any, qtbot: Any) -> None:
    QTest.mouseClick(dock.tools.buttons["draw_outlines"], LEFT)
    QTest.mouseClick(canvas(dock), LEFT, PLAIN, at(dock, 600, 500))
    qtbot.waitUntil(lambda: len(events(dock, "add")) == 1, timeout=LONG)
    assert events(dock, "add")[0].box == pytest.approx((576, 482, 624, 518), abs=3)
    drag(dock, qtbot, [(500, 450), (540, 440), (560, 480), (520, 500)])
    drawn = events(dock, "add")[1]
    assert len(drawn.payload["outline"]) >= 4
    assert drawn.box == pytest.approx((500, 440, 560, 500), abs=1)


def test_a_drawn_region_is_complete(dock: Any, qtbot: Any) -> None:
    QTest.keyClick(canvas(dock), "R")
    drag(dock, qtbot, [(660, 560), (600, 500), (520, 420)])
    (region,) = dock.workspace.study.regions(dock.workspace.active.info.identity)
    assert region.box == pytest.approx((520, 420, 660, 560), abs=1)


def test_a_measure_leaves_nothing_unless_it_is_kept(dock: Any, qtbot: Any) -> None:
    QTest.keyClick(canvas(dock), "L")
    drag(dock, qtbot, [(500, 450), (550, 450), (600, 450)])
    assert re.fullmatch(r"Length 2[45]\.\d µm", dock.tools.hint.text())
    assert "sketch" in layers(dock)
    QTest.keyClick(canvas(dock), Qt.Key.Key_Escape)
    assert dock.tools.tool == ""
    assert not {"sketch", "measures"} & layers(dock)
    assert dock.workspace.study.events() == []
    QTest.keyClick(canvas(dock), "L", SHIFT)
    drag(dock, qtbot, [(500, 450), (550, 480), (600, 490)])
    said = dock.tools.hint.text()
    assert re.fullmatch(r"Area 2[45]\d\.\d µm² \(2[45]\.\d µm × (9|10)\.\d µm\)", said)
    QTest.keyClick(canvas(dock), "K")
    (note,) = events(dock, "note")
    assert note.payload["text"] == said
    qtbot.waitUntil(lambda: "measures" in layers(dock), timeout=LONG)
    assert "sketch" not in layers(dock)
    QTest.keyClick(canvas(dock), "Z", Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "measures" not in layers(dock), timeout=LONG)
