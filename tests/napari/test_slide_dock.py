"""The Slide dock: what am I looking at, how big is it, how much have I seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_cytoshift.place import remember
from napari_cytoshift.view import magnification
from napari_cytoshift.widgets.slide import SlideDock
from napari_cytoshift.widgets.slide_scale import LINE_LAYER
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]


@pytest.fixture
def dock(make_napari_viewer: Make) -> SlideDock:
    """Return the dock in a viewer, as napari makes it."""
    viewer = make_napari_viewer()
    return viewer.window.add_plugin_dock_widget("napari-cytoshift", "Slide")[1]


@pytest.fixture
def viewer(dock: SlideDock) -> Any:
    """Return the viewer of the dock."""
    return dock.workspace.viewer


def test_it_begins_with_what_to_do_first(dock: SlideDock, make_slide: Make) -> None:
    assert dock._pages.currentIndex() == 0
    dock.workspace.show(make_slide())
    assert dock._pages.currentIndex() == 1


def test_it_says_what_the_slide_is(dock: SlideDock, make_slide: Make) -> None:
    dock.workspace.show(make_slide())
    facts = dock.facts.text().replace("\u00a0", " ")
    assert facts == "Aperio  ·  525 × 375 µm  ·  0.25 µm/px  ·  40× objective  ·  2 100 × 1 500 px"
    assert dock.title.currentText() == "smear.svs"
    assert dock.warning.isHidden()
    assert dock.scale.isHidden()


def test_a_slide_that_is_not_brightfield_says_so(dock: SlideDock, make_slide: Make) -> None:
    dock.workspace.show(make_slide(brightfield=False))
    assert "not a brightfield slide" in dock.warning.text()
    assert not dock.warning.isHidden()


def test_buttons_show_a_magnification_and_the_reading_follows(
    dock: SlideDock, viewer: Any, make_slide: Make, qtbot: Any
) -> None:
    slide = make_slide()
    dock.workspace.show(slide)
    for one, power in zip(dock.zoom_buttons[1:], (2.5, 5, 10, 20, 40), strict=True):
        one.click()
        assert magnification(viewer, slide.frame) == pytest.approx(power)
        qtbot.waitUntil(lambda power=power: dock.magnification.text() == f"{power:g}×")
    dock.zoom_buttons[0].click()
    x0, y0, x1, y1 = dock.workspace.view_box(slide)
    assert x0 < 0 < 2100 < x1
    assert y0 < 0 < 1500 < y1


def test_a_click_on_the_overview_moves_the_view(dock: SlideDock, make_slide: Make, qtbot: Any) -> None:
    slide = make_slide()
    dock.workspace.show(slide)
    overview = dock.overview
    qtbot.waitUntil(lambda: overview._image is not None)
    overview.resize(420, 320)
    target = overview.target()
    at = QPoint(round(target.left() + target.width() * 0.25), round(target.top() + target.height() * 0.75))
    qtbot.mouseClick(overview, Qt.MouseButton.LeftButton, pos=at)
    x0, y0, x1, y1 = dock.workspace.view_box(slide)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((525, 1125), abs=6)


def test_unknown_scale_is_asked_for_and_the_objective_answers(dock: SlideDock, make_slide: Make) -> None:
    dock.workspace.show(make_slide(mpp=None))
    assert not dock.scale.isHidden()
    assert not any(one.isEnabled() for one in dock.zoom_buttons[1:])
    dock.scale.objective.setCurrentIndex(dock.scale.objective.findData(20.0))
    dock.scale.use.click()
    assert dock.workspace.active.info.mpp_yx == (0.5, 0.5)
    assert dock.workspace.active.info.objective == 20.0
    assert dock.scale.isHidden()
    assert all(one.isEnabled() for one in dock.zoom_buttons)


def test_unknown_scale_is_measured_along_a_line(dock: SlideDock, viewer: Any, make_slide: Make) -> None:
    dock.workspace.show(make_slide(mpp=None))
    dock.scale.length.setValue(100.0)
    dock.scale.draw.click()
    layer = viewer.layers[LINE_LAYER]
    assert layer.mode == "add_line"
    assert "drag" in dock.message.text
    layer.add_lines(np.array([[100, 100], [400, 500]]))
    dock.scale.draw.click()
    assert dock.workspace.active.mpp == pytest.approx(100 / 500)
    assert LINE_LAYER not in viewer.layers
    assert dock.message.text == ""


def test_the_list_of_slides_switches_between_them(dock: SlideDock, make_slide: Make) -> None:
    first, second = make_slide("one.svs"), make_slide("other.svs")
    dock.workspace.show(first)
    dock.workspace.show(second)
    assert [dock.title.itemText(k) for k in range(dock.title.count())] == ["one.svs", "other.svs"]
    assert dock.title.currentText() == "other.svs"
    dock.title.setCurrentIndex(0)
    dock.title.activated.emit(0)
    assert dock.workspace.active is first
    assert dock.title.currentText() == "one.svs"


def test_it_fits_a_small_laptop(dock: SlideDock, make_slide: Make) -> None:
    dock.workspace.show(make_slide(mpp=None, brightfield=False))
    assert dock.whole.width() <= 360
    assert dock.whole.height() <= 690


def test_a_closed_dock_hears_nothing_more(dock: SlideDock, viewer: Any, make_slide: Make, qtbot: Any) -> None:
    workspace = Workspace.of(viewer)
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    qtbot.wait(1)
    workspace.show(make_slide())
    assert workspace.active is not None


def test_the_next_session_goes_on_where_this_one_ended(make_napari_viewer: Make, tmp_path: Any, qtbot: Any) -> None:
    from PIL import Image

    path = tmp_path / "field.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (600, 900, 3), np.uint8)).save(path)
    first = SlideDock(make_napari_viewer())
    assert first.again.isHidden()
    first.open(path)
    qtbot.waitUntil(lambda: first.workspace.active is not None)
    slide = first.workspace.active
    first.workspace.look_at(slide, (100.0, 50.0, 400.0, 250.0))
    left = first.workspace.view_box(slide)
    remember(first.workspace)
    second = SlideDock(make_napari_viewer())
    assert second.again.text() == "Go on with field.png"
    second.again.click()
    qtbot.waitUntil(lambda: second.workspace.active is not None)
    assert second.workspace.view_box(second.workspace.active) == pytest.approx(left, abs=0.2)


def test_another_study_can_be_opened(dock: SlideDock, make_slide: Make, tmp_path: Any) -> None:
    slide = make_slide()
    dock.workspace.show(slide)
    assert dock.study.text() == "study"
    dock.open_study(tmp_path / "rounds")
    assert dock.study.text() == "rounds  ·  0 slides"
    dock.workspace.study.add_slide(slide)
    dock.workspace.corrected.emit(slide.info.identity)
    assert dock.study.text() == "rounds  ·  1 slide"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.txt").write_text("no study")
    dock.open_study(tmp_path / "full")
    assert "full" in dock.message.text
    assert dock.workspace.study_folder == tmp_path / "rounds"
