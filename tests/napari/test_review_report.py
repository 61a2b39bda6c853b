"""The report button in the Review dock: asked where, made in the background, and opened."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

from cytoshift.errors import SlideError
from cytoshift.mitosis.classes import ATYPICAL, LOOK_ALIKE, NORMAL
from cytoshift.report import gather
from napari_cytoshift.counting import Counting

Make = Callable[..., Any]

LONG = 60_000


def press(dock: Any, path: Path, monkeypatch: pytest.MonkeyPatch, kind: str = "PDF, to print (*.pdf)") -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), kind))
    QTest.mouseClick(dock.report.make, Qt.MouseButton.LeftButton)


def words_of(path: Path) -> str:
    with pypdfium2.PdfDocument(path) as document:
        return " ".join(sheet.get_textpage().get_text_range() for sheet in document)


def test_a_report_is_written_in_the_background_and_opened(
    make_review: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    dock = make_review(20)
    dock.work.step(1)
    dock.work.accept()
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    press(dock, tmp_path / "smear-report", monkeypatch)
    assert not dock.report.make.isEnabled()
    qtbot.waitUntil(lambda: dock.report.open.isVisible() and dock.report.make.isEnabled(), timeout=LONG)
    if folder := os.environ.get("CYTOSHIFT_PICTURES"):
        dock.workspace.viewer.screenshot(str(Path(folder) / "report.png"), canvas_only=False, flash=False)
    written = tmp_path / "smear-report.pdf"
    assert dock.report.said == "smear-report.pdf is written."
    assert "19 of 20 cells are undecided" in " ".join(words_of(written).split())
    QTest.mouseClick(dock.report.open, Qt.MouseButton.LeftButton)
    assert [url.toLocalFile() for url in opened] == [str(written)]


def test_what_is_shown_is_reported(
    make_review: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    dock = make_review(20)
    dock.workspace.cells.set_threshold(0.9)
    shown = sum(dock.workspace.cells.counts().values())
    assert 0 < shown < 20
    dock.workspace.read_as("Dr B")
    press(dock, tmp_path / "smear.html", monkeypatch)
    qtbot.waitUntil(lambda: dock.report.open.isVisible(), timeout=LONG)
    text = (tmp_path / "smear.html").read_text(encoding="utf-8")
    assert f"on any of the {shown} cells" in text
    assert "reading of Dr B, blinded to all others" in text


def test_the_frame_of_the_mitotic_count_is_the_one_reported(
    make_review: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    classes = (NORMAL, ATYPICAL, LOOK_ALIKE)
    dock = make_review(9, classes=classes, labels=np.resize(np.arange(3, dtype=np.int16), 9))
    counting = Counting.of(dock.workspace.viewer)
    counting.show(True)
    qtbot.waitUntil(lambda: counting.counted is not None, timeout=LONG)
    counting.move((200.0, 200.0))
    press(dock, tmp_path / "count.html", monkeypatch)
    qtbot.waitUntil(lambda: dock.report.open.isVisible(), timeout=LONG)
    assert "chosen by hand" in (tmp_path / "count.html").read_text(encoding="utf-8")


def test_what_goes_wrong_is_one_sentence_in_the_dock(
    make_review: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    dock = make_review(5)
    press(dock, tmp_path / "nowhere" / "report.pdf", monkeypatch)
    qtbot.waitUntil(lambda: "cannot be written" in dock.report.said and dock.report.make.isEnabled(), timeout=LONG)
    assert not dock.report.open.isVisible()

    def gone(*_: object) -> None:
        raise SlideError("smear.svs cannot be read; open it again.")

    monkeypatch.setattr(gather, "find_tissue", gone)
    press(dock, tmp_path / "report.pdf", monkeypatch)
    qtbot.waitUntil(lambda: dock.report.open.isVisible(), timeout=LONG)
    assert "no pictures and no areas: smear.svs cannot be read" in dock.report.said


def test_readings_are_never_mixed(make_review: Make, tmp_path: Path, qtbot: Any, monkeypatch: Any) -> None:
    dock = make_review(5)
    begun, go_on = threading.Event(), threading.Event()
    counted = gather.class_counts

    def wait(*arguments: object) -> object:
        begun.set()
        assert go_on.wait(60)
        return counted(*arguments)

    monkeypatch.setattr(gather, "class_counts", wait)
    dock.report.write(tmp_path / "report.pdf")
    qtbot.waitUntil(begun.is_set, timeout=LONG)
    dock.workspace.read_as("Dr B")
    go_on.set()
    qtbot.waitUntil(lambda: "Another reader began" in dock.report.said, timeout=LONG)
    assert not (tmp_path / "report.pdf").exists()
