"""What two searches of a slide have in common, against a matcher that looks at every pair."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine.delta import NOT_SEEN, Delta, compare_findings
from cytoshift.engine.findings import Findings, Provenance
from cytoshift.errors import DataError

CLASSES = ("NILM", "LSIL", "HSIL")


def findings(rows: list[tuple[float, ...]], classes: tuple[str, ...] = CLASSES, slide: str = "smear") -> Findings:
    """Make findings of rows of x0, y0, x1, y1, score, label."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Findings(
        table[:, :4].astype(np.float32),
        table[:, 4].astype(np.float32),
        table[:, 5].astype(np.int16),
        classes,
        Provenance(slide, "detector"),
    )


def contents(found: Findings, which: np.ndarray) -> Counter[tuple[float, ...]]:
    return Counter(
        (*box, score, found.classes[label])
        for box, score, label in zip(
            found.boxes[which].tolist(), found.scores[which].tolist(), found.labels[which].tolist(), strict=True
        )
    )


def told(delta: Delta) -> tuple[object, ...]:
    """Return what a delta says, whatever the order of the findings."""
    pairs = [
        Counter(
            (
                next(iter(contents(delta.before, np.array([i])))),
                next(iter(contents(delta.after, np.array([j])))),
            )
            for i, j in which.tolist()
        )
        for which in (delta.kept, delta.changed)
    ]
    seen = [Counter((which != NOT_SEEN).tolist()) for which in (delta.gained_seen, delta.lost_seen)]
    return (*pairs, contents(delta.after, delta.gained), contents(delta.before, delta.lost), *seen)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return width * height / (areas - width * height)


def brute_force(before: Findings, after: Findings, iou: float) -> list[float]:
    """Return the overlaps of the pairs that taking the best one over and over gives, best first."""
    a, b = before.boxes.astype(float), after.boxes.astype(float)
    pairs = [(overlap(a[i], b[j]), i, j) for i, j in product(range(len(a)), range(len(b)))]
    free = sorted((pair for pair in pairs if pair[0] >= iou), reverse=True)
    taken = []
    while free:
        best, i, j = free[0]
        taken.append(best)
        free = [pair for pair in free if pair[1] != i and pair[2] != j]
    return taken


coarse = st.integers(0, 12)
sides = st.sampled_from([2, 3, 4, 7, 16])
scores = st.sampled_from([0.1, 0.3, 0.6, 0.9])
row = st.tuples(coarse, coarse, sides, sides, scores, st.integers(0, 2)).map(
    lambda r: (r[0], r[1], r[0] + r[2], r[1] + r[3], r[4], r[5])
)
sets = st.lists(row, max_size=12).map(findings)
distinct = st.lists(
    st.tuples(st.floats(0, 30, width=32), st.floats(0, 30, width=32), st.floats(2, 40, width=32)),
    max_size=14,
).map(lambda rows: findings([(x, y, x + side, y + side / 2, 0.9, 0) for x, y, side in rows]))


@given(distinct, distinct, st.sampled_from([0.1, 0.3, 0.5, 0.8]))
@settings(max_examples=60, deadline=None)
def test_the_best_overlap_comes_first_as_when_every_pair_is_looked_at(
    before: Findings, after: Findings, iou: float
) -> None:
    delta = compare_findings(before, after, iou=iou)
    pairs = np.concatenate([delta.kept, delta.changed])
    found = sorted(
        (overlap(before.boxes[i].astype(float), after.boxes[j].astype(float)) for i, j in pairs), reverse=True
    )
    expected = brute_force(before, after, iou)
    if len(set(expected)) == len(expected):  # among equal ones which is first may decide what comes after
        assert found == expected


@given(sets, sets, st.one_of(st.none(), st.just(0.5)))
@settings(max_examples=60, deadline=None)
def test_each_finding_is_in_one_place_and_has_one_partner(
    before: Findings, after: Findings, threshold: float | None
) -> None:
    delta = compare_findings(before, after, threshold=threshold)
    pairs = np.concatenate([delta.kept, delta.changed])
    counts = [found.scores >= (threshold or 0) for found in (before, after)]
    assert sorted([*pairs[:, 0], *delta.lost]) == np.flatnonzero(counts[0]).tolist()
    assert sorted([*pairs[:, 1], *delta.gained]) == np.flatnonzero(counts[1]).tolist()
    for seen, below in ((delta.gained_seen, ~counts[0]), (delta.lost_seen, ~counts[1])):
        known = seen[seen != NOT_SEEN]
        assert len(set(known.tolist())) == len(known)
        assert below[known].all()
    for row in delta.table():
        assert row.before == int((np.array(CLASSES, object)[before.labels[counts[0]]] == row.name).sum())
        assert row.after == int((np.array(CLASSES, object)[after.labels[counts[1]]] == row.name).sum())


@given(sets, sets, st.randoms(use_true_random=False), st.one_of(st.none(), st.just(0.5)))
@settings(max_examples=60, deadline=None)
def test_neither_order_nor_which_comes_first_matters(
    before: Findings, after: Findings, random: object, threshold: float | None
) -> None:
    delta = compare_findings(before, after, threshold=threshold)
    orders = [random.sample(range(len(found)), len(found)) for found in (before, after)]  # type: ignore[attr-defined]
    shuffled = [found.select(np.array(order, int)) for found, order in zip((before, after), orders, strict=True)]
    assert told(compare_findings(*shuffled, threshold=threshold)) == told(delta)
    swapped = told(compare_findings(after, before, threshold=threshold))
    kept, changed, gained, lost, gained_seen, lost_seen = told(delta)
    turned = [Counter({(two, one): n for (one, two), n in pairs.items()}) for pairs in (kept, changed)]  # type: ignore[attr-defined]
    assert swapped == (*turned, lost, gained, lost_seen, gained_seen)


def test_one_of_each_kind_is_told_apart_and_counted_by_class() -> None:
    before = findings(
        [
            (0, 0, 10, 10, 0.9, 0),  # stays
            (100, 0, 110, 10, 0.8, 1),  # becomes HSIL
            (200, 0, 210, 10, 0.7, 2),  # is lost altogether
            (300, 0, 310, 10, 0.6, 2),  # falls below the threshold
            (400, 0, 410, 10, 0.4, 0),  # rises above it
            (500, 0, 510, 10, 0.2, 0),  # never counts
        ]
    )
    after = findings(
        [
            (1, 0, 11, 10, 0.7, 0),
            (100, 1, 110, 11, 0.9, 2),
            (300, 0, 310, 10, 0.4, 2),
            (400, 0, 410, 10, 0.8, 1),
            (500, 0, 510, 10, 0.3, 0),
            (600, 0, 610, 10, 0.9, 1),  # is new
        ]
    )
    delta = compare_findings(before, after, threshold=0.5)
    assert delta.kept.tolist() == [[0, 0]]
    assert delta.changed.tolist() == [[1, 1]]
    assert delta.gained.tolist() == [3, 5]
    assert delta.gained_seen.tolist() == [4, NOT_SEEN]
    assert delta.lost.tolist() == [2, 3]
    assert delta.lost_seen.tolist() == [NOT_SEEN, 2]
    assert delta.score_change == pytest.approx(-0.2)
    assert delta.words == "gained 2 · lost 2 · changed 1"
    assert delta.transitions() == {("LSIL", "HSIL"): 1}
    rows = {row.name: row for row in delta.table()}
    assert (rows["NILM"].kept, rows["NILM"].gained, rows["NILM"].lost) == (1, 0, 0)
    assert (rows["LSIL"].gained, rows["LSIL"].gained_seen, rows["LSIL"].became) == (2, 1, {"HSIL": 1})
    assert (rows["HSIL"].lost, rows["HSIL"].lost_seen, rows["HSIL"].was) == (2, 1, {"LSIL": 1})
    assert delta.to_json()["gained_seen_below_threshold"] == 1
    assert compare_findings(before, after).to_json()["gained_seen_below_threshold"] is None


def test_thresholds_may_differ_by_class_and_must_know_every_class() -> None:
    before, after = findings([]), findings([(0, 0, 9, 9, 0.4, 0), (50, 0, 59, 9, 0.4, 2)])
    delta = compare_findings(before, after, threshold={"NILM": 0.5, "LSIL": 0.5, "HSIL": 0.3})
    assert delta.gained.tolist() == [1]
    assert delta.score_change is None
    with pytest.raises(DataError, match="HSIL"):
        compare_findings(before, after, threshold={"NILM": 0.5})


def test_of_boxes_that_overlap_alike_the_same_class_is_matched() -> None:
    before = findings([(0, 0, 10, 10, 0.9, 2)])
    after = findings([(0, 0, 10, 10, 0.9, 1), (0, 0, 10, 10, 0.5, 2)])
    delta = compare_findings(before, after)
    assert delta.kept.tolist() == [[0, 1]]
    assert delta.gained.tolist() == [0]


def test_classes_are_the_same_by_name_wherever_they_stand() -> None:
    before = findings([(0, 0, 10, 10, 0.9, 0)], classes=("HSIL",))
    after = findings([(0, 0, 10, 10, 0.9, 2)])
    assert len(compare_findings(before, after).kept) == 1


def test_a_small_box_in_a_large_one_far_from_its_centre_is_no_partner() -> None:
    before, after = findings([(0, 0, 4000, 4000, 0.9, 0)]), findings([(3950, 3950, 3990, 3990, 0.9, 0)])
    assert len(compare_findings(before, after).gained) == 1
    nearly = findings([(0, 0, 2900, 4000, 0.9, 0)])
    assert len(compare_findings(before, nearly).kept) == 1


def test_two_slides_and_two_regions_are_refused() -> None:
    with pytest.raises(DataError, match="different slides"):
        compare_findings(findings([]), findings([], slide="another"))
    there = findings([])
    elsewhere = replace(there, provenance=replace(there.provenance, region=(0.0, 0.0, 9.0, 9.0)))
    with pytest.raises(DataError, match="different regions"):
        compare_findings(there, elsewhere)
    with pytest.raises(ValueError, match="iou"):
        compare_findings(there, there, iou=0)


def test_comparing_loads_no_torch() -> None:
    code = "import sys, cytoshift.engine.delta; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
