"""Cells that a new detector sees otherwise than its parent: gained, lost, renamed, and where they lie on the slide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cytoshift.engine import Findings, Provenance
from cytoshift.jobs.changed_cells import changed_cells, read_changes, write_changes
from cytoshift.training.coco import CocoSet, Field

CLASSES = ("NILM", "HSIL")


def found(*cells: tuple[float, str, float]) -> Findings:
    """Return findings of 20 px on a line at y = 10: x, class and score of each."""
    boxes = np.array([(x, 10, x + 20, 30) for x, _, _ in cells], np.float32).reshape(-1, 4)
    scores = np.array([score for _, _, score in cells], np.float32)
    labels = np.array([CLASSES.index(name) for _, name, _ in cells], np.int16)
    return Findings(boxes, scores, labels, CLASSES, Provenance("field", "any"))


def held_back() -> CocoSet:
    """Return a field of half the slide's resolution with three cells, one of them HSIL."""
    boxes = np.array([(x, 10, x + 20, 30) for x in (0, 100, 200)], np.float32)
    none = np.zeros((0, 4), np.float32)
    labels = np.array([0, 0, 1], np.int64)
    field = Field(Path("f.png"), "f.png", 100, 400, 0.5, boxes, labels, none, slide="s")
    return CocoSet("drawn", CLASSES, (replace(field, level0=(1000, 2000, 1800, 2200)),))


def test_each_changed_cell_says_what_it_was_is_and_should_be(tmp_path: Path) -> None:
    before = found((0, "NILM", 0.9), (100, "HSIL", 0.9), (200, "NILM", 0.9), (300, "HSIL", 0.6))
    after = found((1, "NILM", 0.7), (100, "NILM", 0.9), (200, "NILM", 0.3), (350, "HSIL", 0.9), (300, "HSIL", 0.3))
    limits = ({"NILM": 0.5, "HSIL": 0.5}, {"NILM": 0.5, "HSIL": 0.4})
    changes = changed_cells(held_back(), [before], [after], limits)
    told = [(cell.kind, cell.before, cell.after, cell.truth, cell.righted) for cell in changes.cells]
    assert told == [
        ("gained", "", "HSIL", "", False),
        ("lost", "NILM", "", "HSIL", False),
        ("lost", "HSIL", "", "", True),
        ("renamed", "HSIL", "NILM", "NILM", True),
    ]
    assert changes.words() == "gained 1 (0 rightly) · lost 2 (1 rightly) · renamed 1 (1 rightly)"
    assert changes.cells[0].in_image == (350, 10, 370, 30)
    assert changes.cells[0].box == (1700, 2020, 1740, 2060)
    write_changes(changes, tmp_path)
    assert read_changes(tmp_path) == changes
    assert read_changes(tmp_path / "elsewhere") is None


def test_a_detector_changes_nothing_against_itself() -> None:
    same = found((0, "NILM", 0.9), (100, "HSIL", 0.9))
    limits = dict.fromkeys(CLASSES, 0.5)
    changes = changed_cells(held_back(), [same], [same], (limits, limits))
    assert changes.cells == ()
    assert changes.words() == "Both find the same cells."
