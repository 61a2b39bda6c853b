"""What changed, in the window: marks in every pane, counts in the dock, and nothing computed in Qt's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alterations import Inventor
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.slides import Slide, open_slide, samples
from napari_cytoshift import auditing as auditing_module
from napari_cytoshift import looking
from napari_cytoshift.auditing import Auditing
from napari_cytoshift.keys import CHANGES_KEY
from napari_cytoshift.layers.audit_layer import MARKS, marks, veil
from napari_cytoshift.widgets.compare import CompareDock
from napari_cytoshift.widgets.slide import SlideDock

Make = Callable[..., Any]

LONG = 120_000
SIDE = 1200


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a drawn slide."""
    return samples.draw(tmp_path_factory.mktemp("slide") / "smear.ome.zarr", width=SIDE, height=SIDE, seed=3)


@pytest.fixture
def slide(drawn: Path) -> Slide:
    return open_slide(drawn)


@pytest.fixture
def place(slide: Slide) -> tuple[int, int]:
    """Return x, y of a place without nuclei near the middle."""
    light = slide.read(0, 0, 0, SIDE, SIDE).sum(axis=-1)
    places = [(x, y) for y in range(300, 900, 30) for x in range(300, 900, 30)]
    return next((x, y) for x, y in places if light[y - 60 : y + 60, x - 60 : x + 60].min() > 540)


@pytest.fixture
def dock(make_napari_viewer: Make) -> CompareDock:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1366, 768)
    return viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]


@pytest.fixture
def invented(dock: CompareDock, slide: Slide, place: tuple[int, int], monkeypatch: Any, qtbot: Any) -> Auditing:
    """Show the slide through something that invents a nucleus; return what is said of it."""
    monkeypatch.setattr(looking, "build", lambda choice, registry: Inventor(place))
    dock.workspace.show(slide)
    dock.see("white")
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    dock.workspace.look_at(slide, (200, 200, 1000, 1000))
    return dock.overlays.auditing


def compared(auditing: Auditing, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: auditing.audit is not None and not auditing.busy, timeout=LONG)


def drawn_kinds(layer: Any) -> list[str]:
    """Return the colours of the marks that are seen."""
    names = {mark.color.lower(): kind for kind, mark in MARKS.items()}
    seen = layer.border_color[:, 3] > 0
    return [names["#" + "".join(f"{round(255 * v):02x}" for v in color[:3])] for color in layer.border_color[seen]]


def test_what_was_invented_is_marked_in_both_panes(
    dock: CompareDock, invented: Auditing, slide: Slide, place: tuple[int, int], qtbot: Any
) -> None:
    viewer = dock.workspace.viewer
    assert viewer is not None
    assert marks(viewer, 0) is None
    qtbot.mouseClick(dock.overlays.changes, Qt.MouseButton.LeftButton)
    compared(invented, qtbot)
    assert invented.audit is not None
    assert invented.audit.counts["invented"] == 1
    assert "1 invented" in dock.overlays.words.text()
    assert dock.overlays.legend.isVisible()
    layers = [marks(viewer, pane) for pane in (0, 1)]
    where = slide.frame.world_from_level0(place)
    for layer in layers:
        assert layer is not None
        assert drawn_kinds(layer) == ["invented"]
        assert np.abs(layer.data[0] - where).max() < 1
    grid = viewer.canvas.grid
    places = {layer: grid.position(k, viewer.layers) for k, layer in enumerate(viewer.layers)}
    assert [places[layer] for layer in layers] == [(0, 0), (0, 1)]
    dock.layouts.buttons["over"].click()
    qtbot.waitUntil(lambda: not invented.busy and not layers[1].visible, timeout=LONG)  # type: ignore[union-attr]
    assert layers[0] is not None
    assert layers[0].visible
    qtbot.mouseClick(dock.overlays.changes, Qt.MouseButton.LeftButton)
    assert not layers[0].visible
    assert not dock.overlays.words.isVisible()


def test_the_view_that_moves_is_compared_anew(
    dock: CompareDock, invented: Auditing, slide: Slide, place: tuple[int, int], qtbot: Any
) -> None:
    viewer = dock.workspace.viewer
    assert viewer is not None
    slides: SlideDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Slide")[1]
    canvas = viewer.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, Qt.Key.Key_W, Qt.KeyboardModifier.ShiftModifier)
    assert CHANGES_KEY == "Shift-W"
    assert invented.on
    compared(invented, qtbot)
    before = invented.audit
    overview = slides.overview
    qtbot.waitUntil(lambda: overview.target().width() > 20, timeout=LONG)
    at = (overview.target().topLeft() + overview.target().center()) / 2
    qtbot.mouseClick(overview, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert invented.busy
    qtbot.waitUntil(lambda: invented.audit is not before and not invented.busy, timeout=LONG)


def test_it_is_given_up_when_the_view_moves_and_never_in_the_windows_thread(
    dock: CompareDock, invented: Auditing, slide: Slide, monkeypatch: Any, qtbot: Any
) -> None:
    threads: list[threading.Thread] = []
    ended: list[BaseException] = []
    begun, go_on = threading.Event(), threading.Event()
    real = auditing_module.compare

    def slow(seen: Any, work: Any) -> Any:
        threads.append(threading.current_thread())
        if not begun.is_set():
            begun.set()
            go_on.wait(60)
        try:
            return real(seen, work)
        except BaseException as error:
            ended.append(error)
            raise

    monkeypatch.setattr(auditing_module, "compare", slow)
    invented.show(True)
    qtbot.waitUntil(begun.is_set, timeout=LONG)
    dock.workspace.look_at(slide, (400, 400, 1100, 1100))
    go_on.set()
    compared(invented, qtbot)
    assert [type(error).__name__ for error in ended] == ["Cancelled"]
    assert len(threads) >= 2
    assert threading.main_thread() not in threads


def test_the_map_lies_over_the_original(
    dock: CompareDock, invented: Auditing, place: tuple[int, int], qtbot: Any
) -> None:
    viewer = dock.workspace.viewer
    assert viewer is not None
    qtbot.mouseClick(dock.overlays.map, Qt.MouseButton.LeftButton)
    compared(invented, qtbot)
    layer = veil(viewer)
    assert layer is not None
    assert layer.visible
    y, x = np.unravel_index(np.argmax(layer.data), layer.data.shape)
    world = np.array([y, x]) * layer.scale + layer.translate
    assert np.abs(world - 0.25 * np.array(place[::-1])).max() < 12
    assert viewer.canvas.grid.position(viewer.layers.index(layer), viewer.layers) == (0, 0)
    qtbot.mouseClick(dock.overlays.map, Qt.MouseButton.LeftButton)
    assert not layer.visible


def test_a_slide_without_known_pixels_says_what_to_do(dock: CompareDock, make_slide: Make, qtbot: Any) -> None:
    dock.workspace.show(make_slide(mpp=None))
    assert not dock.overlays.isVisible()
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    dock.overlays.changes.click()
    qtbot.waitUntil(lambda: "µm/px" in dock.overlays.words.text(), timeout=LONG)


def test_a_view_from_too_far_says_what_to_do(dock: CompareDock, make_slide: Make, qtbot: Any) -> None:
    slide = make_slide(mpp=0.5)
    dock.workspace.show(slide)
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    dock.workspace.look_at(slide, (0, 0, 8400, 6000))
    dock.overlays.changes.click()
    qtbot.waitUntil(lambda: "Zoom in" in dock.overlays.words.text(), timeout=LONG)
    assert not dock.overlays.legend.isVisible()
    dock.workspace.look_at(slide, (100, 100, 600, 600))
    compared(dock.overlays.auditing, qtbot)
    assert dock.overlays.words.text().startswith("In view:")
    dock.workspace.calibrate(slide, (4.0, 4.0))
    qtbot.waitUntil(lambda: "too large" in dock.overlays.words.text(), timeout=LONG)
