"""The card *Between two labs*: choosing slides, what is missing, a job from start to its translator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from laboratories import BLUE, PINK, draw_smear, write_fields, write_slide
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from cytoshift.jobs import Job, TrainSpec, create, new_job_folder
from cytoshift.jobs.events import Sample
from cytoshift.slides import open_slide
from napari_cytoshift.widgets.adapt import AdaptDock
from napari_cytoshift.widgets.adapt_lab_files import Chosen
from napari_cytoshift.widgets.adapt_samples import SampleView
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]
JOB_MS = 240_000

TINY = (
    "crop=32",
    "rehearsal=0",
    "training.steps=3",
    "training.validate_every=1",
    "architecture.tile=256",
    "architecture.generator={arch='plain', width=4, blocks=1}",
    "critics.width=4",
    "contrast={taps=[0, 2], places=8, width=8}",
    "training.device='cpu'",
)


@pytest.fixture
def labs(tmp_path: Path) -> tuple[str, str]:
    """Return a slide of one laboratory, and a folder of images of another one."""
    slide = write_slide(tmp_path / "lab-a.tif", draw_smear(7, 1024, 1024, PINK), 0.5)
    return slide, write_fields(tmp_path / "lab-b", 4, 128, BLUE)


@pytest.fixture
def dock(make_napari_viewer: Make, qtbot: Any) -> AdaptDock:
    """Return the dock with the card open, which measures no computer."""
    dock = AdaptDock(make_napari_viewer())
    qtbot.addWidget(dock)
    dock.labs._durations = {(method, small): 600.0 for method in ("unsb", "fastcut") for small in (True, False)}
    dock.show()
    dock.labs.head.click()
    return dock


def test_one_card_is_open_and_makes_room(dock: AdaptDock) -> None:
    assert dock.labs.open
    assert not dock.learn.open
    dock.learn.head.click()
    assert (dock.labs.open, dock.learn.open) == (False, True)
    dock.learn.head.click()
    assert (dock.labs.open, dock.learn.open) == (False, False)


def test_it_says_what_is_missing(dock: AdaptDock, labs: tuple[str, str]) -> None:
    card = dock.labs
    assert card.ready.text() == "Still missing: slides of A and of B."
    card.source.take((Chosen(labs[0], "lab-a.tif"),))
    assert card.ready.text() == "Still missing: slides of B."
    assert not card.begin.isEnabled()
    card.target.take((Chosen(labs[0], "lab-a.tif", (0.5, 0.5)),))
    assert card.ready.text() == "lab-a.tif is in A and in B; remove it from one of them."
    card.target.set_chosen((Chosen(labs[1], "lab-b", images=4),))
    assert card.ready.text() == "Still missing: µm/px of lab-a.tif; open it and set them in Slide."
    slide = open_slide(labs[0]).calibrated((0.5, 0.5))
    dock.workspace.calibrated.emit(slide)
    assert card.ready.text() == "Takes about 10 min on this computer; it can be stopped early."
    assert card.direction.text() == "Slides of A will look as B's: lab-a.tif as lab-b."
    assert card.begin.isEnabled()
    card.swap.click()
    assert card.direction.text() == "Slides of A will look as B's: lab-b as lab-a.tif."
    assert card.title.placeholderText() == "As lab-a.tif"


def test_slides_come_from_the_window_and_from_files(
    dock: AdaptDock, labs: tuple[str, str], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = dock.labs.source
    dock.workspace.show(open_slide(labs[0]))
    source.fill_menu()
    actions = [action for action in source.menu.actions() if action.text()]
    assert [action.text() for action in actions] == ["lab-a.tif  ·  0.5 µm/px", "Files…", "Folder of images…"]
    actions[0].trigger()
    assert [one.name for one in source.chosen] == ["lab-a.tif"]
    dock.labs.target.fill_menu()
    assert len([action for action in dock.labs.target.menu.actions() if action.text()]) == 2  # not offered twice
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: labs[1])
    source.choose_folder()
    qtbot.waitUntil(lambda: len(source.chosen) == 2, timeout=JOB_MS)
    assert [source.list.item(row).text() for row in range(2)] == ["lab-a.tif  ·  0.5 µm/px", "lab-b  ·  4 images"]
    assert source.scale.isVisible()
    source.list.setCurrentRow(0)
    qtbot.keyClick(source.list, Qt.Key.Key_Delete)
    assert [one.name for one in source.chosen] == ["lab-b"]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (["/nowhere/gone.svs"], ""))
    source.choose_files()
    qtbot.waitUntil(lambda: "gone.svs does not exist" in dock.message.text, timeout=JOB_MS)


def test_a_job_shows_what_it_learns_and_its_translator_can_be_used(
    dock: AdaptDock, labs: tuple[str, str], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, registry = dock.labs, dock.workspace.registry
    card.further = TINY
    for chooser, path in ((card.source, labs[0]), (card.target, labs[1])):
        chooser.take_files([path])
    qtbot.waitUntil(lambda: bool(card.source.chosen and card.target.chosen), timeout=JOB_MS)
    card.target.scale.setValue(0.5)
    card.method.setCurrentIndex(card.method.findData("fastcut"))
    qtbot.keyClicks(card.title, "As our second scanner")
    qtbot.mouseClick(card.begin, Qt.MouseButton.LeftButton)
    assert not card.begin.isEnabled()
    qtbot.waitUntil(lambda: dock.chosen is not None, timeout=JOB_MS)
    qtbot.waitUntil(lambda: not card.open, timeout=JOB_MS)  # room for the curve and the tiles
    assert dock.chosen is not None
    spec = dock.chosen.job.spec
    assert isinstance(spec, TrainSpec)
    assert spec.recipe["target"]["mpp"] == 0.5
    qtbot.waitUntil(lambda: dock.chosen.state not in ("queued", "running"), timeout=JOB_MS)
    result = dock.chosen.result
    assert result is not None
    assert result.state == "done", result.message
    qtbot.waitUntil(lambda: [sample.step for sample in dock._course.samples] == [1, 2, 3], timeout=JOB_MS)
    qtbot.waitUntil(lambda: dock.panel.samples.picture.pixmap().width() > 1, timeout=JOB_MS)
    assert dock.panel.samples.isVisible()
    assert "structure kept" in dock.panel.verdict.text()
    assert not dock.panel.outcome.isVisible()
    assert "As our second scanner" in [found.title for found in registry.list("translation")]
    assert result.model == "as-our-second-scanner-fastcut"
    seen: list[str] = []
    monkeypatch.setattr(dock, "go_to", lambda name: type("Compare", (), {"see": staticmethod(seen.append)}))
    dock.panel.compare.click()
    assert dock.message.text.startswith("Open a slide first")
    dock.workspace.show(open_slide(labs[0]))
    dock.panel.compare.click()
    assert seen == ["model:as-our-second-scanner-fastcut"]
    dock.panel.adopt.click()
    assert registry.adopted("translation") == "as-our-second-scanner-fastcut"
    assert dock.panel.used.text() == "In use: As our second scanner"
    assert registry.adopted("detector") is None
    dock.panel.back.click()
    assert registry.adopted("translation") is None


def test_the_newest_sample_is_shown_and_earlier_ones_on_request(
    make_napari_viewer: Make, tmp_path: Path, qtbot: Any
) -> None:
    view = SampleView(Workspace.of(make_napari_viewer()))
    qtbot.addWidget(view)
    view.resize(300, 200)
    view.show()
    samples = []
    for step in (1, 2, 3):
        path = tmp_path / f"{step}.png"
        Image.fromarray(np.full((20, 60, 3), 80 * step, np.uint8)).save(path)
        samples.append(Sample(step, path))

    def shown() -> int:
        image = view.picture.pixmap().toImage()
        return 0 if image.isNull() else image.pixelColor(image.width() // 2, image.height() // 2).red()

    view.show_samples(samples[:2])
    qtbot.waitUntil(lambda: shown() == 160, timeout=JOB_MS)
    view.show_samples(samples)
    qtbot.waitUntil(lambda: shown() == 240, timeout=JOB_MS)
    qtbot.mouseClick(view.older, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(view.older, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown() == 80, timeout=JOB_MS)
    assert not view.older.isEnabled()
    view.show_samples(samples)  # looking at an old one is not disturbed
    assert view.words.text().startswith("Step 1:")
    qtbot.mouseClick(view.picture, Qt.MouseButton.LeftButton)
    assert (view.large.isVisible(), view.large.pixmap().width()) == (True, 60)
    assert view.large.windowTitle().startswith("Step 1:")


def test_events_of_samples_reach_the_panel(dock: AdaptDock, qtbot: Any) -> None:
    folder = new_job_folder(dock.workspace.study.folder, "translate")
    job: Job = create(TrainSpec(name="x", title="As B", recipe={"task": "translation"}), folder)
    (folder / "samples").mkdir()
    Image.fromarray(np.zeros((20, 60, 3), np.uint8)).save(folder / "samples" / "000004.png")
    lines = [
        {"kind": "sample", "step": 4, "path": "samples/000004.png"},
        {"kind": "sample", "step": 5, "path": "../../../secret.png"},
    ]
    (job.folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    dock.open_card(None)
    dock.refresh()
    qtbot.waitUntil(lambda: bool(dock._course.samples), timeout=JOB_MS)
    assert [sample.step for sample in dock._course.samples] == [4]
    assert dock.panel.samples.isVisible()
    dock.open_card(dock.labs)
    assert not dock.panel.samples.isVisible()
