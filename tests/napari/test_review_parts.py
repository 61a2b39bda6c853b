"""Selections, the pace, and the order of a review without a window."""

from __future__ import annotations

import numpy as np

from cytoshift.engine import Findings, Provenance
from cytoshift.study.cells import fold_cells
from cytoshift.study.events import Event
from napari_cytoshift.widgets.review_pace import Pace
from napari_cytoshift.widgets.review_queue import Queue
from napari_cytoshift.widgets.review_selection import Selection


def test_a_selection_is_that_of_a_list_of_files() -> None:
    selection = Selection()
    selection.reset(10, None)
    assert len(selection) == 0
    selection.only(2)
    selection.toggle(2)
    assert selection.places.tolist() == [2]  # the last one stays
    selection.extend(5)
    assert (selection.places.tolist(), selection.current) == ([2, 3, 4, 5], 5)
    selection.extend(0)
    assert (selection.places.tolist(), selection.current) == ([0, 1, 2], 0)
    selection.toggle(8)
    assert selection.current == 8
    selection.extend(9)
    assert selection.places.tolist() == [8, 9]
    selection.toggle(9)
    assert (selection.places.tolist(), selection.current) == ([8], 8)
    selection.all()
    assert len(selection) == 10
    assert 10 not in selection


def test_the_pace_is_the_median_of_the_last_decisions_by_cell() -> None:
    clock = iter([0.0, 2.0, 4.0, 604.0, 606.0, 616.0])
    pace = Pace(lambda: next(clock))
    for cells in (1, 1, 1):
        pace.decided(cells)
        assert pace.remaining(100) is None
    pace.decided(1)  # after ten minutes of a break
    pace.decided(1)
    assert pace.remaining(100) == 200
    pace.decided(5)  # five at once, in ten seconds
    assert pace.remaining(10) == 20


def test_an_order_keeps_its_places_and_finds_what_is_next_among_very_many() -> None:
    number = 10_000
    boxes = np.tile(np.float32([0, 0, 4, 4]), (number, 1))
    scores = np.linspace(1, 0, number, dtype=np.float32)
    made = Provenance("s", "m")
    findings = Findings(boxes, scores, np.zeros(number, np.int16), ("NILM",), made)
    decided = Event("s", "accept", "", {"targets": [f"r:{index}" for index in range(9990)]})
    cells = fold_cells(findings, "r", [decided])
    queue = Queue(cells, np.arange(number)[::-1].copy())
    assert queue.undecided(cells) == 10
    assert queue.step(cells, "", 1) == "r:9999"
    assert queue.step(cells, "r:9990", 1) == "r:9999"  # round to the front
    assert queue.step(cells, "r:5", 1) == "r:9999"
    assert queue.step(cells, "r:9999", -1) == ""
    assert queue.place(cells, "r:9998") == 1
    assert queue.place(cells, "r:10000") is None
