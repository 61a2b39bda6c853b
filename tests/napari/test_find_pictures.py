"""The pictures of the Find dock in its guide, taken where CYTOSHIFT_IMAGES names a folder for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QScrollArea

from cytoshift.slides import open_slide
from napari_cytoshift.widgets.find import FindDock

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")
SCREEN = (1366, 768)
LONG = 180_000

DATA = Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data"))
FIELD = DATA / "cervical/cric/images/ec14a8dad00ce2aa24bae8dd2683077b.jpg"


@pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")
@pytest.mark.skipif(not FIELD.exists(), reason=f"{FIELD} is not there")
def test_the_guide_shows_the_dock_on_a_small_screen(make_napari_viewer: Callable[..., Any], qtbot: Any) -> None:
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(*SCREEN)
    dock: FindDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Find")[1]
    slide = open_slide(FIELD)
    dock.workspace.show(slide)
    dock.workspace.calibrate(slide, (0.25, 0.25))
    dock.where.setCurrentIndex(dock.where.findData("tissue"))

    def picture(name: str) -> None:
        qtbot.waitUntil(lambda: all(layer.loaded for layer in viewer.layers), timeout=LONG)
        qtbot.wait(500)
        viewer.screenshot(str(Path(FOLDER) / name), canvas_only=False, flash=False)
        assert (window.width(), window.height()) == SCREEN

    dock.run.click()
    qtbot.waitUntil(lambda: not dock.busy.busy, timeout=LONG)
    dock.rows.sliders["HSIL"].setValue(15)
    picture("find.png")
    assert not [area for area in dock.findChildren(QScrollArea) if area.verticalScrollBar().isVisible()]
    dock.models.card.head.click()
    picture("find-card.png")
