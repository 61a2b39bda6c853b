"""The picture of what changed in the guide, taken where CYTOSHIFT_IMAGES names a folder for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alterations import Inventor, erase_nucleus, paste_nucleus, scale_nucleus, smooth_chromatin
from scipy import ndimage

from cytoshift.engine import Needs
from cytoshift.engine.grid import Shard
from cytoshift.slides import Slide, open_slide
from cytoshift.slides.slide import RGB
from cytoshift.translation.audit.density import darkness_of_both
from cytoshift.translation.audit.nuclei import find_nuclei
from napari_cytoshift import looking
from napari_cytoshift.widgets.compare import CompareDock

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")
LONG = 180_000
SCREEN = (1366, 768)
MPP = 0.25

CERVICAL = Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data"), "cervical")
FIELD = "images/060d7d018977ad7cca7643f2deb6f3e8.jpg"

wanted = pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")


class Rendered(Inventor):
    """Shows a field as a second scanner does, but for nuclei that were pasted, erased, smoothed and made smaller."""

    def __init__(self, field: RGB, second: RGB, box: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.pixels = _altered(field, second, box)

    @property
    def key(self) -> str:
        return "altered"

    @property
    def title(self) -> str:
        return "Second scanner, altered"

    @property
    def needs(self) -> Needs:
        return Needs(mpp=MPP, tile=256, batch=1)

    def render(self, tiles: Shard, windows: RGB) -> RGB:
        rendered = windows.copy()
        for tile, window in zip(tiles, rendered, strict=False):
            part = self.pixels[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
            window[: part.shape[0], : part.shape[1]] = part
        return rendered


def _altered(field: RGB, second: RGB, box: tuple[int, int, int, int]) -> RGB:
    x0, y0, x1, y1 = box
    found = find_nuclei(darkness_of_both(field, second, MPP)[0].least, MPP)
    x, y = found.points.T
    inside = (x > x0 + 40) & (x < x1 - 40) & (y > y0 + 40) & (y < y1 - 40)
    largest = sorted(np.flatnonzero(inside), key=lambda k: -found.areas[k])
    chosen = [k for k in largest if found.areas[k] * MPP**2 < 150][:9]
    altered = second
    for turn, k in enumerate(chosen):
        mask = found.labels == k + 1
        if turn % 4 == 0:
            altered = erase_nucleus(altered, mask, found.labels > 0, MPP)
        elif turn % 4 == 1:
            altered = smooth_chromatin(altered, mask, MPP)
        elif turn % 4 == 2:
            altered = scale_nucleus(altered, mask, 0.75)
    light = ndimage.minimum_filter(second.mean(axis=-1), 90)[y0 + 90 : y1 - 90, x0 + 90 : x1 - 90]
    row, column = np.unravel_index(np.argmax(light), light.shape)
    return paste_nucleus(altered, int(row) + y0 + 90, int(column) + x0 + 90, seed=5)


@wanted
@pytest.mark.skipif(not (CERVICAL / "cric" / FIELD).exists(), reason=f"{FIELD} is not there")
def test_the_guide_shows_what_changed(
    make_napari_viewer: Callable[..., Any], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = (320, 200, 960, 760)
    slide = open_slide(CERVICAL / "cric" / FIELD)
    second = open_slide(CERVICAL / "cric-scanner-b" / FIELD)
    operator = Rendered(_whole(slide), _whole(second), box)
    monkeypatch.setattr(looking, "build", lambda choice, registry: operator)
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(*SCREEN)
    dock: CompareDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]
    dock.workspace.show(slide)
    slide = dock.workspace.calibrate(slide, (MPP, MPP))
    dock.see("white")
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    dock.workspace.look_at(slide, box)
    dock.overlays.changes.click()
    auditing = dock.overlays.auditing
    for name, act in (("translate-audit.png", None), ("translate-audit-map.png", dock.overlays.map.click)):
        if act is not None:
            act()
        qtbot.waitUntil(
            lambda: (
                auditing.audit is not None
                and not auditing.busy
                and not dock.busy.busy
                and dock.gauge.home.distances is not None
                and all(layer.loaded for layer in viewer.layers)
            ),
            timeout=LONG,
        )
        qtbot.wait(700)
        viewer.screenshot(str(Path(FOLDER) / name), canvas_only=False, flash=False)
        assert (window.width(), window.height()) == SCREEN


def _whole(slide: Slide) -> RGB:
    level = slide.levels[0]
    return slide.read(0, 0, 0, level.height, level.width)
