"""The layouts of the Compare dock: panes, a line that is swiped, one over the other; and how strongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_cytoshift.comparison import Comparison
from napari_cytoshift.keys import LAYOUT_KEY
from napari_cytoshift.layers.slide_layers import role_of
from napari_cytoshift.widgets.compare import CompareDock

Make = Callable[..., Any]

LONG = 90_000


@pytest.fixture
def dock(make_napari_viewer: Make, make_slide: Make) -> CompareDock:
    """Return the dock in a viewer that is shown, with a slide."""
    viewer = make_napari_viewer(show=True)
    dock: CompareDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]
    dock.workspace.show(make_slide())
    return dock


def see(dock: CompareDock, method: str, qtbot: Any, *, beside: bool = False) -> Any:
    if beside:
        combo = dock.layouts.second
        combo.setCurrentIndex(combo.findData(method))
        combo.activated.emit(combo.currentIndex())
    else:
        dock.methods[method].click()
    which = "beside" if beside else "sight"
    qtbot.waitUntil(lambda: bool(dock.message.text) or getattr(dock.comparison, which) is not None, timeout=LONG)
    assert not dock.message.text
    settle(dock, qtbot)
    return getattr(dock.comparison, which)


def settle(dock: CompareDock, qtbot: Any) -> None:
    """Wait until the canvas shows what is true."""
    viewer = dock.workspace.viewer
    qtbot.waitUntil(
        lambda: not dock.busy.busy and not dock.comparison.approximate and all(layer.loaded for layer in viewer.layers),
        timeout=LONG,
    )


def derived(dock: CompareDock, role: str = "derived") -> Any:
    return next(layer for layer in dock.workspace.viewer.layers if role_of(layer) == role)


def canvas(dock: CompareDock) -> npt.NDArray[np.int16]:
    """Return what the canvas shows."""
    shown = dock.workspace.viewer.screenshot(canvas_only=True, flash=False)
    return shown[..., :3].astype(np.int16)


def swipe(dock: CompareDock) -> Any:
    return dock.comparison._arrangement.swipe


def test_three_panes_hold_original_and_two_methods(dock: CompareDock, qtbot: Any) -> None:
    viewer = dock.workspace.viewer
    assert not dock.layouts.second.isVisibleTo(dock)
    see(dock, "reinhard", qtbot)
    see(dock, "white", qtbot, beside=True)
    grid = viewer.canvas.grid
    assert [role_of(layer) for layer in viewer.layers] == ["original", "derived", "beside"]
    assert grid.actual_shape(viewer.layers) == (1, 3)
    assert [grid.position(k, viewer.layers) for k in range(3)] == [(0, 0), (0, 1), (0, 2)]
    for role in ("boxes", "cells"):
        viewer.add_points([[1, 1]], name=role, metadata={"cytoshift": {"role": role}})
    places = {
        role_of(layer): grid.position(k, viewer.layers)[1] for k, layer in enumerate(viewer.layers) if layer.visible
    }
    qtbot.waitUntil(
        lambda: (
            {role_of(one): grid.position(k, viewer.layers)[1] for k, one in enumerate(viewer.layers)}
            == {"original": 0, "derived": 1, "beside": 2, "boxes": 0, "cells": 1}
        ),
        timeout=LONG,
    )
    assert set(places) == {"original", "derived", "beside", "boxes", "cells"}
    dock.layouts.buttons["over"].click()
    assert not grid.enabled
    assert not derived(dock, "beside").visible
    dock.layouts.buttons["side"].click()
    assert derived(dock, "beside").visible
    dock.layouts.second.setCurrentIndex(0)
    dock.layouts.second.activated.emit(0)
    assert dock.comparison.beside is None
    assert grid.actual_shape(viewer.layers) == (1, 2)


def test_removing_the_first_method_takes_the_second_along(dock: CompareDock, qtbot: Any) -> None:
    see(dock, "reinhard", qtbot)
    see(dock, "white", qtbot, beside=True)
    dock.workspace.viewer.layers.remove(derived(dock))
    qtbot.waitUntil(lambda: len(dock.workspace.viewer.layers) == 1, timeout=LONG)
    assert dock.methods[""].isChecked()


def test_the_line_divides_the_view_wherever_it_is_dragged(dock: CompareDock, qtbot: Any) -> None:
    dock.layouts.buttons["swipe"].click()
    see(dock, "reinhard", qtbot)
    swipe(dock).move(0)
    seen = canvas(dock)
    dock.comparison.flip(True)
    original = canvas(dock)
    dock.comparison.flip(False)
    different = np.abs(seen - original).sum(axis=2) > 20
    assert different.mean() > 0.1
    swipe(dock).move(0.5)
    handle = swipe(dock).handle
    assert handle.isVisible()
    middle = QPoint(handle.width() // 2, handle.height() // 3)
    for target in (0.25, 0.8):
        width = handle.parentWidget().width()
        goal = QPoint(round(target * width) - handle.x(), middle.y())
        qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=middle)
        qtbot.mouseMove(handle, goal)
        qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=middle)
        shown, line = canvas(dock), round(target * original.shape[1])
        assert np.array_equal(shown[:, : line - 3], original[:, : line - 3])
        assert np.array_equal(shown[:, line + 3 :], seen[:, line + 3 :])
    assert dock.workspace.state.get("swipe") == pytest.approx(0.8, abs=0.01)


def test_the_line_stays_through_zoom_and_resize_and_goes_with_its_layer(dock: CompareDock, qtbot: Any) -> None:
    viewer = dock.workspace.viewer
    dock.layouts.buttons["swipe"].click()
    assert swipe(dock) is None
    see(dock, "reinhard", qtbot)
    swipe(dock).move(0.3)
    dock.workspace.magnify(40)
    settle(dock, qtbot)
    native = swipe(dock).handle.parentWidget()
    before = native.width()
    viewer.window._qt_window.resize(before + 500, 700)
    qtbot.waitUntil(lambda: native.width() != before, timeout=LONG)
    handle = swipe(dock).handle
    assert handle.x() + handle.width() / 2 == pytest.approx(0.3 * native.width(), abs=1)
    assert handle.height() == native.height()
    assert swipe(dock)._filter.line == int(0.3 * native.width() * native.devicePixelRatioF())
    swipe(dock).move(7)
    assert swipe(dock).share == 1.0
    viewer.layers.remove(derived(dock))
    qtbot.waitUntil(lambda: not handle.isVisible(), timeout=LONG)
    see(dock, "white", qtbot)
    assert handle.isVisible()
    dock.methods[""].click()
    assert not handle.isVisible()


def test_a_key_goes_through_the_layouts(dock: CompareDock, qtbot: Any) -> None:
    assert LAYOUT_KEY == "Shift-Q"
    native = dock.workspace.viewer.window._qt_viewer.canvas.native
    for wanted in ("swipe", "over", "side"):
        qtbot.keyClick(native, Qt.Key.Key_Q, Qt.KeyboardModifier.ShiftModifier)
        assert dock.comparison.layout == wanted
        assert dock.layouts.buttons[wanted].isChecked()


def test_strength_moves_every_pixel_part_of_the_way(dock: CompareDock, qtbot: Any) -> None:
    full = see(dock, "reinhard", qtbot)
    layer = derived(dock)
    slide = dock.workspace.active
    original = slide.read(0, 0, 0, 500, 500).astype(float)
    whole = full.slide.read(0, 0, 0, 500, 500).astype(float)
    dock.strength.slider.setValue(40)
    assert np.array_equal(np.asarray(layer.data[0][:500, :500]), whole)  # nothing goes blank meanwhile
    qtbot.waitUntil(lambda: dock.comparison.sight.choice.strength == 0.4, timeout=LONG)
    settle(dock, qtbot)
    assert derived(dock) is layer
    assert layer.name == "Reinhard 40 % · smear.svs"
    wanted = original + 0.4 * (whole - original)
    qtbot.waitUntil(lambda: np.abs(layer.data[0][:500, :500] - wanted).max() <= 0.5, timeout=LONG)
    assert dock.comparison.sight.fitted is full.fitted  # fitted once
    dock.strength.slider.setValue(100)
    qtbot.waitUntil(lambda: dock.comparison.sight.choice.strength == 1.0, timeout=LONG)
    assert dock.comparison.sight.slide.key == full.slide.key


def test_another_method_takes_the_layer_over_down_to_the_coarsest_level(dock: CompareDock, qtbot: Any) -> None:
    dock.layouts.buttons["over"].click()
    see(dock, "reinhard", qtbot)
    layer = derived(dock)
    assert layer.data_level == len(layer.data) - 1  # which napari keeps as it read it first
    before = canvas(dock)
    dock.methods["macenko"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight.method == "macenko", timeout=LONG)
    settle(dock, qtbot)
    assert derived(dock) is layer
    assert layer.name == "Macenko · smear.svs"
    coarsest = dock.comparison.sight.slide.levels[-1]
    exact = dock.comparison.sight.slide.read(len(layer.data) - 1, 0, 0, coarsest.height, coarsest.width)
    qtbot.waitUntil(lambda: np.array_equal(layer._slice.thumbnail.raw, exact), timeout=LONG)
    after = canvas(dock)
    assert after.shape != before.shape or np.abs(after - before).mean() > 1


def test_how_a_slide_was_seen_comes_back(
    dock: CompareDock, make_napari_viewer: Make, make_slide: Make, qtbot: Any
) -> None:
    see(dock, "reinhard", qtbot)
    see(dock, "white", qtbot, beside=True)
    dock.strength.slider.setValue(60)
    qtbot.waitUntil(lambda: dock.comparison.sight.choice.strength == 0.6, timeout=LONG)
    settle(dock, qtbot)
    dock.layouts.buttons["swipe"].click()
    again = make_napari_viewer()
    second = Comparison.of(again)
    second.workspace.show(make_slide())
    qtbot.waitUntil(lambda: second.sight is not None and second.beside is not None, timeout=LONG)
    assert second.layout == "swipe"
    assert second.sight.choice == dock.comparison.sight.choice
    assert second.beside.method == "white"
    second.see_original()
    third = Comparison.of(make_napari_viewer())
    third.workspace.show(make_slide())
    assert not third._asked
