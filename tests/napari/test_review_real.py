"""Fifty published cervical cells reviewed with keys alone, over a restart, and written for QuPath."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.slides import open_slide
from cytoshift.study.change import State
from cytoshift.study.exchange import outgoing
from cytoshift.study.formats import registry
from cytoshift.study.palette import BETHESDA

Make = Callable[..., Any]

CELLS = 50
SCHEMA = Path(__file__).parents[1] / "study" / "formats" / "qupath.schema.json"
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
KEYS = "aa5axu2a"
"""What is pressed, over and over: accept, HSIL, reject, unsure, ASC-US."""


def published(data: Path) -> tuple[Path, dict[str, Any]]:
    """Return the image of CRIC with the most cells, and its first fifty cells as findings."""
    coco = json.loads((data / "cervical/cric/annotations.json").read_text())
    image, _ = Counter(one["image_id"] for one in coco["annotations"]).most_common(1)[0]
    name = next(one["file_name"] for one in coco["images"] if one["id"] == image)
    names = {one["id"]: one["name"] for one in coco["categories"]}
    cells = [one for one in coco["annotations"] if one["image_id"] == image][:CELLS]
    boxes = np.array([one["bbox"] for one in cells], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    labels = np.array([BETHESDA.index(names[one["category_id"]]) for one in cells], np.int16)
    return data / "cervical/cric" / name, {"boxes": boxes, "labels": labels}


def test_fifty_cells_by_keys_alone_over_a_restart(make_review: Make, data: Path, tmp_path: Path) -> None:
    path, cells = published(data)
    keys = (KEYS * CELLS)[:CELLS]
    dock = make_review(CELLS, slide=open_slide(path).calibrated((0.5, 0.5)), **cells)
    QTest.keyClicks(dock.gallery, "n" + keys[:25])
    assert [event.kind for event in dock.workspace.study.events()].count("calibrate") <= 1
    assert dock.work.undecided == 25
    dock.parentWidget().close()
    dock.workspace.close()

    dock = make_review(CELLS, slide=open_slide(path).calibrated((0.5, 0.5)))
    study, identity = dock.workspace.study, dock.workspace.active.info.identity
    before = dock.work.cells.states.copy()
    for _ in range(3):
        QTest.keyClick(dock.gallery, "z", CTRL)
    assert np.count_nonzero(before) - np.count_nonzero(dock.work.cells.states) == 3
    for _ in range(3):
        QTest.keyClick(dock.gallery, "z", CTRL | SHIFT)
    assert np.array_equal(dock.work.cells.states, before)
    dock.workspace.cells.select("")
    QTest.keyClicks(dock.gallery, "n" + keys[25:])
    assert dock.work.undecided == 0
    states = Counter(State(state).name for state in dock.work.cells.states.tolist())
    said = Counter(keys)
    assert states == {
        "ACCEPTED": said["a"] + said["5"] + said["2"],
        "REJECTED": said["x"],
        "UNSURE": said["u"],
    }

    written = registry.write(tmp_path / "cells.geojson", outgoing(study, identity), dock.workspace.active)
    jsonschema.validate(json.loads(written.read_text()), json.loads(SCHEMA.read_text()))
    read = registry.read(written, dock.workspace.active)
    assert len(read) == CELLS - said["x"]
    now = dock.work.cells
    kept = now.states != State.REJECTED
    assert Counter(read.classes[k] for k in read.labels) == Counter(now.classes[k] for k in now.labels[kept])
