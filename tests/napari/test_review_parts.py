"""Selections, the pace, and the order of a review without a window."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine import Findings, Provenance
from cytoshift.study.cells import Cells, fold_cells
from cytoshift.study.events import Event
from napari_cytoshift.layers.findings_filter import CellFilter
from napari_cytoshift.layers.findings_thresholds import Thresholds
from napari_cytoshift.widgets.review_gather import Shown, merged
from napari_cytoshift.widgets.review_order import Narrowed
from napari_cytoshift.widgets.review_pace import Pace
from napari_cytoshift.widgets.review_queue import Queue
from napari_cytoshift.widgets.review_selection import Selection
from napari_cytoshift.widgets.review_study import Part, Placed, StudyQueue


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
    queue = StudyQueue([Part("s", "r", cells, Queue(cells, np.arange(number)[::-1].copy()))])
    assert queue.undecided == 10
    assert reached(queue.step("", 1)) == "r:9999"
    assert reached(queue.step("r:9990", 1)) == "r:9999"  # round to the front
    assert reached(queue.step("r:5", 1)) == "r:9999"
    assert queue.step("r:9999", -1) is None
    assert queue.place("r:9998") == 1
    assert queue.place("r:10000") is None


def reached(placed: Placed | None) -> str:
    return "" if placed is None else placed.identifier


def cells_of(slide: str, labels: list[int], scores: list[float], *events: Event) -> Cells:
    boxes = np.float32([[10 * at, 0, 10 * at + 8, 8] for at in range(len(labels))]).reshape(-1, 4)
    found = Findings(boxes, np.float32(scores), np.int16(labels), ("NILM", "HSIL"), Provenance(slide, "m"))
    return fold_cells(found, f"run {slide}", events)


ALL = CellFilter(Thresholds(0), frozenset(), show_rejected=False)


def ids(queue: StudyQueue) -> list[str]:
    return [reached(queue.placed(place)) for place in range(len(queue))]


def test_cells_of_several_slides_come_in_one_order() -> None:
    a, b = cells_of("a", [0, 1, 1], [0.9, 0.4, 0.8]), cells_of("b", [1, 0], [0.6, 0.95])
    lots = [Shown("a", "run a", a, ALL), Shown("b", "run b", b, ALL), Shown("c", "", cells_of("c", [], []), ALL)]
    worst = merged(lots, "worst", Narrowed())
    assert ids(worst) == ["run a:2", "run b:0", "run a:1", "run b:1", "run a:0"]
    assert worst.slides == 2
    assert ids(merged(lots, "score", Narrowed())) == ["run b:1", "run a:0", "run a:2", "run b:0", "run a:1"]
    assert ids(merged(lots, "place", Narrowed(label="HSIL"))) == ["run a:1", "run a:2", "run b:0"]
    assert [worst.place(one) for one in ids(worst)] == [0, 1, 2, 3, 4]
    decided = cells_of("b", [1, 0], [0.6, 0.95], Event("b", "accept", "run b:0"))
    assert worst.follow("b", "run b", decided)
    assert worst.undecided == 4
    assert reached(worst.step("run a:2", 1)) == "run a:1"
    assert reached(worst.step("run a:1", -1)) == "run b:0"
    assert not worst.follow("b", "run 2 of b", decided)
    added = Event("b", "add", "", {"box": [0.0, 0.0, 4.0, 4.0], "label": "HSIL"})
    worst.follow("b", "run b", cells_of("b", [1, 0], [0.6, 0.95], added))
    worst.insert("b", added.id, "run b:0")
    assert ids(worst) == ["run a:2", "run b:0", added.id, "run a:1", "run b:1", "run a:0"]
    worst.insert("z", "of no slide here", "")
    assert len(worst) == 6


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), max_size=6), max_size=4), st.data())
def test_one_order_over_slides_is_that_of_all_their_cells(slides: list[list[tuple[int, int]]], data: Any) -> None:
    lots = []
    for number, said in enumerate(slides):
        cells = cells_of(str(number), [label for label, _ in said], [score / 10 for _, score in said])
        lots.append(Shown(str(number), f"run {number}", cells, ALL))
    everything = [(-label, -score, slide, at) for slide, said in enumerate(slides) for at, (label, score) in
                  enumerate(said)]  # fmt: skip
    queue = merged(lots, "worst", Narrowed())
    wished = [f"run {slide}:{at}" for _, _, slide, at in sorted(everything)]
    assert ids(queue) == wished
    if wished:
        start = data.draw(st.sampled_from(wished))
        following = wished[(wished.index(start) + 1) % len(wished)]
        assert reached(queue.step(start, 1)) == following
