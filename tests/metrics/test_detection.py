"""Average precision against values worked out by hand."""

import numpy as np
import pytest

from cytoshift.engine.operator import TileBoxes
from cytoshift.metrics import DetectionTruth, average_precision, best_threshold, box_overlap, precision_and_recall


def boxes(*corners: tuple[float, float]) -> np.ndarray:
    return np.array([[x, y, x + 10, y + 10] for x, y in corners], np.float32).reshape(-1, 4)


def truth(at: np.ndarray, labels: list[int], ignored: np.ndarray | None = None) -> DetectionTruth:
    return DetectionTruth(at, np.array(labels, np.int64), boxes() if ignored is None else ignored)


def found(at: np.ndarray, scores: list[float], labels: list[int]) -> TileBoxes:
    return TileBoxes(at, np.array(scores, np.float32), np.array(labels, np.int16))


def test_perfect_boxes_score_one_and_wrong_names_zero() -> None:
    there = [truth(boxes((0, 0), (50, 50)), [0, 1])]
    right = average_precision(there, [found(boxes((0, 0), (50, 50)), [0.9, 0.8], [0, 1])], ["a", "b", "c"])
    assert (right.mean, right.mean50, right.by_class50) == (1.0, 1.0, {"a": 1.0, "b": 1.0})
    wrong = [found(boxes((0, 0), (50, 50)), [0.9, 0.8], [1, 0])]
    assert average_precision(there, wrong, ["a", "b", "c"]).mean50 == 0.0
    assert average_precision(there, wrong, ["a", "b", "c"], any_class=True).mean50 == 1.0


def test_a_false_alarm_above_the_cell_halves_the_precision() -> None:
    there = [truth(boxes((0, 0)), [0])]
    seen = [found(boxes((80, 80), (0, 0)), [0.9, 0.5], [0, 0])]
    assert average_precision(there, seen, ["a"]).mean50 == pytest.approx(0.5)
    assert precision_and_recall(there, seen, 0.4) == (0.5, 1.0)
    assert precision_and_recall(there, seen, 0.7) == (0.0, 0.0)


def test_nothing_found_is_zero_and_nothing_there_is_no_class() -> None:
    there = [truth(boxes((0, 0)), [0])]
    nothing = [found(boxes(), [], [])]
    assert average_precision(there, nothing, ["a", "b"]).by_class50 == {"a": 0.0}
    assert average_precision([truth(boxes(), [])], nothing, ["a"]).by_class50 == {}


def test_boxes_over_ignored_places_count_neither_way() -> None:
    there = [truth(boxes((0, 0)), [0], ignored=np.array([[60, 60, 100, 100]], np.float32))]
    seen = [found(boxes((80, 80), (0, 0)), [0.9, 0.5], [0, 0])]
    assert average_precision(there, seen, ["a"]).mean50 == pytest.approx(1.0)
    assert precision_and_recall(there, seen, 0.1) == (1.0, 1.0)


def test_the_best_threshold_keeps_hits_and_drops_false_alarms() -> None:
    there = [truth(boxes((0, 0), (30, 0), (60, 0)), [0, 0, 0])]
    seen = [found(boxes((0, 0), (30, 0), (0, 60), (30, 60), (60, 60)), [0.9, 0.6, 0.4, 0.3, 0.2], [0] * 5)]
    assert best_threshold(there, seen) == pytest.approx(0.6)
    assert best_threshold(there, [found(boxes(), [], [])], fallback=0.37) == 0.37


def test_more_than_a_hundred_cells_count() -> None:
    at = boxes(*[(20.0 * column, 20.0 * row) for row in range(20) for column in range(20)])
    seen = found(at, list(np.linspace(0.9, 0.1, 400)), [0] * 400)
    assert average_precision([truth(at, [0] * 400)], [seen], ["a"]).mean == pytest.approx(1.0)


def test_overlap_by_hand() -> None:
    overlap = box_overlap(boxes((0, 0)), boxes((5, 0), (0, 0), (20, 20)))
    np.testing.assert_allclose(overlap, [[50 / 150, 1.0, 0.0]])
