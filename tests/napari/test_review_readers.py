"""A second reader at the Review dock, blinded, across a restart; their agreement; and settling it with the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.study.agreement import agreement
from cytoshift.study.change import State

Make = Callable[..., Any]
LONG = 60_000


def press(dock: Any, *keys: str) -> None:
    for key in keys:
        QTest.keyClick(dock, key)


def as_second_reader(dock: Any, name: str, qtbot: Any) -> None:
    """Choose a new reader with the mouse and the keys, and wait until his cells are there."""
    readers = dock.readers
    readers.reader.setFocus()
    QTest.keyClick(readers.reader, Qt.Key.Key_End)
    readers.reader.activated.emit(readers.reader.currentIndex())
    assert readers.name.isVisible()
    readers.name.setFocus()
    QTest.keyClicks(readers.name, name)
    QTest.keyClick(readers.name, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: len(dock.work.queue) > 0 and dock.settled and not dock.work.cells.states.any(), timeout=LONG
    )
    dock.gallery.setFocus()


def test_a_second_reader_sees_nothing_of_the_first_and_they_settle_it(
    make_review: Make, make_slide: Make, qtbot: Any
) -> None:
    slide = make_slide()
    dock = make_review(6, slide=slide)
    press(dock, "n", "3", "3", "x", "5")
    dock.mark_complete()
    study, run = dock.workspace.study, dock.workspace.cells.run
    as_second_reader(dock, "Dr B", qtbot)
    assert study.reader == "Dr B"
    assert dock.place.text().startswith("– of 6  ·  6 undecided")
    assert dock.regions.text() == "0 fields complete"
    assert "begin" in dock.cell.state.text()
    assert not dock.readers.compare.isEnabled()
    assert "blinded" in dock.readers.note.text()
    press(dock, "n", "3", "5", "x")
    assert [event.reader for event in study.events()[-3:]] == ["Dr B"] * 3

    dock.parentWidget().close()
    dock.workspace.close()
    dock = make_review(6, slide=slide)  # after a restart it is still the second reader who reads
    study = dock.workspace.study
    assert study.reader == "Dr B"
    assert np.count_nonzero(dock.work.cells.states) == 3
    press(dock, "n", "3")
    dock.readers.reader.setCurrentIndex(0)
    dock.readers.reader.activated.emit(0)
    qtbot.waitUntil(
        lambda: len(dock.work.queue) > 0 and dock.settled and dock.workspace.cells.regions != (), timeout=LONG
    )
    assert np.count_nonzero(dock.work.cells.states) == 4

    QTest.mouseClick(dock.readers.compare, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dock.agreement.isVisible, timeout=LONG)
    assert not dock.gallery.isVisible()
    assert dock.agreement.settle.text() == "Settle 2"
    assert "4 cells read by both" in dock.agreement.left.text()
    QTest.mouseClick(dock.agreement.settle, Qt.MouseButton.LeftButton)
    assert dock.place.text() == "1 of 2 to settle"
    assert dock.cell.state.text() == "Common reading: LSIL\nDr B: HSIL"
    press(dock, "n", "p")
    press(dock, "5")
    qtbot.waitUntil(lambda: dock.agreement.settle.text() == "Settle 1", timeout=LONG)
    event = study.events()[-1]
    assert (event.kind, event.reader, set(event.payload["settles"])) == ("relabel", "", {"", "Dr B"})
    assert dock.work.cells.label(1) == "HSIL"
    assert dock.cell.state.text() == "Common reading: HSIL\nDr B: LSIL"
    press(dock, "a")
    qtbot.waitUntil(lambda: dock.place.text() == "Nothing is left to settle on this slide.", timeout=LONG)
    press(dock, "a")
    assert len(study.events()) == 11
    QTest.keyClick(dock, "z", Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: dock.agreement.settle.text() == "Settle 1", timeout=LONG)
    QTest.mouseClick(dock.readers.compare, Qt.MouseButton.LeftButton)
    assert dock.gallery.isVisible()
    press(dock, "n", "u")
    assert study.events()[-1].kind == "unsure"
    assert State(int(study.cells(slide.info.identity, run).states[4])) is State.UNSURE
    assert agreement(study).kappa.cells == 4
