"""The card that teaches the classifier of mitoses: when it is there, what it says, and its job up to adoption."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.jobs import JobResult, create
from cytoshift.jobs.events import EventLog
from cytoshift.jobs.folder import EVENTS
from cytoshift.jobs.gain import Gain, Number, Trust
from cytoshift.jobs.result import write_result
from cytoshift.mitosis.classes import ATYPICAL, NORMAL
from cytoshift.models import Card, Model, save_model
from cytoshift.slides import open_slide
from napari_cytoshift.layers.findings import know
from napari_cytoshift.widgets import adapt_card
from napari_cytoshift.widgets.adapt import AdaptDock
from napari_cytoshift.widgets.adapt_mitosis import MitosisCard
from napari_cytoshift.widgets.find import FindDock

Make = Callable[..., Any]
LONG = 60_000
SCREEN = (1366, 768)


@pytest.fixture
def dock(make_napari_viewer: Make, tmp_path: Path) -> AdaptDock:
    """Return the dock of a shown window with a slide on which nobody decided yet."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(*SCREEN)
    Image.fromarray(np.full((1000, 1600, 3), 225, np.uint8)).save(tmp_path / "field.png")
    made: AdaptDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Adapt")[1]
    slide = open_slide(tmp_path / "field.png").calibrated((0.25, 0.25), 40)
    made.workspace.show(slide)
    know(made.workspace.study, slide)
    return made


def decide(dock: AdaptDock, label: str, number: int) -> None:
    """Add mitoses, each beside those that are there."""
    cells, known = dock.workspace.cells, len(dock.workspace.study.cells(dock.workspace.cells.identity))
    for at in range(known, known + number):
        x, y = 30 + at % 10 * 150, 30 + at // 10 * 150
        cells.correct(lambda study, slide, x=x, y=y: study.add(slide, (x, y, x + 40, y + 40), label))


def add_classifier(dock: AdaptDock, folder: Path, name: str) -> Model:
    """Put a classifier into the registry of which nobody asks anything."""
    import torch

    card = Card(id=name, title=name.title(), task="mitosis", classes=(NORMAL, ATYPICAL), mpp=0.25)
    return save_model(dock.workspace.registry.root / "mitosis" / name, card, {"weight": torch.zeros(1)})


def says(card: MitosisCard, words: str) -> Callable[[], bool]:
    return lambda: card.ready.text() == words


def _counts(card: MitosisCard) -> list[str]:
    """Return how many cells of each class the card shows."""
    return re.findall(r"(\d+)(?:&nbsp; |$)", card.contents.words("Cells"))


def test_the_card_counts_what_is_decided_and_says_what_is_missing(dock: AdaptDock, tmp_path: Path, qtbot: Any) -> None:
    card = dock.mitosis
    qtbot.waitUntil(lambda: card.ready.text() != "Counting what you decided on…", timeout=LONG)
    assert card.isHidden()
    decide(dock, ATYPICAL, 3)
    qtbot.waitUntil(card.isVisible, timeout=LONG)
    QTest.mouseClick(card.head, Qt.MouseButton.LeftButton)
    decide(dock, NORMAL, 9)
    few = "3 atypical mitoses are too few; decide on at least 8 of each kind."
    qtbot.waitUntil(lambda: _counts(card) == ["9", "3"], timeout=LONG)
    assert card.ready.text() == few
    assert card.contents.words("Mitoses") == "decided on, on 1 slide"
    assert not card.begin.isEnabled()
    assert card.review.isVisible()
    assert not dock.learn.open
    assert dock.workspace.viewer.window._qt_window.height() == SCREEN[1]
    dock.workspace.study.undo()
    dock.workspace.corrected.emit(dock.workspace.cells.identity)
    qtbot.waitUntil(lambda: _counts(card) == ["8", "3"], timeout=LONG)


def test_a_classifier_in_use_shows_the_card(dock: AdaptDock, tmp_path: Path, qtbot: Any) -> None:
    assert dock.mitosis.isHidden()
    dock.workspace.registry.adopt(add_classifier(dock, tmp_path, "atypia").card.id)
    dock.workspace.models_changed.emit()
    assert dock.mitosis.isVisible()
    few = "Nobody decided on normal and atypical mitoses yet; decide on at least 8 of each kind in Review."
    qtbot.waitUntil(says(dock.mitosis, few), timeout=LONG)


def test_what_the_job_made_is_adopted_and_used_to_find(
    dock: AdaptDock, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, card = dock.workspace, dock.mitosis
    workspace.registry.adopt(add_classifier(dock, tmp_path, "atypia").card.id)
    monkeypatch.setattr(adapt_card, "start", create)  # the process is that of every job
    monkeypatch.setattr("cytoshift.jobs.duration_mitosis.teaching_seconds", lambda *_: 130.0)
    decide(dock, ATYPICAL, 8)
    decide(dock, NORMAL, 8)
    qtbot.waitUntil(card.isVisible, timeout=LONG)
    QTest.mouseClick(card.head, Qt.MouseButton.LeftButton)
    takes = "Takes about 2 min on this computer; it can be stopped early."
    qtbot.waitUntil(says(card, takes), timeout=LONG)
    QTest.mouseClick(card.begin, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.chosen is not None, timeout=LONG)
    assert dock.chosen is not None
    job = dock.chosen.job
    assert (job.name, job.spec.task, Path(job.spec.parent).name) == ("mitosis-1", "mitosis", "atypia")
    assert not card.open

    with EventLog(job.folder / EVENTS) as log:
        log.emit({"kind": "loss", "step": 1, "classification": 0.7})
        log.emit({"kind": "progress", "step": 1, "total": 2, "eta": 1.0})
        log.emit({"kind": "validation", "step": 1, "AUC": 0.8, "balanced accuracy": 0.75, "score": 0.775})
    made = add_classifier(dock, tmp_path, "taught")
    numbers = {"balanced accuracy": Number(before=0.5, after=0.75, change_ends=(0.05, 0.45))}
    on = "5 mitoses of 1 slide, held back"
    gain = Gain(on=on, over="mitoses", units=5, main="balanced accuracy", numbers=numbers)
    folder, trust = str(made.folder), Trust(gain=gain, no_home="they are not at hand")
    write_result(JobResult(state="done", model="taught", model_folder=folder, trust=trust), job.folder)
    dock.refresh()
    qtbot.waitUntil(lambda: dock.chosen is not None and dock.chosen.state == "done", timeout=LONG)
    panel = dock.panel
    assert dock._course.scores == [(1, "balanced accuracy", 0.75)]
    assert panel.outcome.verdict.text() == (
        "Better: balanced accuracy 0.50 to 0.75 (+0.25, 95 %: +0.05 to +0.45) on 5 mitoses of 1 slide, held back."
    )
    assert panel.outcome.overall.cells["balanced accuracy", "change"].text().startswith("▲ +0.25")
    assert ("mAP50", "title") not in panel.outcome.overall.cells
    assert panel.adopt.text() == "Adopt"
    QTest.mouseClick(panel.adopt, Qt.MouseButton.LeftButton)
    assert workspace.registry.adopted("mitosis") == "taught"
    assert panel.used.text() == "In use: Taught"
    assert workspace.viewer is not None
    find = FindDock(workspace.viewer)
    assert find.models.classify.currentData() == "taught"
    QTest.mouseClick(panel.back, Qt.MouseButton.LeftButton)
    assert workspace.registry.adopted("mitosis") == "atypia"
    assert workspace.viewer.window._qt_window.height() == SCREEN[1]
