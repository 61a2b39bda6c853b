"""The picture of the counting frame in its guide, taken where CYTOSHIFT_IMAGES names a folder for it.

Real mitoses (AMi-Br, MIT licence) are laid at random places of a slide quilted from the corners of their patches.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from qtpy.QtWidgets import QScrollArea

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.mitosis.classes import CLASSES
from cytoshift.slides import open_slide
from cytoshift.slides.slide import RGB
from napari_cytoshift.layers.findings import know
from napari_cytoshift.widgets.find import FindDock

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")
THEME = os.environ.get("CYTOSHIFT_THEME", "dark")
SCREEN = (1366, 768)
LONG = 180_000

DATA = Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data")) / "mitosis/ami-br"
SIZE = (9000, 7000)
"""Width and height of the slide: 2.25 × 1.75 mm."""

PATCH, CORNER = 128, 48

CONTRAST = np.float32(0.6)
"""Of the tissue between the mitoses: a quilt is busier than tissue is."""

PALE = (240, 205, 222)


def patches() -> tuple[list[RGB], list[bool]]:
    """Return the patches of the slide that has most of them, and whether each is atypical."""
    with (DATA / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    ((slide, _),) = Counter(row["slide"] for row in rows).most_common(1)
    rows = [row for row in rows if row["slide"] == slide]
    images = [np.asarray(Image.open(DATA / row["file_name"]).convert("RGB")) for row in rows]
    return images, [row["atypical"] == "1" for row in rows]


def quilt(images: list[RGB], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return tissue without a mitosis: corners of patches, each faded into its neighbours."""
    width, height = SIZE
    ramp = np.sin(np.linspace(0, np.pi, CORNER + 2)[1:-1]) ** 2
    window = np.outer(ramp, ramp)[..., None].astype(np.float32)
    total = np.zeros((height + CORNER, width + CORNER, 3), np.float32)
    weight = np.full((height + CORNER, width + CORNER, 1), 1e-6, np.float32)
    for y in range(0, height, CORNER // 2):
        for x in range(0, width, CORNER // 2):
            image = images[rng.integers(len(images))]
            corner = np.rot90(image, rng.integers(4))[:CORNER, :CORNER]
            total[y : y + CORNER, x : x + CORNER] += corner * window
            weight[y : y + CORNER, x : x + CORNER] += window
    tissue: npt.NDArray[np.float32] = (total / weight)[:height, :width]
    return (1 - CONTRAST) * np.array(PALE, np.float32) + CONTRAST * tissue


def make_slide(path: Path) -> npt.NDArray[np.float64]:
    """Write the slide and return x, y and class of what was laid on it, ``(n, 3)``."""
    import tifffile

    rng = np.random.default_rng(5)
    images, atypical = patches()
    tissue = quilt(images, rng)
    y, x = np.mgrid[-1 : 1 : PATCH * 1j, -1 : 1 : PATCH * 1j]
    fade = np.clip(3 * (1 - np.hypot(x, y)), 0, 1)[..., None]
    spread = rng.uniform((200, 200), np.subtract(SIZE, 200), (60, 2))
    spot = rng.normal((5600, 3400), (900, 700), (90, 2)).clip(200, np.subtract(SIZE, 200))
    laid = []
    for at in np.concatenate([spread, spot]).round().astype(int):
        if laid and np.abs(np.array(laid)[:, :2] - at).max(axis=1).min() < PATCH:
            continue
        which = rng.integers(len(images))
        place = (slice(at[1] - 64, at[1] + 64), slice(at[0] - 64, at[0] + 64))
        tissue[place] = fade * images[which] + (1 - fade) * tissue[place]
        laid.append((*at, int(atypical[which])))
    others = [(*at, 2) for at in rng.uniform((200, 200), np.subtract(SIZE, 200), (70, 2)).round()]
    with tifffile.TiffWriter(path) as file:
        options: dict[str, Any] = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg"}
        file.write(
            tissue.clip(0, 255).astype(np.uint8), resolution=(40_000, 40_000), resolutionunit="CENTIMETER", **options
        )
        for step in (2, 4, 8):
            height, width = SIZE[1] // step, SIZE[0] // step
            blocks = tissue[: height * step, : width * step].reshape(height, step, width, step, 3)
            file.write(blocks.mean((1, 3)).clip(0, 255).astype(np.uint8), subfiletype=1, **options)
    return np.array([*laid, *others], np.float64)


@pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")
@pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there")
def test_the_guide_shows_the_counting_frame_on_a_small_screen(
    make_napari_viewer: Callable[..., Any], qtbot: Any, tmp_path: Path
) -> None:
    laid = make_slide(tmp_path / "tumour.tif")
    viewer = make_napari_viewer(show=True)
    viewer.theme = THEME
    window = viewer.window._qt_window
    window.resize(*SCREEN)
    dock: FindDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Find")[1]
    workspace = dock.workspace
    slide = open_slide(tmp_path / "tumour.tif").calibrated((0.25, 0.25), 40)
    workspace.show(slide)
    boxes = np.concatenate([laid[:, :2] - 25, laid[:, :2] + 25], axis=1).astype(np.float32)
    scores = np.random.default_rng(0).uniform(0.4, 1, len(boxes)).astype(np.float32)
    made = Provenance(slide.info.identity, "mitosis-detector")
    found = Findings(boxes, scores, laid[:, 2].astype(np.int16), CLASSES, made)
    know(workspace.study, slide)
    workspace.set_findings(slide, found, workspace.study.add_findings(found))
    workspace.fit(slide)
    dock.counting.toggle.click()
    qtbot.waitUntil(lambda: dock.counting.counting.counted is not None, timeout=LONG)
    qtbot.waitUntil(lambda: all(layer.loaded for layer in viewer.layers), timeout=LONG)
    qtbot.wait(700)
    viewer.screenshot(str(Path(FOLDER) / "count.png"), canvas_only=False, flash=False)
    assert (window.width(), window.height()) == SCREEN
    assert not [area for area in dock.findChildren(QScrollArea) if area.verticalScrollBar().isVisible()]
