"""The picture of cells that a taught detector changed, in the guide; taken where CYTOSHIFT_IMAGES names a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.jobs import learning_spec, new_job_folder, start
from cytoshift.slides import open_slide
from cytoshift.study.palette import BETHESDA
from cytoshift.training.coco import read_coco
from napari_cytoshift.layers.findings import know

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")
LONG = 3_600_000
SCREEN = (1366, 768)
FIELDS, STEPS = 8, 20


@pytest.mark.skipif(not FOLDER, reason="the pictures are taken where CYTOSHIFT_IMAGES names a folder")
@pytest.mark.timeout(4000)
def test_the_guide_shows_the_cells_that_changed(
    make_napari_viewer: Callable[..., Any], data: Path, tmp_path: Path, qtbot: Any
) -> None:
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(*SCREEN)
    dock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Adapt")[1]
    study = dock.workspace.study
    fields = read_coco(data / "cervical" / "cric-scanner-b", "val")
    fullest = sorted(fields.fields, key=lambda field: -len(field.boxes))[:FIELDS]
    for field in fullest:
        slide = open_slide(field.path).calibrated((0.25, 0.25), 40)
        know(study, slide)
        identity = slide.info.identity
        run = study.add_findings(Findings.empty(BETHESDA, Provenance(identity, "by-hand")))
        for box, label in zip(field.boxes.tolist(), field.labels.tolist(), strict=True):
            study.add(identity, tuple(box), fields.classes[label])
        study.mark_complete(identity, (0, 0, field.width, field.height), run)
    dock.workspace.show(open_slide(fullest[0].path).calibrated((0.25, 0.25), 40))
    registry = dock.workspace.registry
    spec = learning_spec(
        study.folder, overrides=(f"training.steps={STEPS}", "training.batch=4"), registry=registry.root
    )
    job = start(spec, new_job_folder(study.folder, "learn"))
    dock.open_card(None)
    dock.refresh()
    outcome = dock.panel.outcome
    qtbot.waitUntil(lambda: job.result is not None, timeout=LONG)
    assert job.result is not None
    assert job.result.state == "done", job.result.message
    qtbot.waitUntil(lambda: outcome.changes.list.topLevelItemCount() > 0, timeout=LONG)
    outcome.changes.list.setCurrentItem(outcome.changes.list.topLevelItem(0))
    outcome.pages.setCurrentWidget(outcome.changes)
    qtbot.wait(2000)  # for the tiles to be read
    viewer.screenshot(str(Path(FOLDER) / "adapt-cells.png"), canvas_only=False, flash=False)
