"""F1 by the distance of centres: hand values, ties of the match, ignored places, and intervals over images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.metrics import Boxes, ByDistance, ByOverlap, CountedBoxes, DetectionTruth, score_f1
from cytoshift.metrics.detection import best_threshold, match_cells

NONE = np.zeros((0, 4), np.float32)


def around(*centres: tuple[float, float], side: float = 12.5) -> np.ndarray:
    at = np.array(centres, np.float64).reshape(-1, 2)
    return np.concatenate([at - side / 2, at + side / 2], axis=1).astype(np.float32)


def truth(boxes: np.ndarray, labels: list[int] | None = None, ignored: np.ndarray = NONE) -> DetectionTruth:
    return DetectionTruth(boxes, np.array([0] * len(boxes) if labels is None else labels, np.int64), ignored)


def found(boxes: np.ndarray, scores: list[float], labels: list[int] | None = None) -> Boxes:
    named = [0] * len(boxes) if labels is None else labels
    return Boxes(boxes, np.array(scores, np.float32), np.array(named, np.int16))


def test_each_mitosis_is_found_once_by_the_best_box_within_the_distance() -> None:
    there = truth(around((0, 0), (100, 0), (200, 0)))
    seen = found(around((7.5, 0), (0, 1), (107.6, 0), (200, 3), side=4), [0.9, 0.8, 0.7, 0.6])
    scores, hit = match_cells(there, seen, matching=ByDistance(7.5))
    np.testing.assert_allclose(scores, [0.9, 0.8, 0.7, 0.6], rtol=1e-6)
    assert hit.tolist() == [True, False, False, True], "a second box on it is wrong, and 7.6 µm is too far"
    assert not match_cells(there, seen, matching=ByOverlap(0.5))[1].any(), "small boxes overlap too little"


def test_the_numbers_of_two_images_are_counted_together() -> None:
    there = [truth(around((0, 0), (100, 0))), truth(around((0, 0), (50, 50)), [0, 1])]
    seen = [
        found(around((1, 0), (300, 0)), [0.9, 0.4]),
        found(around((0, 2), (50, 50), (90, 0)), [0.8, 0.7, 0.3], [0, 0, 0]),
    ]
    boxes = CountedBoxes.of(there, seen, 0, ByDistance(7.5))
    score = score_f1(boxes, 0.5)
    assert score.values == pytest.approx((2 * 2 / (3 + 3), 2 / 3, 2 / 3))  # a look-alike called mitosis is wrong
    assert boxes.at(0.0)[0].tolist() == pytest.approx([2 * 2 / (5 + 3), 2 / 5, 2 / 3])
    assert boxes.at(0.85)[0].tolist() == pytest.approx([2 * 1 / (1 + 3), 1.0, 1 / 3])
    assert np.isnan(boxes.at(0.95)[0, 1]), "nothing was found, so nothing can be wrong"
    assert score.best == pytest.approx((0.8, 2 * 2 / (2 + 3)))
    assert score.to_json()["sweep"][-1] == {"threshold": 0.95, "F1": 0.0, "precision": None, "recall": 0.0}
    assert score.ends is None


def test_a_centre_in_an_ignored_place_counts_neither_way() -> None:
    there = truth(around((0, 0)), ignored=np.array([[50, 50, 60, 60]], np.float32))
    seen = found(around((55, 55), (64, 55)), [0.9, 0.8])
    assert match_cells(there, seen, matching=ByDistance(7.5))[0].tolist() == pytest.approx([0.8])
    assert not len(match_cells(there, seen)[0]), "by overlap both lie over it"


def test_intervals_hold_the_value_and_are_a_point_for_images_that_are_alike() -> None:
    there, seen = [truth(around((0, 0), (60, 0)))] * 8, [found(around((1, 0), (30, 0)), [0.9, 0.8])] * 8
    boxes = CountedBoxes.of(there, seen, 0, ByDistance(7.5))
    alike = score_f1(boxes, 0.5, resamples=50, seed=1)
    assert alike.ends is not None
    np.testing.assert_allclose(alike.ends, [[0.5] * 3] * 2)
    seen = [*seen[:4], *[found(around((0, 0), (60, 1)), [0.9, 0.8])] * 4]
    unlike = score_f1(CountedBoxes.of(there, seen, 0, ByDistance(7.5)), 0.5, resamples=200, seed=1)
    assert unlike.ends is not None
    assert (unlike.ends[0] < unlike.values).all()
    assert (unlike.ends[1] > unlike.values).all()
    again = score_f1(CountedBoxes.of(there, seen, 0, ByDistance(7.5)), 0.5, resamples=200, seed=1)
    np.testing.assert_array_equal(unlike.ends, again.ends)


def test_nothing_there_and_nothing_found_is_no_number() -> None:
    score = score_f1(CountedBoxes.of([truth(NONE)], [found(NONE, [])], 0, ByDistance()), 0.5, resamples=5)
    assert np.isnan(score.values).all()
    assert score.to_json()["F1"] is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 12), st.integers(0, 20))
def test_a_threshold_counts_as_if_weaker_boxes_had_never_been_found(seed: int, cells: int, boxes: int) -> None:
    random = np.random.default_rng(seed)
    there = truth(around(*random.uniform(0, 60, (cells, 2))))
    seen = found(around(*random.uniform(0, 60, (boxes, 2))), list(np.round(random.uniform(0, 1, boxes), 1)))
    every = CountedBoxes.of([there], [seen], 0, ByDistance(7.5))
    for threshold in (0.0, 0.25, 0.5, 0.85):
        kept = seen.scores >= threshold
        few = Boxes(seen.boxes[kept], seen.scores[kept], seen.labels[kept])
        alone = CountedBoxes.of([there], [few], 0, ByDistance(7.5))
        np.testing.assert_array_equal(every.at(threshold), alone.at(0.0))
    if every.hit.any():
        threshold, f1 = score_f1(every, 0.5).best
        assert every.at(threshold)[0, 0] == pytest.approx(f1)
        assert f1 >= max(every.at(score)[0, 0] for score in seen.scores) - 1e-9
        chosen = best_threshold([there], [seen], matching=ByDistance(7.5))
        assert every.at(chosen)[0, 0] <= f1 + 1e-9
