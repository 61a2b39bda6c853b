"""The pictures of the Compare dock in its guide, taken where CYTOSHIFT_IMAGES names a folder for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cytoshift.models import Registry
from cytoshift.slides import open_slide, samples
from napari_cytoshift.sample_data import AWAY
from napari_cytoshift.widgets.compare import CompareDock

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")

TRANSLATOR = os.environ.get("CYTOSHIFT_TRANSLATOR", "")
"""Folder of a translator whose picture is to be taken; the one that ships without."""

LONG = 180_000
SCREEN = (1366, 768)


FIELD = Path(
    os.environ.get("CYTOSHIFT_DATA", "../shared/data"),
    "cervical/cric-scanner-b/images/5e5f9e511001c3ead65b7dc51897a1ba.jpg",
)

wanted = pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")


def small_screen(make_napari_viewer: Callable[..., Any], qtbot: Any) -> Any:
    """Return a dock, a function that waits until it is at rest, and one that takes its picture."""
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(*SCREEN)
    dock: CompareDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]

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

    def picture(name: str) -> None:
        settle()
        viewer.screenshot(str(Path(FOLDER) / name), canvas_only=False, flash=False)
        assert (window.width(), window.height()) == SCREEN

    return dock, settle, picture


@wanted
def test_the_guide_shows_the_dock_on_a_small_screen(make_napari_viewer: Callable[..., Any], qtbot: Any) -> None:
    dock, settle, picture = small_screen(make_napari_viewer, qtbot)
    dock.workspace.show(open_slide(samples.cached(AWAY)))
    dock.workspace.magnify(10)
    dock.see("reinhard")
    settle()
    dock.see_beside("macenko")
    settle()
    picture("compare.png")
    dock.see_beside("")
    dock.layouts.buttons["swipe"].click()
    dock.see("macenko")
    settle()
    dock.edit.click()
    picture("compare-stains.png")


@wanted
@pytest.mark.skipif(not FIELD.exists(), reason=f"{FIELD} is not there")
def test_the_guide_shows_a_field_restyled(make_napari_viewer: Callable[..., Any], qtbot: Any) -> None:
    dock, _, picture = small_screen(make_napari_viewer, qtbot)
    slide = open_slide(FIELD)
    dock.workspace.show(slide)
    slide = dock.workspace.calibrate(slide, (0.25, 0.25))
    dock.see("model:restain-cric-small")
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    dock.workspace.look_at(slide, (320, 200, 960, 760))
    qtbot.wait(1000)  # for the view to ask for its tiles
    picture("restyle.png")


@wanted
@pytest.mark.skipif(not FIELD.exists(), reason=f"{FIELD} is not there")
def test_the_guide_shows_a_field_normalized_and_translated(
    make_napari_viewer: Callable[..., Any], home: Path, qtbot: Any
) -> None:
    if TRANSLATOR:
        Registry().add(TRANSLATOR)
    model = Registry().list("translation")[-1].id  # starters come first
    dock, settle, picture = small_screen(make_napari_viewer, qtbot)
    slide = open_slide(FIELD)
    dock.workspace.show(slide)
    slide = dock.workspace.calibrate(slide, (0.25, 0.25))
    dock.see("reinhard")
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    dock.see_translated(f"model:{model}")
    qtbot.waitUntil(lambda: dock.comparison.beside is not None, timeout=LONG)
    dock.workspace.look_at(slide, (330, 20, 610, 920))
    settle()
    dock.steps.buttons[min(2, len(dock.steps.buttons) - 1)].click()
    settle()
    picture("translate.png")
