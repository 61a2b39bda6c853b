"""The pictures of the Compare dock in its guide, taken where CYTOSHIFT_IMAGES names a folder for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cytoshift.slides import open_slide, samples
from napari_cytoshift.sample_data import AWAY
from napari_cytoshift.widgets.compare import CompareDock

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")

LONG = 180_000
SCREEN = (1366, 768)


@pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")
def test_the_guide_shows_the_dock_on_a_small_screen(make_napari_viewer: Callable[..., Any], qtbot: Any) -> None:
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(*SCREEN)
    dock: CompareDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]
    dock.workspace.show(open_slide(samples.cached(AWAY)))
    dock.workspace.magnify(10)

    def settle() -> None:
        qtbot.waitUntil(
            lambda: (
                not dock.busy.busy
                and not dock.comparison.approximate
                and dock.gauge.home.distances is not None
                and all(layer.loaded for layer in viewer.layers)
            ),
            timeout=LONG,
        )
        qtbot.wait(500)  # for the gauge to follow the method

    def take(name: str) -> None:
        settle()
        viewer.screenshot(str(Path(FOLDER) / name), canvas_only=False, flash=False)
        assert (window.width(), window.height()) == SCREEN

    dock.see("reinhard")
    settle()
    dock.see_beside("macenko")
    settle()
    take("compare.png")
    dock.see_beside("")
    dock.layouts.buttons["swipe"].click()
    dock.see("macenko")
    settle()
    dock.edit.click()
    take("compare-stains.png")
