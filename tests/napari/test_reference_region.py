"""A region drawn on any open slide, whose colours another slide is to take on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_cytoshift.layers.findings_boxes import rectangles
from napari_cytoshift.layers.slide_layers import role_of
from napari_cytoshift.reference_region import ROLE, end_region, start_region, take_region
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]


@pytest.fixture
def viewer(make_napari_viewer: Make) -> Any:
    """Return a viewer with its window."""
    return make_napari_viewer()


def reference_layers(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if role_of(layer) == ROLE]


def send(native: QWidget, kind: QEvent.Type, at: QPoint) -> None:
    """Send a mouse event with the left button; QTest's own moves hold none."""
    left = Qt.MouseButton.LeftButton
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else left
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else left
    where = QPointF(native.mapToGlobal(at))
    QApplication.sendEvent(native, QMouseEvent(kind, QPointF(at), where, button, held, Qt.KeyboardModifier.NoModifier))


def drag(viewer: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag with the left button from one level-0 point x, y of the active slide to another."""
    native = viewer.window._qt_viewer.canvas.native
    x0, y0, x1, _ = Workspace.of(viewer).view_box(Workspace.of(viewer).active)
    scale = native.width() / (x1 - x0)
    points = [QPoint(round((x - x0) * scale), round((y - y0) * scale)) for x, y in (start, end)]
    send(native, QEvent.Type.MouseButtonPress, points[0])
    send(native, QEvent.Type.MouseMove, points[1])
    send(native, QEvent.Type.MouseButtonRelease, points[1])


def test_a_drag_on_the_canvas_gives_the_region(make_napari_viewer: Make, make_slide: Make, qtbot: Any) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1000, 700)
    workspace, slide = Workspace.of(viewer), make_slide()
    workspace.show(slide)
    qtbot.waitExposed(viewer.window._qt_window)
    QApplication.processEvents()
    workspace.look_at(slide, (0.0, 0.0, 1200.0, 900.0))
    start_region(viewer)
    drag(viewer, (300.0, 200.0), (800.0, 600.0))
    pixel = 1 / (viewer.scene.camera.zoom * slide.mpp)
    taken = take_region(viewer)
    assert taken is not None
    assert taken[0] is slide
    assert taken[1] == pytest.approx((300, 200, 800, 600), abs=1.5 * pixel)
    assert not reference_layers(viewer)
    assert viewer.layers.selection.active is workspace.layer(slide)


def test_the_last_rectangle_counts_cut_at_the_slides_edges(viewer: Any, make_slide: Make) -> None:
    workspace, slide = Workspace.of(viewer), make_slide(mpp=None)
    workspace.show(slide)
    start_region(viewer)
    (layer,) = reference_layers(viewer)
    layer.add_rectangles(rectangles([200, 100, 900, 500], slide.frame)[0])
    layer.add_rectangles(rectangles([-50, 100, 400, 300], slide.frame)[0])
    assert take_region(viewer) == (slide, pytest.approx((0, 100, 400, 300)))


def test_the_region_is_of_the_slide_that_was_open_when_drawing_began(viewer: Any, make_slide: Make) -> None:
    workspace = Workspace.of(viewer)
    one, other = make_slide("one.svs"), make_slide("other.svs")
    workspace.show(other)
    workspace.show(one)
    start_region(viewer)
    reference_layers(viewer)[0].add_rectangles(rectangles([200, 100, 900, 500], one.frame)[0])
    workspace.show(other)
    assert take_region(viewer) == (one, pytest.approx((200, 100, 900, 500)))
    assert workspace.active is other
    assert viewer.layers.selection.active is workspace.layer(other)


def test_nothing_drawn_gives_nothing_and_leaves_nothing(viewer: Any, make_slide: Make) -> None:
    start_region(viewer)
    assert not viewer.layers
    slide = make_slide()
    Workspace.of(viewer).show(slide)
    start_region(viewer)
    start_region(viewer)
    assert len(reference_layers(viewer)) == 1
    assert take_region(viewer) is None
    assert not reference_layers(viewer)
    end_region(viewer)


def test_a_region_on_a_slide_that_was_closed_is_gone(viewer: Any, make_slide: Make) -> None:
    workspace, slide = Workspace.of(viewer), make_slide()
    workspace.show(slide)
    start_region(viewer)
    reference_layers(viewer)[0].add_rectangles(rectangles([200, 100, 900, 500], slide.frame)[0])
    viewer.layers.remove(workspace.layer(slide))
    assert take_region(viewer) is None
