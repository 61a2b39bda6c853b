"""The picture of the navigator in its guide, taken where CYTOSHIFT_IMAGES names a folder for it.

Real fields (CRIC Cervix, CC BY 4.0) at 0.5 µm/px lie side by side, faded into glass, in a circle of 4.6 mm.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QScrollArea

from cytoshift.slides import open_slide
from napari_cytoshift.view import look_at
from napari_cytoshift.widgets.slide import SlideDock

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")
THEME = os.environ.get("CYTOSHIFT_THEME", "dark")
SCREEN = tuple(int(side) for side in os.environ.get("CYTOSHIFT_SCREEN", "1366x768").split("x"))
LONG = 60_000

DATA = Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data"))
SIDE = 9200
FADE = 40
GLASS = (236, 236, 238)


def make_slide(path: Path) -> None:
    """Write the slide."""
    rng = np.random.default_rng(7)
    files = sorted((DATA / "cervical/cric/images").glob("*.jpg"))[:60]
    fields = [Image.open(file).convert("RGB").reduce(2) for file in files]
    width, height = fields[0].size
    fields = [field for field in fields if field.size == (width, height)]
    slide = Image.new("RGB", (SIDE, SIDE), GLASS)
    ramp = [np.clip(np.minimum(np.arange(side), np.arange(side)[::-1]) / FADE, 0, 1) for side in (height, width)]
    mask = Image.fromarray((np.outer(*ramp) * 255).astype(np.uint8))
    for y in range(0, SIDE, height - FADE):
        for x in range(0, SIDE, width - FADE):
            if np.hypot(x + width / 2 - SIDE / 2, y + height / 2 - SIDE / 2) < 0.44 * SIDE and rng.random() < 0.9:
                slide.paste(fields[rng.integers(len(fields))], (x, y), mask)
    with tifffile.TiffWriter(path) as file:
        options: dict[str, Any] = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg"}
        file.write(np.asarray(slide), resolution=(20_000, 20_000), resolutionunit="CENTIMETER", **options)
        for step in (2, 4, 8, 16):
            file.write(np.asarray(slide.reduce(step)), subfiletype=1, **options)


@pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")
@pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there")
def test_the_guide_shows_what_was_seen(make_napari_viewer: Callable[..., Any], qtbot: Any, tmp_path: Path) -> None:
    make_slide(tmp_path / "thin-layer.tif")
    viewer = make_napari_viewer(show=True)
    viewer.theme = THEME
    window = viewer.window._qt_window
    window.resize(*SCREEN)
    dock: SlideDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Slide")[1]
    window.activateWindow()
    qtbot.waitUntil(lambda: QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive, timeout=LONG)
    screening = dock.navigator.screening
    screening.dwell.setInterval(100)

    def rest() -> None:
        qtbot.waitUntil(lambda: all(layer.loaded for layer in viewer.layers), timeout=LONG)
        qtbot.waitUntil(lambda: screening.known is not None and screening.idle, timeout=LONG)

    slide = open_slide(tmp_path / "thin-layer.tif").calibrated((0.5, 0.5), 20)
    dock.workspace.show(slide)
    rest()
    look_at(viewer, slide.frame, 0.3 * SIDE, 0.75 * SIDE, magnification=5)
    rest()
    look_at(viewer, slide.frame, 0, 0, magnification=10)
    while screening.known.share < 0.2:
        before = screening.known.share
        dock.navigator.next.click()
        qtbot.waitUntil(lambda before=before: screening.known.share > before, timeout=LONG)
    rest()
    qtbot.wait(700)
    viewer.screenshot(str(Path(FOLDER) / "slide-navigator.png"), canvas_only=False, flash=False)
    assert (window.width(), window.height()) == SCREEN
    assert not [area for area in dock.findChildren(QScrollArea) if area.verticalScrollBar().isVisible()]
