"""The cells that changed between a model and its parent: listed with pictures, and a click leads to the place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.jobs import JobResult, LearnSpec, SlideSource, create, new_job_folder
from cytoshift.jobs.changed_cells import ChangedCell, ChangedCells, write_changes
from cytoshift.jobs.folder import WORK
from cytoshift.jobs.gain import Gain, Number, Trust
from cytoshift.jobs.result import write_result
from cytoshift.slides import open_slide
from napari_cytoshift.widgets.adapt import AdaptDock

LONG = 60_000
PURPLE = (90, 60, 120)


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Return the picture of a field with one cell, which is a slide of its own."""
    pixels = np.full((400, 800, 3), 225, np.uint8)
    pixels[300:340, 600:640] = PURPLE
    Image.fromarray(pixels).save(tmp_path / "field.png")
    return tmp_path / "field.png"


def finish(dock: AdaptDock, field: Path, *boxes: tuple[float, float, float, float]) -> None:
    """Leave a finished job in the study, in which a model gained cells at some places."""
    study = dock.workspace.study.folder
    identity = open_slide(field).info.identity
    source = SlideSource(identity=identity, path=str(field))
    job = create(LearnSpec(title="Learn", study=str(study), slides=(source,)), new_job_folder(study, "learn"))
    (job.folder / WORK / "data").mkdir(parents=True)
    (job.folder / WORK / "data" / "field.png").write_bytes(field.read_bytes())
    cells = [
        ChangedCell(
            kind="gained", before="", after="HSIL", truth="HSIL", image="field.png", in_image=b, slide=identity, box=b
        )
        for b in boxes
    ]
    write_changes(ChangedCells(cells=tuple(cells)), job.folder)
    numbers = {"mAP50": Number(before=0.4, after=0.5, change_ends=(0.05, 0.15))}
    gain = Gain(on="1 field", over="fields", units=6, main="mAP50", numbers=numbers)
    trust = Trust(gain=gain, no_home="they are not at hand")
    write_result(JobResult(state="done", model="taught", model_folder="gone", trust=trust), job.folder)
    dock.refresh()


@pytest.fixture
def dock(make_napari_viewer: Callable[..., Any]) -> AdaptDock:
    return make_napari_viewer(show=True).window.add_plugin_dock_widget("napari-cytoshift", "Adapt")[1]


def test_a_changed_cell_is_shown_and_leads_to_its_place(dock: AdaptDock, field: Path, qtbot: Any) -> None:
    dock.open_card(None)
    finish(dock, field, (600, 300, 640, 340))
    changes, pages = dock.panel.outcome.changes, dock.panel.outcome.pages
    qtbot.waitUntil(lambda: changes.list.topLevelItemCount() == 1, timeout=LONG)
    assert changes.words.text() == "gained 1 (1 rightly)"
    place = pages.indexOf(changes)
    qtbot.waitUntil(lambda: pages.isTabVisible(place), timeout=LONG)
    item = changes.list.topLevelItem(0)
    assert item is not None
    assert [item.text(k) for k in range(4)] == ["gained", "–", "HSIL", "HSIL"]
    picture = item.icon(0).pixmap(40, 40).toImage()
    assert picture.pixelColor(20, 20).getRgb()[:3] == PURPLE
    assert picture.pixelColor(2, 2).getRgb()[:3] == (225, 225, 225)

    pages.setCurrentIndex(place)
    assert dock.workspace.active is None
    at = changes.list.visualItemRect(item).center()
    QTest.mouseClick(changes.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: dock.workspace.active is not None, timeout=LONG)
    slide = dock.workspace.active
    assert slide is not None

    def around() -> bool:
        view = dock.workspace.view_box(slide)
        return view is not None and view[0] < 600 and view[2] > 640 and view[2] - view[0] < 800

    qtbot.waitUntil(around, timeout=LONG)


def test_a_slide_that_was_moved_is_said_to_be(dock: AdaptDock, field: Path, qtbot: Any) -> None:
    dock.open_card(None)
    finish(dock, field, (600, 300, 640, 340))
    changes = dock.panel.outcome.changes
    qtbot.waitUntil(lambda: changes.list.topLevelItemCount() == 1, timeout=LONG)
    field.unlink()
    changes.list.setCurrentItem(changes.list.topLevelItem(0))
    qtbot.waitUntil(lambda: "not where it was" in dock.message.text, timeout=LONG)


def test_two_models_that_find_the_same_have_no_page_of_changes(dock: AdaptDock, field: Path, qtbot: Any) -> None:
    finish(dock, field)
    outcome = dock.panel.outcome
    qtbot.waitUntil(lambda: outcome.changes.words.text() == "Both find the same cells.", timeout=LONG)
    assert not outcome.pages.isTabVisible(outcome.pages.indexOf(outcome.changes))
