"""Stain vectors: seen, dragged, moved by keys, picked from the slide, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from cytoshift.stain.colours import StainError, optical_density
from napari_cytoshift.pick_stain import stain_at
from napari_cytoshift.widgets.stain_plane import HEIGHT, StainPlane, colour_of, plane_of
from napari_cytoshift.widgets.stain_vectors import StainVectors

Make = Callable[..., Any]

H, E = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)
WHITE = (240.0, 238.0, 242.0)


def unit(vector: tuple[float, ...]) -> np.ndarray:
    return np.asarray(vector) / np.linalg.norm(vector)


@pytest.fixture
def cloud() -> np.ndarray:
    """Return densities of pixels between the two stains."""
    amounts = np.random.default_rng(0).uniform(0.1, 1.0, (2000, 2))
    return amounts @ np.array([H, E])


@pytest.fixture
def panel(make_napari_viewer: Make, cloud: np.ndarray) -> StainVectors:
    """Return the panel beside a canvas, with two stains."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    made = StainVectors(viewer)
    viewer.window.add_dock_widget(made, name="Stains", area="right")
    made.set_stains(("Haematoxylin", "Eosin"), (H, E), cloud, white=WHITE, most=3)
    QApplication.processEvents()
    return made


@pytest.fixture
def told(panel: StainVectors) -> list[tuple[Any, ...]]:
    """Return what the panel tells of changes."""
    heard: list[tuple[Any, ...]] = []
    panel.changed.connect(heard.append)
    return heard


def mouse(plane: StainPlane, kind: QEvent.Type, at: QPointF) -> None:
    """Send a mouse event with the left button; QTest's own moves hold none."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    button = none if kind == QEvent.Type.MouseMove else left
    held = none if kind == QEvent.Type.MouseButtonRelease else left
    where = QPointF(plane.mapToGlobal(at.toPoint()))
    QApplication.sendEvent(plane, QMouseEvent(kind, at, where, button, held, Qt.KeyboardModifier.NoModifier))


def drag(plane: StainPlane, start: QPointF, end: QPointF, *, release: bool = True) -> None:
    mouse(plane, QEvent.Type.MouseButtonPress, start)
    mouse(plane, QEvent.Type.MouseMove, (start + end) / 2)
    mouse(plane, QEvent.Type.MouseMove, end)
    if release:
        mouse(plane, QEvent.Type.MouseButtonRelease, end)


def click(panel: StainVectors, x: float, y: float) -> None:
    """Click on the canvas at a level-0 point of the active slide."""
    workspace = panel.workspace
    assert workspace.viewer is not None
    assert workspace.active is not None
    native = workspace.viewer.window._qt_viewer.canvas.native
    box = workspace.view_box(workspace.active)
    assert box is not None
    scale = native.width() / (box[2] - box[0])
    at = QPoint(round((x - box[0]) * scale), round((y - box[1]) * scale))
    QTest.mouseClick(native, Qt.MouseButton.LeftButton, pos=at)


# The plane


@given(st.tuples(*[st.floats(0.02, 1.0)] * 3))
@settings(max_examples=30, deadline=None)
def test_a_vector_is_read_back_from_where_it_is_painted(qapp: Any, vector: tuple[float, float, float]) -> None:
    plane = StainPlane()
    plane.resize(220, 190)
    assert plane.vector_at(plane.place(vector)) == pytest.approx(unit(vector), abs=1e-9)


def test_corners_absorb_one_channel_and_mixtures_lie_between(qapp: Any) -> None:
    assert plane_of(np.eye(3) * 0.7) == pytest.approx(np.array([[0, HEIGHT], [0.5, 0], [1, HEIGHT]]))
    h, e, mixed = plane_of([H, E, np.add(np.multiply(H, 0.3), np.multiply(E, 2.0))])
    along, across = mixed - h, e - h
    assert along[0] * across[1] - along[1] * across[0] == pytest.approx(0, abs=1e-12)
    assert 0 < np.dot(along, across) < np.dot(across, across)


def test_glass_lies_nowhere_but_in_the_middle_and_outside_is_drawn_in(qapp: Any) -> None:
    assert plane_of([(0.0, 0.0, 0.0)])[0] == pytest.approx((0.5, HEIGHT * 2 / 3))
    plane = StainPlane()
    plane.resize(200, 180)
    assert plane.vector_at(QPointF(-500, 90))[2] == 0.0
    assert plane.vector_at(QPointF(100, 2000))[1] == 0.0


def test_colours_are_those_on_white_glass() -> None:
    assert colour_of((0.0, 0.0, 0.0)) == (255, 255, 255)
    red, green, blue = colour_of(H)
    assert blue > red
    assert blue > green
    assert colour_of((0.0, 0.0, 1.0))[:2] == (255, 255)


# The panel


def test_it_shows_names_colours_and_numbers(panel: StainVectors) -> None:
    assert [row.choice.text() for row in panel.rows[:2]] == ["Haematoxylin", "Eosin"]
    assert panel.rows[0].numbers.text().split() == ["0.65", "0.70", "0.29"]
    assert not panel.rows[2].isVisible()
    icon = panel.rows[1].choice.icon().pixmap(16).toImage().pixelColor(8, 8)
    assert (icon.red(), icon.green(), icon.blue()) == colour_of(panel.vectors[1])
    panel.set_stains(("", ""), (H, E), np.zeros((0, 3)))
    assert [row.choice.text() for row in panel.rows[:2]] == ["Stain 1", "Stain 2"]
    assert panel.more.isHidden()


def test_the_cloud_darkens_where_the_pixels_lie(panel: StainVectors) -> None:
    plane, blue = panel.plane, np.random.default_rng(0).normal((0.4, 0.3, 0.8), 0.02, (500, 3))
    at = plane.place((0.4, 0.3, 0.8)).toPoint()
    bare = plane.grab().toImage().pixelColor(at).lightness()
    plane.show_cloud(blue)
    assert plane.grab().toImage().pixelColor(at).lightness() < bare - 40


def test_a_drag_moves_a_vector_and_tells_at_its_end(panel: StainVectors, told: list[Any]) -> None:
    plane = panel.plane
    start, end = plane.place(E), plane.place((0.3, 0.8, 0.5))
    drag(plane, start, end, release=False)
    assert panel.rows[1].numbers.text().split() == [f"{value:.2f}" for value in unit((0.3, 0.8, 0.5))]
    assert not told
    mouse(plane, QEvent.Type.MouseButtonRelease, end)
    (vectors,) = told
    assert vectors == panel.vectors
    assert vectors[1] == pytest.approx(unit((0.3, 0.8, 0.5)), abs=1e-6)
    assert vectors[0] == pytest.approx(unit(H))
    assert panel.selected == 1
    assert panel.undo.isEnabled()


def test_a_click_without_a_drag_chooses_and_changes_nothing(panel: StainVectors, told: list[Any]) -> None:
    QTest.mouseClick(panel.plane, Qt.MouseButton.LeftButton, pos=panel.plane.place(E).toPoint())
    assert panel.selected == 1
    assert not told
    assert not panel.undo.isEnabled()


def test_escape_lets_a_drag_go(panel: StainVectors, told: list[Any]) -> None:
    plane, before = panel.plane, panel.rows[0].numbers.text()
    end = plane.place((0.3, 0.8, 0.5))
    drag(plane, plane.place(H), end, release=False)
    assert panel.rows[0].numbers.text() != before
    QTest.keyClick(plane, Qt.Key.Key_Escape)
    mouse(plane, QEvent.Type.MouseButtonRelease, end)
    assert panel.rows[0].numbers.text() == before
    assert not told


def test_keys_choose_and_move(panel: StainVectors, told: list[Any]) -> None:
    plane = panel.plane
    before = plane_of([panel.vectors[1]])[0]
    QTest.keyClick(plane, Qt.Key.Key_2)
    assert panel.rows[1].choice.isChecked()
    QTest.keyClick(plane, Qt.Key.Key_Down)
    QTest.keyClick(plane, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert len(told) == 2
    assert plane_of([told[-1][1]])[0] - before == pytest.approx((-0.02, 0.004), abs=1e-9)


def test_reset_asks_for_the_fits_own(panel: StainVectors, told: list[Any], cloud: np.ndarray, qtbot: Any) -> None:
    drag(panel.plane, panel.plane.place(E), panel.plane.place((0.3, 0.8, 0.5)))
    panel.set_stains(("Haematoxylin", "Eosin"), told[0], cloud)  # the fit with these vectors
    assert panel.undo.isEnabled()
    with qtbot.waitSignal(panel.reset):
        panel.undo.click()
    panel.set_stains(("Haematoxylin", "Eosin"), (H, E), cloud)
    assert not panel.undo.isEnabled()
    assert len(told) == 1


def test_a_third_stain_comes_and_goes(panel: StainVectors, told: list[Any]) -> None:
    panel.more.click()
    assert len(told[0]) == 3
    assert abs(np.linalg.det(np.array(told[0]))) > 0.1
    assert np.linalg.norm(told[0][2]) == pytest.approx(1)
    assert panel.selected == 2
    assert panel.rows[2].choice.text() == "Stain 3"
    panel.more.click()
    assert np.array(told[1]) == pytest.approx(np.array([unit(H), unit(E)]))
    assert panel.selected < 2


# Picking


def test_a_click_on_the_slide_replaces_the_chosen_stain(
    panel: StainVectors, told: list[Any], make_slide: Make, qtbot: Any
) -> None:
    slide = make_slide()
    nucleus = (90, 60, 120)
    slide.pixels[0][700:760, 1000:1060] = nucleus
    panel.workspace.show(slide)
    QApplication.processEvents()
    panel.workspace.look_at(slide, (800.0, 500.0, 1300.0, 900.0))
    panel.plane.choose(1)
    panel.pick.click()
    assert "Eosin" in panel.hint.text()
    with qtbot.waitSignal(panel.changed):
        click(panel, 1030, 730)
    assert told[0][1] == pytest.approx(unit(tuple(optical_density(nucleus, WHITE))), abs=1e-9)
    assert told[0][0] == pytest.approx(unit(H))
    assert not panel.pick.isChecked()
    click(panel, 1100, 700)  # only the next click picks
    assert len(told) == 1


def test_a_pick_of_glass_says_so_and_changes_nothing(
    panel: StainVectors, told: list[Any], make_slide: Make, qtbot: Any
) -> None:
    slide = make_slide()
    slide.pixels[0][600:800, 900:1100] = np.array(WHITE, np.uint8)
    panel.workspace.show(slide)
    QApplication.processEvents()
    panel.workspace.look_at(slide, (800.0, 500.0, 1300.0, 900.0))
    panel.pick.click()
    click(panel, 1000, 700)
    qtbot.waitUntil(lambda: "nothing is stained" in panel.hint.text())
    assert panel.pick.isEnabled()
    assert not told


def test_picking_is_taken_back(panel: StainVectors, told: list[Any], make_slide: Make) -> None:
    slide = make_slide()
    panel.workspace.show(slide)
    QApplication.processEvents()
    panel.workspace.look_at(slide, (800.0, 500.0, 1300.0, 900.0))
    viewer = panel.workspace.viewer
    assert viewer is not None
    before = len(viewer.mouse_drag_callbacks)
    panel.pick.click()
    assert len(viewer.mouse_drag_callbacks) == before + 1
    panel.pick.click()
    assert len(viewer.mouse_drag_callbacks) == before
    panel.pick.click()
    panel.hide()
    assert len(viewer.mouse_drag_callbacks) == before
    assert not panel.pick.isChecked()


def test_the_patch_is_its_median_and_stays_within_the_slide(make_slide: Make) -> None:
    slide = make_slide()
    slide.pixels[0][:7, -7:] = (200, 120, 160)
    slide.pixels[0][2:4, -4:-2] = (0, 0, 0)  # a speck of dirt
    expected = unit(tuple(optical_density((200, 120, 160), WHITE)))
    assert stain_at(slide, 2099.9, 0.0, WHITE) == pytest.approx(expected)
    with pytest.raises(StainError, match="not on smear"):
        stain_at(slide, -1.0, 10.0, WHITE)
