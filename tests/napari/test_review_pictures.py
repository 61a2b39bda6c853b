"""The pictures of the Review dock in its guide, taken where CYTOSHIFT_IMAGES names a folder for them.

``CYTOSHIFT_THEME`` is napari's theme, and ``CYTOSHIFT_SCREEN`` the size of the window, ``1366x768`` without. Scores and
a second reader are made up for the picture.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication, QScrollArea, QWidget

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.slides import open_slide
from cytoshift.study.palette import BETHESDA

Make = Callable[..., Any]

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")
THEME = os.environ.get("CYTOSHIFT_THEME", "dark")
WIDTH, HEIGHT = map(int, os.environ.get("CYTOSHIFT_SCREEN", "1366x768").split("x"))
LONG = 180_000
CELLS = 60


def published(data: Path, after: int = 0) -> tuple[Path, dict[str, Any]]:
    """Return the image of CRIC with the most classes, or one after it, and its cells with scores made up for them."""
    coco = json.loads((data / "cervical/cric/annotations.json").read_text())
    names = {one["id"]: one["name"] for one in coco["categories"]}
    kinds = Counter(image for image, _ in {(one["image_id"], one["category_id"]) for one in coco["annotations"]})
    sizes = Counter(one["image_id"] for one in coco["annotations"])
    image = sorted(sizes, key=lambda one: (kinds[one], sizes[one]), reverse=True)[after]
    cells = [one for one in coco["annotations"] if one["image_id"] == image][:CELLS]
    boxes = np.array([one["bbox"] for one in cells], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    rng = np.random.default_rng(0)
    labels = np.array([BETHESDA.index(names[one["category_id"]]) for one in cells], np.int16)
    name = next(one["file_name"] for one in coco["images"] if one["id"] == image)
    return data / "cervical/cric" / name, {
        "boxes": boxes,
        "labels": labels,
        "scores": rng.uniform(0.5, 0.99, len(cells)).astype(np.float32),
    }


@pytest.fixture
def dock(make_review: Make, data: Path, qtbot: Any) -> Any:
    """Return a Review dock on the field, worst first, in a window of the wanted size and theme."""
    path, cells = published(data)
    dock = make_review(len(cells["labels"]), slide=open_slide(path).calibrated((0.25, 0.25), 40), **cells)
    viewer = dock.workspace.viewer
    viewer.theme = THEME
    viewer.window._qt_window.resize(WIDTH, HEIGHT)
    dock.work.step(1)
    for decide in (dock.work.accept, dock.work.accept, dock.work.reject, dock.work.unsure):
        decide()
    return dock


def cut_off(dock: QWidget) -> list[str]:
    """Return the words of buttons and labels that have less room than they need."""
    shown = [one for one in dock.findChildren(QWidget) if one.isVisible() and hasattr(one, "text")]
    return [one.text() for one in shown if one.text() and one.width() < one.minimumSizeHint().width()]


def picture(dock: Any, qtbot: Any, name: str) -> None:
    viewer = dock.workspace.viewer
    qtbot.waitUntil(lambda: all(layer.loaded for layer in viewer.layers) and dock.settled, timeout=LONG)
    qtbot.waitUntil(lambda: not dock.workspace.cell_layers.pending, timeout=LONG)
    QApplication.processEvents()
    assert (viewer.window._qt_window.width(), viewer.window._qt_window.height()) == (WIDTH, HEIGHT)
    assert not [area for area in dock.findChildren(QScrollArea) if area.verticalScrollBar().isVisible()]
    assert cut_off(dock) == []
    viewer.screenshot(str(Path(FOLDER) / name), canvas_only=False, flash=False)


@pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")
def test_the_guide_shows_the_gallery_and_the_keys(dock: Any, qtbot: Any) -> None:
    picture(dock, qtbot, "review-gallery.png")
    dock.show_keys()
    picture(dock, qtbot, "review-keys.png")


@pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")
def test_the_guide_shows_two_readers(dock: Any, qtbot: Any) -> None:
    study, identity = dock.workspace.study, dock.workspace.active.info.identity
    (run,) = study.runs(identity)
    labels, rng = study.findings(run).labels, np.random.default_rng(1)
    for reader, doubt in (("", 0.05), ("Dr B", 0.25)):
        study.read_as(reader)
        for at, label in enumerate(labels.tolist()):
            if rng.random() < doubt:
                study.relabel(identity, f"{run}:{at}", BETHESDA[max(label - 1, 0)])
            else:
                study.accept(identity, f"{run}:{at}")
    dock.workspace.read_as("")
    dock.readers.compare.click()
    qtbot.waitUntil(lambda: dock.work.settling.found is not None, timeout=LONG)
    picture(dock, qtbot, "review-readers.png")


@pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")
def test_the_guide_shows_a_review_of_all_slides(dock: Any, data: Path, qtbot: Any) -> None:
    study = dock.workspace.study
    for after in (1, 2):
        path, cells = published(data, after)
        slide = open_slide(path).calibrated((0.25, 0.25), 40)
        study.add_slide(slide)
        study.calibrate(slide.info.identity, (0.25, 0.25), 40)
        study.add_findings(Findings(**cells, classes=BETHESDA, provenance=Provenance(slide.info.identity, "by-hand")))
    dock.filters.toggle_everywhere()
    qtbot.waitUntil(lambda: dock.work.queue.slides == 3 and dock.settled, timeout=LONG)
    dock.work.look_at(5)
    qtbot.waitUntil(lambda: dock.work.current is not None, timeout=LONG)
    picture(dock, qtbot, "review-slides.png")
