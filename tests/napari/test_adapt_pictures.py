"""Pictures of the Adapt dock in the guide; taken where CYTOSHIFT_IMAGES names a folder for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cytoshift.slides import open_slide
from cytoshift.training.coco import read_coco
from cytoshift.training.recipe import load_recipe
from cytoshift.translation import TranslationRecipe
from napari_cytoshift.widgets.adapt_lab_files import Chosen

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")
LONG = 3_600_000
SCREEN = (1366, 768)
FIELDS = 14
AFTER = 300
"""Steps after those that only repeat."""


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any]) -> Any:
    shown = make_napari_viewer(show=True)
    shown.window._qt_window.resize(*SCREEN)
    return shown


@pytest.fixture
def dock(viewer: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-cytoshift", "Adapt")[1]


@pytest.mark.skipif(not FOLDER, reason="the picture is taken where CYTOSHIFT_IMAGES names a folder")
@pytest.mark.timeout(4000)
def test_the_guide_shows_a_translator_that_learns(viewer: Any, dock: Any, data: Path, qtbot: Any) -> None:
    for chooser, lab, half in ((dock.labs.source, "cric-scanner-b", "b"), (dock.labs.target, "cric", "a")):
        fields = read_coco(data / "cervical" / lab, "train", half).fields[:FIELDS]
        chooser.take(tuple(Chosen(str(field.path), field.path.name, (0.25, 0.25)) for field in fields))
    dock.workspace.show(open_slide(dock.labs.source.chosen[3].path).calibrated((0.25, 0.25), 40))
    shown = load_recipe("sc-unsb-small", TranslationRecipe).rehearsal + AFTER
    dock.labs.further = ("training.validate_every=100",)
    dock.labs.title.setText("As our own scanner")
    dock.labs.start()
    course = dock._course
    qtbot.waitUntil(lambda: dock.message.text or dock._course is not course, timeout=LONG)
    assert not dock.message.text
    qtbot.waitUntil(lambda: any(sample.step >= shown for sample in dock._course.samples), timeout=LONG)
    qtbot.wait(2000)  # for the tiles to be read and the curve to be drawn
    viewer.screenshot(str(Path(FOLDER) / "translate-adapt.png"), canvas_only=False, flash=False)
    window = viewer.window._qt_window
    assert (window.width(), window.height()) == SCREEN
    dock.chosen.job.cancel()
    qtbot.waitUntil(lambda: not dock.chosen.job.alive, timeout=LONG)


@pytest.mark.skipif(not FOLDER, reason="the picture is taken where CYTOSHIFT_IMAGES names a folder")
@pytest.mark.timeout(600)
def test_the_guide_shows_slides_that_are_to_look_like_the_models(
    viewer: Any, dock: Any, data: Path, qtbot: Any
) -> None:
    fields = read_coco(data / "cervical" / "cric-scanner-b", "train", "b").fields[:3]
    chosen = tuple(Chosen(str(field.path), field.path.name, (0.25, 0.25)) for field in fields)
    dock.workspace.show(open_slide(chosen[0].path).calibrated((0.25, 0.25), 40))
    card = dock.looks
    card.slides.set_chosen(chosen)
    card.head.click()
    qtbot.waitUntil(lambda: card.contents.words("From home") != "" and "Takes" in card.ready.text(), timeout=LONG)
    card.nearest.rank.click()
    qtbot.waitUntil(card.nearest.use.isVisible, timeout=LONG)
    qtbot.wait(2000)  # for the tiles to be read
    viewer.screenshot(str(Path(FOLDER) / "adapt-look.png"), canvas_only=False, flash=False)
    window = viewer.window._qt_window
    assert (window.width(), window.height()) == SCREEN
