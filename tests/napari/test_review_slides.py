"""A review that leads through all slides of a study, by keys, in a real window."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.slides import open_slide
from cytoshift.study import Study
from cytoshift.study.palette import BETHESDA
from napari_cytoshift.widgets.review import ReviewDock
from napari_cytoshift.widgets.review_filters import ALL

Make = Callable[..., Any]
LONG = 20_000

CELLS = {"first.jpg": [(4, 0.95), (0, 0.9), (4, 0.6)], "second.jpg": [(5, 0.8), (2, 0.7)], "third.jpg": [(4, 0.7)]}
"""Class and score of the cells of each slide; in the order of worst first: second 0, first 0, third 0, first 2, …"""


@pytest.fixture
def folder(tmp_path: Path, home: Path) -> Path:
    """Return a folder with three slides, of which the default study knows cells."""
    with Study.create(home / "study") as study:
        for shade, (name, said) in enumerate(CELLS.items()):
            pixels = np.full((600, 800, 3), 225 - 10 * shade, np.uint8)
            boxes = np.array([(100 + 160 * at, 200, 150 + 160 * at, 250) for at in range(len(said))])
            for x0, y0, x1, y1 in boxes:
                pixels[y0:y1, x0:x1] = (90, 60, 120)
            Image.fromarray(pixels).save(tmp_path / name, quality=95)
            slide = open_slide(tmp_path / name).calibrated((0.25, 0.25), 40)
            study.add_slide(slide)
            study.calibrate(slide.info.identity, (0.25, 0.25), 40)
            labels, scores = zip(*said, strict=True)
            made = Provenance(slide.info.identity, "by-hand")
            study.add_findings(Findings(np.float32(boxes), np.float32(scores), np.int16(labels), BETHESDA, made))
    return tmp_path


@pytest.fixture
def open_review(make_napari_viewer: Make, folder: Path, qtbot: Any) -> Make:
    """Return a function that shows a Review dock with one of the slides."""

    def make(name: str) -> ReviewDock:
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1366, 768)
        dock = ReviewDock(viewer)
        viewer.window.add_dock_widget(dock, name="Review", area="right")
        dock.workspace.show(open_slide(folder / name).calibrated((0.25, 0.25), 40))
        viewer.window._qt_window.activateWindow()
        dock.gallery.setFocus()
        qtbot.waitUntil(lambda: viewer.window._qt_window.isActiveWindow() and dock.keys.on, timeout=LONG)
        settle(dock, qtbot)
        return dock

    return make


def settle(dock: ReviewDock, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: len(dock.work.queue) > 0 and dock.settled, timeout=LONG)


def everywhere(dock: ReviewDock, qtbot: Any) -> None:
    """Choose all slides, as a person does."""
    box = dock.filters.slide
    box.setCurrentIndex(box.findData(ALL))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: len(dock.work.queue) == 6 and dock.settled, timeout=LONG)


def at(dock: ReviewDock) -> tuple[str, int | None]:
    slide = dock.workspace.active
    return "" if slide is None else slide.name, dock.work.current


def press(dock: ReviewDock, key: str, *, ctrl: bool = False) -> None:
    modifier = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
    QTest.keyClick(dock.gallery, key, modifier)


def reach(dock: ReviewDock, qtbot: Any, name: str, position: int) -> None:
    qtbot.waitUntil(lambda: at(dock) == (name, position), timeout=LONG)


def test_n_leads_from_slide_to_slide_and_undo_leads_back(open_review: Make, qtbot: Any) -> None:
    dock = open_review("first.jpg")
    assert len(dock.work.queue) == 3
    everywhere(dock, qtbot)
    assert (dock.place.text(), dock.place.toolTip()) == ("– of 6  ·  6 undecided", "On 3 slides")
    press(dock, "N")
    reach(dock, qtbot, "second.jpg", 0)  # opened in a thread, since the worst cell lies there
    assert dock.place.text().startswith("1 of 6")
    settle(dock, qtbot)
    if pictures := os.environ.get("CYTOSHIFT_PICTURES"):
        dock.workspace.viewer.screenshot(str(Path(pictures) / "slides.png"), canvas_only=False, flash=False)
    press(dock, "A")
    reach(dock, qtbot, "first.jpg", 0)
    press(dock, "X")
    reach(dock, qtbot, "third.jpg", 0)
    assert [event.kind for event in dock.workspace.study.events() if event.kind != "calibrate"] == ["accept", "reject"]
    assert dock.work.undecided == 4
    press(dock, "Z", ctrl=True)
    reach(dock, qtbot, "first.jpg", 0)
    qtbot.waitUntil(lambda: dock.work.undecided == 5, timeout=LONG)
    press(dock, "P")
    reach(dock, qtbot, "second.jpg", 0)


def test_it_goes_on_after_a_restart_on_the_slide_where_it_stopped(open_review: Make, qtbot: Any) -> None:
    dock = open_review("first.jpg")
    everywhere(dock, qtbot)
    for key, name, position in (("N", "second.jpg", 0), ("A", "first.jpg", 0), ("U", "third.jpg", 0)):
        press(dock, key)
        reach(dock, qtbot, name, position)
    dock.work.resume.keep()
    dock.parentWidget().close()
    dock.workspace.close()
    again = open_review("first.jpg")
    qtbot.waitUntil(lambda: again.place.text() == "– of 6  ·  4 undecided", timeout=LONG)
    press(again, "N")
    reach(again, qtbot, "third.jpg", 0)


def test_clicks_in_the_gallery_lead_to_other_slides_and_several_decisions_stay_on_one(
    open_review: Make, qtbot: Any
) -> None:
    dock = open_review("first.jpg")
    everywhere(dock, qtbot)
    dock.gallery.show_order()
    qtbot.waitUntil(lambda: dock.settled, timeout=LONG)
    QTest.mouseClick(dock.gallery.viewport(), Qt.MouseButton.LeftButton, pos=dock.gallery.rectangle(2).center())
    reach(dock, qtbot, "third.jpg", 0)
    assert dock.work.selection.current == 2
    dock.work.choose(lambda selection: selection.all())
    assert dock.work.targets == [dock.workspace.cells.cells.ids[0]]
    dock.work.shown.select("")
    dock.work.selection.all()
    assert "" not in dock.work.targets
    dock.work.shown.select(dock.work.cells.ids[0])
    cell = dock.work.targets[0]
    dock.work.relabel(1)
    study = dock.workspace.study
    assert [one.targets for one in study.events() if one.kind == "relabel"] == [(cell,)]


def test_slides_that_are_gone_are_left_out_and_said(open_review: Make, folder: Path, qtbot: Any) -> None:
    dock = open_review("first.jpg")
    (folder / "third.jpg").rename(folder / "elsewhere")
    box = dock.filters.slide
    box.setCurrentIndex(box.findData(ALL))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: len(dock.work.queue) == 5 and dock.settled, timeout=LONG)
    assert dock.message.text == "Left out, since not where they were seen last: third.jpg."
    box.setCurrentIndex(box.findText("third.jpg"))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: "third.jpg is not where it was seen last" in dock.message.text, timeout=LONG)
    assert at(dock) == ("first.jpg", None)
    assert box.currentText() == "first.jpg"
