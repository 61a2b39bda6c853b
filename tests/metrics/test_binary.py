"""Yes or no against a score: brute-force oracles, ties, and intervals over groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.metrics.binary import NAMES, BinaryParts, best_threshold, roc_auc, steady_threshold

CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=30).filter(
    lambda cases: {yes for yes, _ in cases} == {True, False}
)
"""Cases of both kinds on a coarse scale, so that many are tied."""


def taken_apart(cases: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([yes for yes, _ in cases]), np.array([level / 6 for _, level in cases])


def balanced_accuracy(yes: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    return float(((scores[yes] >= threshold).mean() + (scores[~yes] < threshold).mean()) / 2)


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_the_area_is_how_often_a_yes_scores_above_a_no(cases: list[tuple[bool, int]]) -> None:
    yes, scores = taken_apart(cases)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[yes] for b in scores[~yes]]
    assert roc_auc(yes, scores) == pytest.approx(np.mean(pairs))
    assert roc_auc(~yes, 1 - scores) == pytest.approx(np.mean(pairs))
    assert roc_auc(yes, np.log(scores + 0.1)) == pytest.approx(np.mean(pairs))


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_no_threshold_is_better_than_the_best(cases: list[tuple[bool, int]]) -> None:
    yes, scores = taken_apart(cases)
    best = best_threshold(yes, scores)
    tried = [balanced_accuracy(yes, scores, threshold) for threshold in np.arange(-1, 15) / 12]
    assert best.balanced_accuracy == pytest.approx(max(tried))
    assert balanced_accuracy(yes, scores, best.threshold) == pytest.approx(best.balanced_accuracy)
    order = np.random.default_rng(0).permutation(len(yes))
    assert best_threshold(yes[order], scores[order]) == best


def test_the_threshold_is_in_the_middle_of_the_widest_stretch() -> None:
    assert best_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]).threshold == pytest.approx(0.4)
    # 0.1 to 0.3 is as good as 0.4 to 0.9: of the second there is more
    assert best_threshold([0, 1, 0, 1], [0.1, 0.3, 0.4, 0.9]).threshold == pytest.approx(0.65)
    # equally good and equally wide: the lower
    assert best_threshold([0, 1, 0, 1], [0.125, 0.375, 0.5, 0.75]).threshold == pytest.approx(0.25)
    # a stretch goes on over scores at which nothing changes: one of each kind
    assert best_threshold([0, 0, 1, 1], [0, 1, 1, 2]).threshold == 1


def test_neighbouring_scores_are_told_apart() -> None:
    low = 0.7
    high = float(np.nextafter(low, 1))
    best = best_threshold([0, 1], [low, high])
    assert (best.balanced_accuracy, low < best.threshold <= high) == (1.0, True)


def test_all_tied_or_upside_down_and_one_kind_only() -> None:
    assert best_threshold([0, 1], [0.5, 0.5]).balanced_accuracy == 0.5
    assert best_threshold([1, 0], [0.2, 0.8]).balanced_accuracy == 0.5
    with pytest.raises(ValueError, match="both kinds"):
        best_threshold([1, 1], [0.2, 0.8])
    assert np.isnan(roc_auc([1, 1], [0.2, 0.8]))


@settings(max_examples=60, deadline=None)
@given(CASES, st.integers(0, 12), st.data())
def test_weighing_groups_is_repeating_their_cases(
    cases: list[tuple[bool, int]], twelfths: int, data: st.DataObject
) -> None:
    yes, scores = taken_apart(cases)
    groups = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(yes), max_size=len(yes))), np.int64)
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=4, max_size=4)), np.int64)
    threshold = twelfths / 12
    parts = BinaryParts.of(yes, scores, groups, 4, threshold)
    found = parts.numbers(weights[None])[0]
    repeated = np.repeat(np.arange(len(yes)), weights[groups])
    y, s = yes[repeated], scores[repeated]
    named = dict(zip(NAMES, found, strict=True))
    if y.any():
        assert named["sensitivity"] == pytest.approx((s[y] >= threshold).mean())
    else:
        assert np.isnan(named["sensitivity"])
    if (~y).any():
        assert named["specificity"] == pytest.approx((s[~y] < threshold).mean())
    if y.any() and (~y).any():
        assert named["balanced accuracy"] == pytest.approx(balanced_accuracy(y, s, threshold))
        assert named["ROC AUC"] == pytest.approx(roc_auc(y, s))
        at, accuracy = parts.cuts(weights[None])[0]
        assert accuracy == pytest.approx(best_threshold(y, s).balanced_accuracy)
        assert balanced_accuracy(y, s, at) == pytest.approx(accuracy)
    else:
        assert np.isnan([named["balanced accuracy"], named["ROC AUC"], *parts.cuts(weights[None])[0]]).all()
    if len(y):
        bins = np.minimum((s * 10).astype(int), 9)
        gaps = [abs((s[bins == k] - y[bins == k]).sum()) for k in range(10)]
        assert named["calibration error"] == pytest.approx(sum(gaps) / len(y))


def test_the_steady_threshold_of_calibrated_scores_is_about_their_prevalence() -> None:
    """To call yes what is likelier than usual has the best balanced accuracy; peaks of single draws lie all over."""
    rng = np.random.default_rng(0)
    scores = rng.beta(0.6, 2.0, 400)
    labels = rng.random(400) < scores
    steady = steady_threshold(labels, scores)
    assert steady == steady_threshold(labels, scores)
    assert abs(steady - scores.mean()) < 0.1
    halves = [steady_threshold(labels[k::2], scores[k::2]) for k in range(2)]
    assert abs(halves[0] - halves[1]) < 0.15


def test_the_steady_threshold_of_scores_that_tell_all_apart_lies_between_them() -> None:
    assert 0.3 < steady_threshold([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]) < 0.7
