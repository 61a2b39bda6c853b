"""Yes or no, against a score: balanced accuracy, sensitivity, specificity, ROC AUC, calibration, and the threshold.

Intervals are over groups (slides): what each group contributes is summed once, and each draw only weighs the groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.bootstrap import Weights
from cytoshift.metrics.calibration import BINS, Reliability, binned

Values = npt.NDArray[np.float64]

NAMES = ("balanced accuracy", "sensitivity", "specificity", "ROC AUC", "calibration error")
"""The numbers of `BinaryParts.numbers`, in their order."""

BEST = ("best threshold", "best balanced accuracy")
"""The numbers of `BinaryParts.cuts`, in their order."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A threshold, from which a score means yes, and the balanced accuracy there."""

    threshold: float
    balanced_accuracy: float


@dataclass(frozen=True, slots=True)
class BinaryParts:
    """What each group of cases contributes to each number.

    Parameters
    ----------
    counts : ndarray of float64, shape (groups, 2, 2)
        Rows are what is true, columns what is said at the threshold; no before yes.
    levels : ndarray of float64, shape (scores,)
        The scores that occur, from the lowest to the highest.
    by_score : ndarray of float64, shape (2, groups, scores)
        Cases of each truth at each of them.
    reliability : Reliability
        Scores against how often yes is true, ``(groups, bins)``.
    """

    counts: Values
    levels: Values
    by_score: Values
    reliability: Reliability

    @classmethod
    def of(
        cls, labels: npt.ArrayLike, scores: npt.ArrayLike, groups: npt.NDArray[np.int64], count: int, threshold: float
    ) -> BinaryParts:
        """Sum up cases.

        Parameters
        ----------
        labels : array of int or bool, shape (n,)
            Whether yes is true.
        scores : array of float, shape (n,)
            Probabilities of yes.
        groups : ndarray of int64, shape (n,)
            The group of each, below ``count``; not all of them need have cases.
        count : int
            How many groups there are.
        threshold : float
            From which a score means yes.
        """
        yes, score = np.asarray(labels).astype(np.int64), np.asarray(scores, np.float64)
        levels, level = np.unique(score, return_inverse=True)
        counts = np.zeros((count, 2, 2))
        np.add.at(counts, (groups, yes, (score >= threshold).astype(np.int64)), 1)
        by_score = np.zeros((2, count, len(levels)))
        np.add.at(by_score, (yes, groups, level), 1)
        sums = [binned(score[groups == k], yes[groups == k] == 1, BINS) for k in range(count)]
        reliability = Reliability(*(np.reshape(part, (count, BINS)) for part in zip(*sums, strict=True)))
        return cls(counts, levels, by_score, reliability)

    def numbers(self, weights: Weights) -> Values:
        """Return the numbers ``(r, 5)`` of some draws ``(r, groups)``, as `NAMES`; NaN where one is not defined."""
        drawn = weights.astype(np.float64)
        counts = np.tensordot(drawn, self.counts, axes=1)
        no, yes = counts[:, 0].sum(axis=1), counts[:, 1].sum(axis=1)
        specificity, sensitivity = _ratio(counts[:, 0, 0], no), _ratio(counts[:, 1, 1], yes)
        area = _area(drawn @ self.by_score[0], drawn @ self.by_score[1])
        error = self.reliability.drawn(weights).error()
        return np.stack([(sensitivity + specificity) / 2, sensitivity, specificity, area, error], axis=1)

    def cuts(self, weights: Weights) -> Values:
        """Return the best threshold and the balanced accuracy there, ``(r, 2)``, of some draws, as `BEST`."""
        drawn = weights.astype(np.float64)
        pairs = zip(drawn @ self.by_score[0], drawn @ self.by_score[1], strict=True)
        return np.array([(np.nan, np.nan) if cut is None else cut for cut in (_cut(self.levels, *p) for p in pairs)])


def roc_auc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Return the area under the ROC curve: how often a yes scores above a no, ties counting half; NaN of one kind."""
    levels, level = np.unique(np.asarray(scores, np.float64), return_inverse=True)
    yes = np.asarray(labels).astype(bool)
    no_there, yes_there = (np.bincount(level[kind], minlength=len(levels))[None] for kind in (~yes, yes))
    return float(_area(no_there.astype(np.float64), yes_there.astype(np.float64))[0])


def best_threshold(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Cut:
    """Return the threshold with the best balanced accuracy.

    Balanced accuracy only changes at scores that occur. Where it is best between two of them, the threshold is halfway;
    of several such stretches the widest is taken, then the lowest. To call everything yes or no is chosen last.

    Raises
    ------
    ValueError
        There are not both kinds.
    """
    levels, level = np.unique(np.asarray(scores, np.float64), return_inverse=True)
    yes = np.asarray(labels).astype(bool)
    there = (np.bincount(level[kind], minlength=len(levels)).astype(np.float64) for kind in (~yes, yes))
    cut = _cut(levels, *there)
    if cut is None:
        raise ValueError("a threshold needs cases of both kinds")
    return Cut(*cut)


def steady_threshold(labels: npt.ArrayLike, scores: npt.ArrayLike, *, draws: int = 200, seed: int = 0) -> float:
    """Return the median of the best thresholds of as many draws of the cases, with replacement.

    On a few hundred cases balanced accuracy has many peaks of nearly one height, and which is the highest is chance;
    the median lies where most draws have theirs.

    Parameters
    ----------
    labels, scores : array, shape (n,)
        As `best_threshold` takes them, with cases of both kinds.
    draws, seed : int
        How many draws, and their seed. Those without one of the two kinds do not count.
    """
    yes, score = np.asarray(labels).astype(np.int64), np.asarray(scores, np.float64)
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(len(yes), size=len(yes)) for _ in range(draws))
    found = [best_threshold(yes[k], score[k]).threshold for k in drawn if 0 < yes[k].sum() < len(k)]
    return float(np.median(found)) if found else best_threshold(yes, score).threshold


def _cut(levels: Values, no: Values, yes: Values) -> tuple[float, float] | None:
    """Return the best threshold and the balanced accuracy there, of how many cases score at each level."""
    total = float(no.sum() * yes.sum())
    if not total:
        return None
    # right in products of counts at a threshold just above each level: whole numbers, so that ties are ties
    gain = no.cumsum() * yes.sum() - yes.cumsum() * no.sum()
    best = gain[:-1].max(initial=0)
    stretches = _stretches(gain[:-1] == best)
    if not stretches:
        return float(levels[0]), 0.5
    first, last = max(stretches, key=lambda ends: (levels[ends[1] + 1] - levels[ends[0]], -ends[0]))
    low, high = float(levels[first]), float(levels[last + 1])
    middle = low + (high - low) / 2
    return (middle if low < middle else high), float(0.5 + best / (2 * total))


def _stretches(best: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first and last place of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], best, [False]]).astype(np.int64)))
    return [(int(first), int(after) - 1) for first, after in edges.reshape(-1, 2)]


def _area(no: Values, yes: Values) -> Values:
    """Return the area under the ROC curve ``(r,)`` of how many cases score at each level ``(r, levels)``."""
    below = no.cumsum(axis=1) - no / 2
    return _ratio((yes * below).sum(axis=1), yes.sum(axis=1) * no.sum(axis=1))


def _ratio(part: Values, whole: Values) -> Values:
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0), np.float64)
