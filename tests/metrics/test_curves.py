"""FROC, confusions, calibration and intervals against values worked out by hand, and what must hold of any boxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.metrics import (
    Boxes,
    DetectionTruth,
    Platt,
    Reliability,
    above,
    average_precision,
    best_thresholds,
    confusions,
    draw_images,
    fit_calibration,
    fit_platt,
    froc,
    percentile_interval,
    pool,
    pooled_average,
    precision_and_recall,
    precision_recall,
    reliability_by_image,
)

NOWHERE = np.zeros((0, 4), np.float32)


def at(*corners: tuple[float, float], side: float = 10) -> np.ndarray:
    return np.array([[x, y, x + side, y + side] for x, y in corners], np.float32).reshape(-1, 4)


def truth(boxes: np.ndarray, labels: list[int], ignored: np.ndarray = NOWHERE) -> DetectionTruth:
    return DetectionTruth(boxes, np.array(labels, np.int64), ignored)


def found(boxes: np.ndarray, scores: list[float], labels: list[int]) -> Boxes:
    return Boxes(boxes, np.array(scores, np.float32), np.array(labels, np.int16))


def drawn_images(seed: int, images: int, classes: int = 3) -> tuple[list[DetectionTruth], list[Boxes]]:
    """Draw cells, boxes near and far from them with few different scores, and places that are ignored."""
    rng = np.random.default_rng(seed)
    there, seen = [], []
    for _ in range(images):
        cells = rng.integers(0, 12)
        corners = rng.integers(0, 90, (cells, 2)).astype(np.float32)
        boxes = np.concatenate([corners, corners + rng.integers(8, 16, (cells, 2))], axis=1).astype(np.float32)
        labels = rng.integers(0, classes, cells)
        near = np.repeat(boxes, 2, axis=0) + rng.normal(0, 1.2, (2 * cells, 4)).astype(np.float32)
        far = at(*rng.integers(0, 90, (6, 2)).tolist())
        guess = np.where(rng.random(2 * cells) < 0.7, np.repeat(labels, 2), rng.integers(0, classes, 2 * cells))
        every = np.concatenate([near, far])
        scores = np.round(rng.random(len(every)), 2)
        seen.append(found(every, list(scores), [*guess.tolist(), *rng.integers(0, classes, 6).tolist()]))
        there.append(truth(boxes, labels.tolist(), at(*rng.integers(0, 90, (rng.integers(0, 2), 2)).tolist(), side=25)))
    return there, seen


def test_froc_by_hand() -> None:
    there = [truth(at((0, 0), (50, 0)), [0, 1], ignored=at((200, 200), side=40)), truth(at((0, 0)), [0])]
    seen = [
        found(at((0, 0), (100, 100), (210, 210)), [0.9, 0.8, 0.85], [0, 0, 0]),  # hit, false alarm, over the ignored
        found(at((0, 0), (80, 80)), [0.7, 0.95], [1, 0]),  # hit whatever the class, false alarm
    ]
    boxes = froc(there, seen, [0.25, 0.25])
    rate, share = boxes.curve()
    np.testing.assert_allclose(rate, [0, 2, 2, 4, 4])  # one false alarm on half a mm²
    np.testing.assert_allclose(share, [0, 0, 1 / 3, 1 / 3, 2 / 3])
    np.testing.assert_allclose(boxes.sensitivity(rates=(1, 2, 3, 4)), [[0, 1 / 3, 1 / 3, 2 / 3]])
    np.testing.assert_allclose(froc(there, seen, [0.25, 0.25], 0).sensitivity(rates=(2, 4)), [[0.5, 0.5]])
    twice_the_first = boxes.sensitivity(np.array([[2, 0]]), rates=(0, 4))
    np.testing.assert_allclose(twice_the_first, [[0.5, 0.5]])


def test_froc_cannot_part_equal_scores() -> None:
    there = [truth(at((0, 0)), [0])]
    seen = [found(at((0, 0), (50, 50)), [0.5, 0.5], [0, 0])]
    np.testing.assert_array_equal(froc(there, seen, [1.0]).sensitivity(rates=(0.5, 1)), [[0, 1]])


def test_no_boxes_and_no_cells_are_zero_and_unknown() -> None:
    nothing = found(NOWHERE, [], [])
    np.testing.assert_array_equal(froc([truth(at((0, 0)), [0])], [nothing], [1.0]).sensitivity(rates=(1,)), [[0]])
    assert np.isnan(froc([truth(NOWHERE, [])], [nothing], [1.0]).sensitivity()).all()
    assert np.isnan(reliability_by_image([truth(NOWHERE, [])], [nothing]).error()).all()
    assert np.isnan(pooled_average([pool([truth(NOWHERE, [])], [nothing])], np.ones((1, 1), np.int64))).all()


def test_confusions_by_hand() -> None:
    there = [truth(at((0, 0), (30, 0), (60, 0)), [0, 1, 1], ignored=at((200, 200), side=40))]
    seen = found(at((0, 0), (31, 0), (0, 60), (205, 205)), [0.9, 0.8, 0.7, 0.6], [0, 0, 1, 1])
    counts = confusions(there, [seen], 2)
    np.testing.assert_array_equal(counts, [[[1, 0, 0], [1, 0, 1], [0, 1, 0]]])
    precision, recall = precision_recall(counts[0])
    np.testing.assert_allclose(precision, [1 / 2, 0, 2 / 3])
    np.testing.assert_allclose(recall, [1, 0, 2 / 3])
    kept = above(seen, np.array([0.85, 0.75]))
    np.testing.assert_array_equal(confusions(there, [kept], 2), [[[1, 0, 0], [0, 0, 2], [0, 0, 0]]])


def test_a_cell_is_one_box_and_a_second_one_is_invented() -> None:
    counts = confusions([truth(at((0, 0)), [0])], [found(at((1, 0), (0, 0)), [0.9, 0.8], [1, 0])], 2)
    np.testing.assert_array_equal(counts, [[[0, 1, 0], [0, 0, 0], [1, 0, 0]]])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_confusions_account_for_every_cell_and_agree_with_precision_and_recall(seed: int) -> None:
    there, seen = drawn_images(seed, 3)
    counts = confusions(there, [above(each, np.full(3, 0.4)) for each in seen], 3).sum(axis=0)
    labels = np.concatenate([each.labels for each in there])
    np.testing.assert_array_equal(counts[:3].sum(axis=1), np.bincount(labels, minlength=3))
    assert counts[3, 3] == 0
    precision, recall = precision_recall(counts)
    expected = precision_and_recall(there, seen, float(np.float32(0.4)))
    assert np.nan_to_num([precision[-1], recall[-1]]).tolist() == pytest.approx(expected)


def test_calibration_error_by_hand() -> None:
    there = [truth(at((0, 0), (30, 0)), [0, 0])]
    seen = [found(at((0, 0), (30, 0), (60, 60), (90, 90)), [0.95, 0.91, 0.92, 0.1], [0, 1, 0, 0])]
    each = reliability_by_image(there, seen)
    assert each.count.shape == (1, 10)
    score, right = each.means()
    assert (score[0, 9], right[0, 9]) == pytest.approx((2.78 / 3, 1 / 3))  # the second names another class
    assert (score[0, 1], right[0, 1]) == pytest.approx((0.1, 0.0))
    assert each.error()[0] == pytest.approx((2.78 - 1 + 0.1) / 4)
    assert each.drawn(np.array([[3]])).error()[0] == pytest.approx(each.error()[0])


def test_a_score_of_one_lies_in_the_last_bin() -> None:
    seen = [found(at((0, 0)), [1.0], [0])]
    np.testing.assert_array_equal(reliability_by_image([truth(at((0, 0)), [0])], seen).right[0], [0] * 9 + [1])


def test_scaling_finds_back_what_made_the_hits() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.02, 0.98, 40_000)
    made = Platt(0.6, -1.1)
    fitted = fit_platt(scores, rng.random(len(scores)) < made.apply(scores))
    assert fitted is not None
    assert (fitted.a, fitted.b) == pytest.approx((made.a, made.b), abs=0.04)


def test_scaling_is_where_the_likelihood_is_flat() -> None:
    scores, right = np.array([0.2, 0.4, 0.6, 0.9]), np.array([False, True, False, True])
    fitted = fit_platt(scores, right, enough=1)
    assert fitted is not None
    rest = fitted.apply(scores) - np.where(right, 3 / 4, 1 / 4)
    logit = np.log(scores / (1 - scores))
    assert (rest.sum(), rest @ logit) == pytest.approx((0, 0), abs=1e-7)


def test_too_few_and_turned_round_scores_are_left_alone() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random(400)
    assert fit_platt(scores, np.arange(400) < 49) is None
    assert fit_platt(scores, np.arange(400) >= 49) is None
    assert fit_platt(scores, rng.random(400) > scores) is None
    assert fit_calibration([truth(at((0, 0)), [0])], [found(at((0, 0)), [0.9], [0])]) is None


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 5), st.floats(-4, 4), st.lists(st.floats(1e-4, 1 - 1e-4), min_size=2, max_size=20))
def test_scaling_keeps_the_order_and_is_undone(a: float, b: float, scores: list[float]) -> None:
    scaling = Platt(a, b)
    ordered = np.sort(scores)
    assert (np.diff(scaling.apply(ordered)) >= 0).all()
    inside = (scaling.apply(ordered) > 1e-6) & (scaling.apply(ordered) < 1 - 1e-6)
    np.testing.assert_allclose(scaling.undo(scaling.apply(ordered))[inside], ordered[inside], atol=1e-6)
    assert Platt.from_card(scaling.as_card()) == scaling


def test_a_card_that_would_reorder_scores_is_refused() -> None:
    assert Platt.from_card({}) is None
    with pytest.raises(ValueError, match="reorder"):
        Platt.from_card({"a": -1.0, "b": 0.0})


def test_thresholds_by_class_fall_back_where_cells_are_few() -> None:
    places = at(*[(30.0 * k, 0) for k in range(14)])
    there = [truth(places, [0] * 11 + [1] * 3)]
    seen = [found(places, [0.9] * 8 + [0.3] * 3 + [0.8] * 3, [0] * 11 + [1] * 3)]
    chosen = best_thresholds(there, seen, ["many", "few", "none"])
    assert chosen == pytest.approx({"many": 0.3, "few": 0.3, "none": 0.3})
    alarms = found(at(*[(30.0 * k, 90) for k in range(9)]), [0.35] * 9, [0] * 9)
    both = found(*(np.concatenate([getattr(s, n) for s in (seen[0], alarms)]) for n in ("boxes", "scores", "labels")))
    chosen = best_thresholds(there, [both], ["many", "few"])
    assert chosen == pytest.approx({"many": 0.9, "few": 0.8})


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pooled_precision_is_cocos(seed: int) -> None:
    there, seen = drawn_images(seed, 8)
    once = np.ones((1, 8), np.int64)
    ours = pooled_average([pool(there, seen, label) for label in range(3)], once)[0]
    coco = average_precision(there, seen, ["a", "b", "c"])
    assert ours.mean() == pytest.approx(coco.mean, abs=1e-6)
    assert ours[:, 0].tolist() == pytest.approx(list(coco.by_class50.values()), abs=1e-6)
    cells = average_precision(there, seen, ["a", "b", "c"], any_class=True)
    own = pooled_average([pool(there, seen)], once)[0]
    assert (own.mean(), own[0, 0]) == pytest.approx((cells.mean, cells.mean50), abs=1e-6)
    assert 0.1 < own.mean() < 0.9


def test_a_draw_is_the_average_precision_of_the_images_it_has() -> None:
    there, seen = drawn_images(4, 6)
    some = [0, 2, 5]
    weights = np.array([[1, 0, 1, 0, 0, 1]])
    drawn = pooled_average([pool(there, seen)], weights)
    alone = average_precision([there[k] for k in some], [seen[k] for k in some], ["a"] * 3, any_class=True)
    assert drawn[0, 0].mean() == pytest.approx(alone.mean, abs=1e-6)
    np.testing.assert_allclose(drawn, pooled_average([pool(there, seen)], weights * 3))


def test_draws_are_of_as_many_images_and_the_seed_says_which() -> None:
    draws = draw_images(7, 50, seed=3)
    assert (draws.shape, set(draws.sum(axis=1))) == ((50, 7), {7})
    np.testing.assert_array_equal(draws, draw_images(7, 50, seed=3))
    assert (draws != draw_images(7, 50, seed=4)).any()


def test_an_interval_holds_the_middle_of_the_draws() -> None:
    values = np.array([3.0, 5.0, 4.0, 8.0, np.nan, 6.0])
    draws = np.eye(6, dtype=np.int64)
    # 6 draws of which one says nothing: quantiles of 3, 4, 5, 6, 8
    ends = percentile_interval(lambda weights: values[weights.argmax(axis=1)], draws, level=0.5)
    assert ends.tolist() == [4.0, 6.0]
    assert np.isnan(percentile_interval(lambda weights: np.full(len(weights), np.nan), draws)).all()


def test_the_interval_of_a_mean_is_the_textbook_one() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0, 2, 400)
    ends = percentile_interval(lambda weights: weights @ values / 400, draw_images(400, 4000, 0))
    half = 1.96 * values.std() / 20
    np.testing.assert_allclose(ends, [values.mean() - half, values.mean() + half], atol=0.03)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_sensitivity_only_grows_with_the_rate(seed: int) -> None:
    there, seen = drawn_images(seed, 3)
    boxes = froc(there, seen, [0.5] * 3)
    rate, share = boxes.curve()
    assert (np.diff(rate) >= 0).all()
    assert (np.diff(share) >= 0).all()
    found_share = boxes.sensitivity(draw_images(3, 5, seed))
    assert (np.diff(found_share, axis=1) >= 0).all() or np.isnan(found_share).any()


def test_reliability_adds_up_over_images() -> None:
    there, seen = drawn_images(9, 4)
    each = reliability_by_image(there, seen)
    whole = each.drawn(np.ones(4, np.int64))
    assert isinstance(whole, Reliability)
    assert whole.count.sum() == each.count.sum()
    assert 0 <= float(whole.error()) <= 1
