"""The gallery of the Review dock in a real window: thousands of cells, selected with mouse and keys."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from cytoshift.engine import Findings, Provenance
from napari_cytoshift.widgets import gallery_crops, review_crop
from napari_cytoshift.widgets.review_order import DIFFERS, MEASURE, PHASES, SIMILAR, Wanted
from napari_cytoshift.widgets.review_ranks import LikeThis
from napari_cytoshift.widgets.review_study import Placed

Make = Callable[..., Any]
LONG = 60_000

NONE = Qt.KeyboardModifier.NoModifier
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def click(dock: Any, place: int, modifiers: Qt.KeyboardModifier = NONE) -> None:
    at = dock.gallery.rectangle(place).center()
    QTest.mouseClick(dock.gallery.viewport(), Qt.MouseButton.LeftButton, modifiers, at)


def press(dock: Any, key: Qt.Key | str, modifiers: Qt.KeyboardModifier = NONE) -> None:
    QTest.keyClick(dock.gallery, key, modifiers)


def chosen(dock: Any) -> list[int]:
    return list(dock.work.selection.places.tolist())


def order(dock: Any) -> list[int]:
    work = dock.work
    placed = [work.queue.placed(place) for place in range(len(work.queue))]
    return [-1 if one is None else one.position for one in placed]


def sort(dock: Any, name: str, qtbot: Any) -> list[int]:
    dock.filters.choose(name)
    qtbot.waitUntil(lambda: dock.work.sorting.work is None, timeout=LONG)
    return order(dock)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return what is read for the gallery: box, extent and side of each picture; never in the window's thread."""
    made: list[tuple[Any, ...]] = []
    original = review_crop.read_around

    def read(slide: Any, box: Any, extent: float, side: int) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        made.append((box, extent, side))
        return original(slide, box, extent, side)

    monkeypatch.setattr(gallery_crops, "read_around", read)
    return made


def test_of_thousands_of_cells_only_those_are_read_that_are_visible(
    make_review: Make, reads: list[Any], qtbot: Any
) -> None:
    dock = make_review(5000)
    gallery = dock.gallery
    shown = len(gallery.visible_places)
    assert 0 < shown < 60
    qtbot.waitUntil(lambda: len(reads) >= shown, timeout=LONG)
    assert len(reads) <= shown + gallery.columns
    bar = gallery.verticalScrollBar()
    before = len(reads)
    bar.setValue(bar.maximum())
    assert gallery.visible_places[-1] == 4999
    boxes = dock.work.cells.boxes
    qtbot.waitUntil(lambda: any(read[0] == tuple(boxes[4999].tolist()) for read in reads), timeout=LONG)
    qtbot.waitUntil(lambda: not gallery.crops.waiting, timeout=LONG)
    assert len(reads) - before <= len(gallery.visible_places)
    before = len(reads)
    bar.setValue(0)
    qtbot.waitUntil(lambda: gallery.visible_places[0] == 0 and not gallery.crops.waiting, timeout=LONG)
    assert len(reads) == before  # they are still here


def test_every_picture_has_one_physical_scale(make_review: Make, reads: list[Any], qtbot: Any) -> None:
    dock = make_review(20)
    qtbot.waitUntil(lambda: bool(reads), timeout=LONG)
    assert {read[1] for read in reads} == {48 / 0.25}
    reads.clear()
    microns = dock.cell._microns
    microns.setFocus()
    QTest.keyClick(microns, Qt.Key.Key_Down)
    assert microns.currentText() == "64 µm"
    qtbot.waitUntil(lambda: bool(reads) and not dock.gallery.crops.waiting, timeout=LONG)
    assert {read[1] for read in reads} == {64 / 0.25}
    assert dock.workspace.state.get("review_microns") == 64


def test_clicks_select_and_the_view_follows(make_review: Make) -> None:
    dock = make_review()
    click(dock, 4)
    work, slide, viewer = dock.work, dock.workspace.active, dock.workspace.viewer
    assert work.current == 4
    assert chosen(dock) == [4]
    x0, y0, x1, y1 = work.cells.boxes[4].tolist()
    middle = slide.frame.world_from_level0([(x0 + x1) / 2, (y0 + y1) / 2])
    assert np.allclose(viewer.scene.camera.center[-2:], middle)
    click(dock, 1, SHIFT)
    assert (chosen(dock), work.current) == ([1, 2, 3, 4], 1)
    click(dock, 2, CTRL)
    click(dock, 0, CTRL)
    assert (chosen(dock), work.current) == ([0, 1, 3, 4], 0)
    assert "4 cells selected" in dock.cell.state.text()
    click(dock, 5)
    assert chosen(dock) == [5]


def test_several_cells_get_a_class_in_one_step_that_one_undo_takes_back(make_review: Make) -> None:
    dock = make_review()
    study, ids = dock.workspace.study, dock.work.cells.ids
    click(dock, 0)
    click(dock, 3, SHIFT)
    press(dock, "5")
    (event,) = study.events()
    assert event.kind == "relabel"
    assert set(event.targets) == {ids[place] for place in range(4)}
    assert [dock.work.cells.label(position) for position in range(5)] == ["HSIL"] * 4 + ["LSIL"]
    assert dock.work.current == 4  # it went on
    click(dock, 6)
    click(dock, 8, CTRL)
    press(dock, "X")
    assert set(study.events()[-1].targets) == {ids[6], ids[8]}
    press(dock, "z", CTRL)
    assert "2 cells" in dock.message.text
    press(dock, "z", CTRL)
    assert not dock.work.cells.states.any()
    press(dock, "z", CTRL | SHIFT)
    assert [dock.work.cells.label(position) for position in range(4)] == ["HSIL"] * 4


def test_keys_go_through_the_gallery_and_select(make_review: Make) -> None:
    dock = make_review()
    columns = dock.gallery.columns
    press(dock, Qt.Key.Key_Home)
    assert dock.work.selection.current == 0
    press(dock, Qt.Key.Key_Down)
    press(dock, Qt.Key.Key_Right)
    assert dock.work.selection.current == columns + 1
    press(dock, Qt.Key.Key_Right, SHIFT)
    assert chosen(dock) == [columns + 1, columns + 2]
    press(dock, Qt.Key.Key_End)
    assert chosen(dock) == [59]
    assert 59 in dock.gallery.visible_places
    press(dock, "a", CTRL)
    assert len(dock.work.selection) == 60
    assert dock.workspace.study.events() == []
    press(dock, Qt.Key.Key_PageUp)
    assert len(chosen(dock)) == 1


def test_the_mouse_over_a_cell_shows_a_larger_field(make_review: Make, qtbot: Any) -> None:
    dock = make_review()
    viewport, context = dock.gallery.viewport(), dock.gallery.context
    QTest.mouseMove(viewport, QPoint(1, 1))
    QTest.mouseMove(viewport, dock.gallery.rectangle(1).center())
    qtbot.waitUntil(lambda: context.isVisible() and context.crop.ready, timeout=LONG)
    assert context.crop.size_in_words == "192 × 192 µm"
    assert "LSIL" in context.words.text()
    assert dock.work.current is None
    dock.gallery.verticalScrollBar().setValue(200)
    assert not context.isVisible()


def test_the_old_order_stays_until_the_new_one_is_there(
    make_review: Make, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = make_review()
    go_on, before, make = threading.Event(), order(dock), Wanted.queue

    def slowly(wanted: Wanted, cells: Any) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        go_on.wait(30)
        return make(wanted, cells)

    monkeypatch.setattr(Wanted, "queue", slowly)
    dock.filters.choose("uncertain")
    press(dock, "n")
    assert order(dock) == before
    assert dock.work.current == before[0]
    go_on.set()
    qtbot.waitUntil(lambda: dock.work.sorting.work is None, timeout=LONG)
    assert order(dock) == before[::-1]
    assert dock.work.selection.current == 59


def test_cells_come_by_what_the_model_measured(make_review: Make, qtbot: Any) -> None:
    atypical = np.array([0.1, 0.9, np.nan, 0.5, 0.7, 0.2], np.float32)
    early = np.array([0.2, 0.8, 0.5, 0.9, 0.1, np.nan], np.float32)
    measures = {"atypical": atypical, "phase: prometaphase": early, "phase: metaphase": 1 - early}
    dock = make_review(6, measures=measures)
    assert sort(dock, MEASURE + "atypical", qtbot) == [1, 4, 3, 5, 0, 2]
    assert sort(dock, PHASES, qtbot) == [1, 3, 2, 4, 0, 5]  # by phase, the most atypical of each first
    assert dock.gallery.caption(Placed("", dock.work.cells, 4)).startswith("metaphase")
    click(dock, 0)
    assert "atypical 0.90" in dock.cell.state.text()
    dock.filters.state.setCurrentIndex(dock.filters.state.findData("open"))
    dock.filters.score.setCurrentIndex(dock.filters.score.findData("0.7"))
    qtbot.waitUntil(lambda: dock.work.sorting.work is None, timeout=LONG)
    kept = order(dock)
    assert kept
    assert all(0.7 <= dock.work.cells.scores[position] < 0.9 for position in kept)


def test_cells_come_by_what_another_search_says_of_them(make_review: Make, qtbot: Any) -> None:
    dock = make_review(6, runs=2)
    study, slide = dock.workspace.study, dock.workspace.active
    run = dock.workspace.cells.run
    now = study.findings(run)
    labels, scores = now.labels.copy(), now.scores.copy()
    labels[3], scores[5] = 4, scores[5] - 0.005
    kept = np.array([0, 1, 3, 4, 5])  # it did not see the third
    made = Provenance(slide.info.identity, "another")
    other = study.add_findings(Findings(now.boxes[kept], scores[kept], labels[kept], now.classes, made))
    dock.filters.list_orders()
    qtbot.waitUntil(lambda: dock.filters.order.findData(DIFFERS + other) >= 0, timeout=LONG)
    assert sort(dock, DIFFERS + other, qtbot) == [3, 2, 5, 0, 1, 4]


def test_cells_come_by_likeness_to_the_selected_one(
    make_review: Make, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class ByPlace:
        mpp, side, model = 0.25, 8, ("by-place", "1")

        def describe(self, crops: Any) -> Any:
            asked.append(len(crops))
            return crops.reshape(len(crops), -1).astype(np.float32)

    monkeypatch.setattr(LikeThis, "_describer", lambda self: ByPlace())
    dock = make_review(12)
    dock.filters.choose(SIMILAR)
    qtbot.waitUntil(lambda: dock.work.sorting.work is None, timeout=LONG)
    assert "Select the cell" in dock.message.text
    click(dock, 7)
    assert sort(dock, SIMILAR, qtbot)[0] == 7
    assert sum(asked) == 12
    click(dock, 3)
    assert sort(dock, SIMILAR, qtbot)[0] == order(dock)[0]
    assert sum(asked) == 12  # descriptions are kept


def test_a_review_resumes_where_it_was_left_after_a_restart(make_review: Make, make_slide: Make, qtbot: Any) -> None:
    slide = make_slide()
    dock = make_review(60, slide=slide)
    click(dock, 30)
    press(dock, "a")
    assert dock.work.selection.current == 31
    dock.parentWidget().close()
    dock.workspace.close()
    again = make_review(60, slide=slide)
    assert again.work.current is None
    assert "go on at 32" in again.cell.state.text()
    press(again, "n")
    assert again.work.selection.current == 31
    assert 31 in again.gallery.visible_places
    assert again.place.text().startswith("32 of 60  ·  59 undecided")
    press(again, "z", CTRL)
    assert not again.work.cells.states.any()
