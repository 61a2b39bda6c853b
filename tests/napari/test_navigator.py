"""Screening in a window: what rests in view is marked, what passes is not, and the key leads to what is left."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication

from cytoshift.study import Study
from cytoshift.study.coverage import Coverage, Look, coverage_share
from napari_cytoshift.layers.findings import know
from napari_cytoshift.screening import Screening
from napari_cytoshift.view import look_at, magnification
from napari_cytoshift.widgets.slide import SlideDock

LONG = 20_000

Make = Callable[..., Any]


@pytest.fixture
def shown(make_napari_viewer: Make, qtbot: Any) -> Make:
    """Return a function that shows a slide in an active window beside the Slide dock, and waits for its coverage."""

    def show(slide: Any) -> SlideDock:
        viewer = make_napari_viewer(show=True)
        window = viewer.window._qt_window
        window.resize(1366, 768)
        dock = SlideDock(viewer)
        viewer.window.add_dock_widget(dock, name="Slide", area="right")
        dock.navigator.screening.dwell.setInterval(60)
        dock.navigator.screening.store_soon.setInterval(20)
        window.activateWindow()
        qtbot.waitUntil(
            lambda: QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive, timeout=LONG
        )
        dock.workspace.show(slide)
        settle(qtbot, dock)
        return dock

    return show


def settle(qtbot: Any, dock: SlideDock) -> Screening:
    """Wait until a view that rests has been taken in, and stored."""
    screening = dock.navigator.screening
    qtbot.waitUntil(lambda: screening.known is not None and screening.idle, timeout=LONG)
    return screening


def look(dock: SlideDock, x: float, y: float, power: float) -> None:
    look_at(dock.workspace.viewer, dock.workspace.active.frame, x, y, magnification=power)


def moved_from(dock: SlideDock, box: Any) -> bool:
    return dock.workspace.view_box(dock.workspace.active) != box


def field_at(dock: SlideDock, x: float, y: float) -> Look:
    """Return how closely the field at a point (level-0 pixels) was looked at."""
    known, level = dock.navigator.screening.known, dock.workspace.active.levels[0]
    row, column = (int(at / side / reach * n) for at, side, reach, n in zip(
        (y, x), (level.height, level.width), known.reach[::-1], known.looks.shape, strict=True
    ))  # fmt: skip
    return Look(known.looks[row, column])


def test_a_view_that_rests_is_marked_and_one_that_is_passed_is_not(shown: Make, make_slide: Make, qtbot: Any) -> None:
    dock = shown(make_slide(height=2000, width=3000, mpp=0.5))
    assert dock.navigator.share.text() == "0 % of the tissue seen at 10× and above"
    assert field_at(dock, 2500, 1500) == Look.BELOW, "the whole slide was in view, at more than an overview"
    look(dock, 500, 500, 20)
    look(dock, 1500, 1000, 20)  # no rest in between: the timer had no turn
    look(dock, 2500, 1500, 20)
    settle(qtbot, dock)
    assert field_at(dock, 2500, 1500) == Look.SCREENED
    assert field_at(dock, 500, 500) == field_at(dock, 1500, 1000) == Look.BELOW
    assert 0 < dock.navigator.screening.known.share < 0.5
    study, slide = dock.workspace.study, dock.workspace.active
    assert coverage_share(study, slide.info.identity) == pytest.approx(dock.navigator.screening.known.share)
    assert {event.kind for event in study.events()} <= {"calibrate"}


def test_pressing_the_key_again_and_again_screens_the_slide_and_then_says_so(
    shown: Make, make_slide: Make, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("napari_cytoshift.notices.inform", said.append)
    dock = shown(make_slide(height=1300, width=3000, mpp=0.5))
    screening, canvas = dock.navigator.screening, dock.workspace.viewer.window._qt_viewer.canvas.native
    screening.dwell.setInterval(0)
    shares = [0.0]
    for _ in range(20):
        before = dock.workspace.view_box(dock.workspace.active)
        qtbot.keyClick(canvas, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
        moved = partial(moved_from, dock, before)
        qtbot.waitUntil(lambda moved=moved: bool(said) or moved(), timeout=LONG)
        if said:
            break
        assert magnification(dock.workspace.viewer, dock.workspace.active.frame) == pytest.approx(10)
        qtbot.waitUntil(lambda: screening.known.share > shares[-1], timeout=LONG)
        shares.append(screening.known.share)
    assert said == ["All tissue of smear.svs has been seen at 10× and above."]
    assert len(shares) > 2
    assert dock.navigator.share.text() == "100 % of the tissue seen at 10× and above"
    dock.navigator.power.setCurrentIndex(dock.navigator.power.findData(20.0))
    dock.navigator.power.activated.emit(dock.navigator.power.currentIndex())
    qtbot.waitUntil(lambda: "0 % of the tissue seen at 20×" in dock.navigator.share.text(), timeout=LONG)
    dock.navigator.next.click()
    qtbot.waitUntil(lambda: dock.navigator.screening.known.share > 0, timeout=LONG)
    assert magnification(dock.workspace.viewer, dock.workspace.active.frame) == pytest.approx(20)


def test_nothing_is_marked_where_nobody_can_look(shown: Make, make_slide: Make, qtbot: Any) -> None:
    dock = shown(make_slide(height=2000, width=3000, mpp=0.5))
    dock.workspace.layer(dock.workspace.active).visible = False
    look(dock, 1000, 700, 20)
    settle(qtbot, dock)
    assert dock.navigator.screening.known.share == 0


def test_a_second_reader_begins_with_a_slide_that_nobody_has_seen(shown: Make, make_slide: Make, qtbot: Any) -> None:
    dock = shown(make_slide(height=2000, width=3000, mpp=0.5))
    look(dock, 1000, 700, 10)
    screening = settle(qtbot, dock)
    first, identity = screening.known.share, dock.workspace.active.info.identity
    assert first > 0
    dock.workspace.fit(dock.workspace.active)
    settle(qtbot, dock)
    dock.workspace.read_as("second")
    settle(qtbot, dock)
    assert screening.known.share == 0
    look(dock, 2500, 1800, 40)
    settle(qtbot, dock)
    second = coverage_share(dock.workspace.study, identity)
    assert 0 < second == screening.known.share
    dock.workspace.fit(dock.workspace.active)
    settle(qtbot, dock)
    dock.workspace.read_as("")
    settle(qtbot, dock)
    assert screening.known.share == first == coverage_share(dock.workspace.study, identity)


def test_the_switch_hides_what_was_seen_and_leaving_the_study_stores_it(
    shown: Make, make_slide: Make, qtbot: Any, tmp_path: Any
) -> None:
    dock = shown(make_slide(height=2000, width=3000, mpp=0.5))
    qtbot.waitUntil(lambda: dock.overview._image is not None, timeout=LONG)
    screening, folder = dock.navigator.screening, dock.workspace.study.folder
    screening.store_soon.setInterval(3_600_000)  # it will not come by itself
    look(dock, 1000, 700, 20)
    qtbot.waitUntil(lambda: screening.known.share > 0, timeout=LONG)
    assert dock.overview._looks is not None
    dock.navigator.shown.click()
    assert dock.overview._looks is None
    dock.navigator.shown.click()
    share, identity = screening.known.share, dock.workspace.active.info.identity
    dock.open_study(tmp_path / "other")
    with Study.open(folder) as left:
        assert coverage_share(left, identity) == pytest.approx(share)


def test_a_study_that_is_read_only_shows_its_coverage_and_takes_none(
    shown: Make, make_slide: Make, qtbot: Any, tmp_path: Any
) -> None:
    slide = make_slide(height=2000, width=3000, mpp=0.5)
    level = slide.levels[0]
    with Study.create(tmp_path / "read") as writer:
        know(writer, slide)
        part = (0.0, 0.0, level.width / 2, float(level.height))
        stored = writer.add_coverage(slide.info.identity, Coverage.of(slide).marked(part, 20.0))
        dock = shown(slide)
        dock.open_study(tmp_path / "read")
        screening = settle(qtbot, dock)
        assert dock.workspace.study.read_only
        assert screening.known.share >= stored.share() > 0.3
        assert "read-only" in dock.navigator.share.toolTip()
        look(dock, level.width * 0.75, 400, 20)
        settle(qtbot, dock)
        assert screening.known.share > stored.share()
        assert np.array_equal(writer.coverage(slide.info.identity).seen, stored.seen)


def test_a_slide_without_a_scale_can_be_screened_too(shown: Make, make_slide: Make, qtbot: Any) -> None:
    dock = shown(make_slide(mpp=None))
    dock.navigator.next.click()
    qtbot.waitUntil(lambda: dock.navigator.screening.known.share > 0, timeout=LONG)
