"""The Adapt dock: what is missing, a job from start to adoption, and what is said of its worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image
from qtpy.QtWidgets import QMessageBox

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.jobs import JobResult, LearnSpec, create, new_job_folder, process
from cytoshift.jobs.events import EventLog
from cytoshift.jobs.folder import EVENTS, RUNNER, write_json
from cytoshift.jobs.process import identify
from cytoshift.jobs.result import write_result
from cytoshift.models.card import Card
from cytoshift.slides import open_slide
from cytoshift.study.palette import BETHESDA
from napari_cytoshift.layers.findings import know
from napari_cytoshift.widgets.adapt import AdaptDock
from napari_cytoshift.widgets.adapt_jobs import Course, look
from napari_cytoshift.widgets.adapt_learn import NO_FIELD
from napari_cytoshift.widgets.find import FindDock
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]
JOB_MS = 240_000


@pytest.fixture
def workspace(make_napari_viewer: Make, tmp_path: Path) -> Workspace:
    """Return a workspace with an untaught detector in use and a slide with findings."""
    import torch

    from cytoshift.detection import Architecture, build_network
    from cytoshift.models import Registry, save_model

    torch.manual_seed(0)
    plan = Architecture(channels=32, tile=256, halo=32)
    card = Card(
        id="untaught",
        title="Untaught",
        task="detector",
        classes=BETHESDA,
        mpp=0.5,
        architecture=plan.model_dump(mode="json"),
    )
    save_model(tmp_path / "model", card, build_network(plan, len(BETHESDA)).state_dict())
    registry = Registry()
    registry.add(tmp_path / "model")
    registry.adopt("untaught")
    workspace = Workspace.of(make_napari_viewer())
    show_cells(workspace, tmp_path / "field.png")
    return workspace


def show_cells(workspace: Workspace, path: Path) -> str:
    """Show a field with eight cells that are known."""
    pixels = np.full((400, 800, 3), 225, np.uint8)
    boxes = np.array(
        [(40 + 180 * (i % 4), 60 + 180 * (i // 4), 100 + 180 * (i % 4), 120 + 180 * (i // 4)) for i in range(8)]
    )
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = (90, 60, 120)
    Image.fromarray(pixels).save(path)
    slide = open_slide(path).calibrated((0.25, 0.25), 40)
    workspace.show(slide)
    known = Provenance(slide.info.identity, "by-hand")
    findings = Findings(boxes.astype(np.float32), np.ones(8, np.float32), np.full(8, 4, np.int16), BETHESDA, known)
    assert workspace.cells.identity in ("", slide.info.identity)
    know(workspace.study, slide)
    run = workspace.study.add_findings(findings)
    workspace.set_findings(slide, findings, run)
    return run


def mark(workspace: Workspace) -> None:
    """Mark the whole field as complete."""
    cells = workspace.cells
    cells.correct(lambda study, slide: study.mark_complete(slide, (0, 0, 800, 400), cells.run, 0.5))


def test_it_says_what_is_missing_until_a_field_is_complete(workspace: Workspace, qtbot: Any) -> None:
    assert workspace.viewer is not None
    dock = AdaptDock(workspace.viewer)
    qtbot.addWidget(dock)
    dock.show()
    assert dock.learn.ready.text() == NO_FIELD
    assert not dock.learn.begin.isEnabled()
    assert not dock.learn.review.isHidden()
    mark(workspace)
    assert dock.learn.ready.text().startswith("How long it will take")
    assert dock.learn.begin.isEnabled()
    qtbot.waitUntil(lambda: "Takes about" in dock.learn.ready.text(), timeout=JOB_MS)
    qtbot.waitUntil(lambda: dock.learn.contents.words("Fields") != "", timeout=JOB_MS)
    assert dock.learn.contents.words("Fields").startswith("1 complete field on 1 slide, ")
    assert all("■" in dock.learn.contents.words(title) for title in ("Cells", "Held back"))
    assert dock.learn.review.isHidden()
    workspace.study.undo()
    workspace.corrected.emit(workspace.cells.identity)
    assert not dock.learn.begin.isEnabled()


def test_a_job_runs_is_adopted_and_taken_back(workspace: Workspace, qtbot: Any) -> None:
    viewer = workspace.viewer
    assert viewer is not None
    mark(workspace)
    dock, find = AdaptDock(viewer), FindDock(viewer)
    dock.learn.steps.setValue(2)
    dock.learn.further = ("training.batch=1", "training.validate_every=1", "views.crop=64", "data.remembered=2")
    dock.learn.begin.click()
    qtbot.waitUntil(lambda: dock.chosen is not None and dock.chosen.state in ("queued", "running"), timeout=JOB_MS)
    assert not dock.panel.stop.isHidden()
    again = AdaptDock(viewer)  # as a window that is opened later finds the job
    qtbot.waitUntil(lambda: again.chosen is not None, timeout=JOB_MS)
    qtbot.waitUntil(lambda: dock.chosen.state not in ("queued", "running"), timeout=JOB_MS)
    assert dock.chosen is not None
    result = dock.chosen.result
    assert result is not None
    assert result.state == "done", result.message
    assert dock.panel.plot._course.steps == [1, 2]
    assert not dock.panel.outcome.isHidden()
    assert dock.panel.outcome.overall.cells["mAP50", "after"].text().startswith(f"{result.after['mAP50']:.2f}")
    assert dock.panel.adopt.text() == "Adopt, though unproven"
    assert not dock.panel.adopt.isHidden()
    dock.panel.adopt.click()
    assert workspace.registry.adopted("detector") == result.model
    assert find.models.model.currentData() == result.model
    assert dock.panel.adopt.isHidden()
    dock.panel.back.click()
    assert workspace.registry.adopted("detector") == "untaught"
    assert find.models.model.currentData() == "untaught"
    dock.panel.keep.click()
    assert dock.panel.keep.isHidden()
    assert again.chosen is not None


def test_cancelling_asks_first(workspace: Workspace, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = workspace.viewer
    assert viewer is not None
    folder = new_job_folder(workspace.study.folder, "learn")
    job = create(LearnSpec(title="Learn", study=str(workspace.study.folder)), folder)
    dock = AdaptDock(viewer)
    qtbot.waitUntil(lambda: dock.chosen is not None)
    assert not dock.panel.resume.isHidden()
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    dock.panel.ask_cancel()
    assert job.state == "interrupted"
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    dock.panel.ask_cancel()
    qtbot.waitUntil(lambda: job.state == "cancelled")
    qtbot.waitUntil(lambda: dock.chosen is not None and dock.chosen.state == "cancelled")
    assert "no model" in dock.panel.note.text()


def test_what_a_job_says_becomes_a_course_and_a_resumed_one_goes_back() -> None:
    course = Course()
    for step in (1, 2, 3):
        course.add({"kind": "loss", "step": step, "classification": 1.0, "boxes": 0.5 * step, "time": 9.0})
    course.add({"kind": "progress", "step": 3, "total": 10, "eta": 7.0})
    course.add({"kind": "validation", "step": 3, "mAP50": 0.4})
    assert course.losses == [1.5, 2.0, 2.5]
    assert course.smooth == pytest.approx([1.5, 1.55, 1.645])
    assert (course.step, course.total, course.eta, course.scores) == (3, 10, 7.0, [(3, "mAP50", 0.4)])
    course.add({"kind": "loss", "step": 2, "classification": 5.0, "time": 10.0})
    assert course.steps == [1, 2]
    assert course.losses == [1.5, 5.0]


def test_a_curve_begins_anew_where_the_loss_is_another_one() -> None:
    course = Course()
    for step in (1, 2):
        course.add({"kind": "loss", "step": step, "repetition": 0.1, "time": 9.0})
    course.add({"kind": "loss", "step": 3, "adversarial": 0.5, "contrast": 30.0, "time": 9.0})
    assert (course.steps, course.losses, course.smooth) == ([3], [30.5], [30.5])


def test_a_look_reads_only_what_is_new(tmp_path: Path) -> None:
    folder = new_job_folder(tmp_path, "learn")
    create(LearnSpec(title="Learn", study=str(tmp_path)), folder)
    events = folder / "events.jsonl"
    events.write_text(json.dumps({"kind": "note", "text": "one"}) + "\n")
    first = look(tmp_path, "", 0)
    assert first.chosen == "learn-1"
    assert [event["text"] for event in first.events] == ["one"]
    with events.open("a") as file:
        file.write(json.dumps({"kind": "note", "text": "two"}) + "\n")
    second = look(tmp_path, "learn-1", first.position)
    assert [event["text"] for event in second.events] == ["two"]
    assert look(tmp_path / "elsewhere", "", 0).jobs == ()


def test_a_job_that_waits_says_for_which_and_can_be_paused(
    workspace: Workspace, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = workspace.viewer
    assert viewer is not None
    folders = [new_job_folder(workspace.study.folder, "learn") for _ in range(2)]
    first, second = (create(LearnSpec(title="Learn", study=str(workspace.study.folder)), folder) for folder in folders)
    here = identify(psutil.Process())
    write_json(first.folder / RUNNER, {**here, "state": "running", "device": "cpu"})
    write_json(second.folder / RUNNER, {**here, "state": "queued", "device": "cpu", "came": 1, "behind": first.name})
    dock = AdaptDock(viewer)
    qtbot.waitUntil(lambda: "waits for learn-1" in dock.jobs.currentText())
    assert dock.panel.note.text() == "Waits for learn-1…"
    assert dock.panel.resume.isHidden()
    assert dock.panel.progress.isHidden()
    dock.panel.pause.click()
    qtbot.waitUntil(lambda: dock.panel.note.text() == "About to pause…")
    assert dock.panel.pause.isHidden()
    dock.panel.resume.click()
    qtbot.waitUntil(lambda: not dock.panel.pause.isHidden())
    (second.folder / RUNNER).unlink()
    write_result(JobResult(state="paused", message="Paused; resume the job to go on from here."), second.folder)
    qtbot.waitUntil(lambda: "paused" in dock.jobs.currentText())
    assert dock.panel.note.text().startswith("Paused; resume")
    assert not dock.panel.resume.isHidden()
    launched = []
    monkeypatch.setattr(process, "_launch", launched.append)
    dock.resume()
    qtbot.waitUntil(lambda: launched == [second.folder])


def test_a_resumed_job_is_drawn_once() -> None:
    course = Course()
    for step in (1, 2, 3, 2, 3, 4):
        course.add({"kind": "loss", "step": step, "error": float(step)})
        course.add({"kind": "validation", "step": step, "mAP50": step / 10})
    assert course.steps == [1, 2, 3, 4]
    assert course.losses == [1, 2, 3, 4]
    assert course.scores == [(step, "mAP50", step / 10) for step in (1, 2, 3, 4)]


def test_memory_is_shown_beside_the_time_left(workspace: Workspace, qtbot: Any) -> None:
    viewer = workspace.viewer
    assert viewer is not None
    folder = new_job_folder(workspace.study.folder, "learn")
    job = create(LearnSpec(title="Learn", study=str(workspace.study.folder)), folder)
    write_json(job.folder / RUNNER, {**identify(psutil.Process()), "state": "running"})
    with EventLog(job.folder / EVENTS) as log:
        log.emit({"kind": "note", "text": "memory ran out", "lasting": True})
        log.emit({"kind": "progress", "step": 3, "total": 10, "eta": 120.0, "memory": (3 << 29, 24 << 30)})
    dock = AdaptDock(viewer)
    qtbot.waitUntil(
        lambda: dock.panel.note.text() == "Step 3 of 10  ·  about 2 min  ·  memory 1.5 of 24 GB\nMemory ran out."
    )
