"""Cells that were corrected are counted again at the cost of what changed; the numbers are those of a full count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.study.cells import Cells, Ids
from napari_cytoshift.layers.findings_filter import CellFilter
from napari_cytoshift.layers.findings_thresholds import Thresholds

FILTER = CellFilter(Thresholds(0.5, {"HSIL": 0.2}), frozenset(), False)


def cells(states: list[int], labels: list[int], classes: tuple[str, ...]) -> Cells:
    n = len(states)
    scores = (np.arange(n, dtype=np.float32) * 7 % 10) / 10
    return Cells(
        Ids("r", np.arange(n), ()),
        np.zeros((n, 4), np.float32),
        scores,
        np.array(labels, np.int16),
        np.array(states, np.uint8),
        np.zeros(n, np.bool_),
        classes,
    )


rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=12)


@settings(max_examples=100, deadline=None)
@given(rows, rows, st.data())
def test_a_recount_is_a_count(first: list[tuple[int, int]], more: list[tuple[int, int]], data: st.DataObject) -> None:
    classes = ("NILM", "HSIL", "SCC")
    before = cells([state for state, _ in first], [label for _, label in first], classes)
    corrected = [data.draw(st.tuples(st.integers(0, 4), st.integers(0, 3))) for _ in first]
    kept = data.draw(st.lists(st.booleans(), min_size=len(first), max_size=len(first)))
    now = [old if keep else new for old, new, keep in zip(first, corrected, kept, strict=True)] + more
    after = cells([state for state, _ in now], [label for _, label in now], (*classes, "odd"))
    assert FILTER.recount(FILTER.counts(before), before, after) == FILTER.counts(after)


def test_a_count_counts_what_passes() -> None:
    some = cells([0, 0, 2, 3], [0, 1, 1, 0], ("NILM", "HSIL"))
    assert FILTER.counts(replace(some, scores=np.array([0.4, 0.3, 0.9, 0.1], np.float32))) == {"NILM": 1, "HSIL": 1}
