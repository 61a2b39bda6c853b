"""Whether a score of 0.8 means right in 8 of 10, and the scaling that makes it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.detection import BY_OVERLAP, DetectionTruth, FoundBoxes, match_names
from cytoshift.metrics.matching import Matching

Values = npt.NDArray[np.float64]

BINS = 10
"""Bins of equal width that scores are compared in."""

ENOUGH = 50
"""Right boxes, and wrong ones, from which a scaling is fitted: two numbers from fewer say more of chance."""

_EDGE = 1e-7


@dataclass(frozen=True, slots=True)
class Platt:
    """Scaling of a score's logit: ``sigmoid(a logit(s) + b)``, with a above 0, so that no two scores change order."""

    a: float = 1.0
    b: float = 0.0

    def apply(self, scores: npt.ArrayLike) -> Values:
        """Return calibrated scores."""
        return _sigmoid(self.a * _logit(scores) + self.b)

    def undo(self, scores: npt.ArrayLike) -> Values:
        """Return the scores that `apply` makes these from."""
        return _sigmoid((_logit(scores) - self.b) / self.a)

    def as_card(self) -> dict[str, float]:
        """Return what a model's card keeps."""
        return {"a": self.a, "b": self.b}

    @classmethod
    def from_card(cls, entry: Mapping[str, float]) -> Platt | None:
        """Read what `as_card` made; None of nothing. ValueError where it is no such scaling."""
        if not entry:
            return None
        read = cls(**{name: float(value) for name, value in entry.items()})
        if not (np.isfinite([read.a, read.b]).all() and read.a > 0):
            raise ValueError(f"calibration a = {read.a:g}, b = {read.b:g} would reorder scores")
        return read


def fit_platt(scores: npt.ArrayLike, right: npt.ArrayLike, *, enough: int = ENOUGH) -> Platt | None:
    """Fit the scaling by maximum likelihood with Newton's method.

    Parameters
    ----------
    scores : array of float, shape (n,)
        Between 0 and 1.
    right : array of bool, shape (n,)
        Whether each was right.
    enough : int
        Fewest right and fewest wrong ones.

    Returns
    -------
    Platt or None
        None where there are too few, or better scores are not more often right.

    Notes
    -----
    The targets are Platt's, a little inside 0 and 1 ("Probabilistic outputs for support vector machines", 1999); the
    step is halved while it does not go down (Lin, Lin and Weng, "A note on Platt's probabilistic outputs", 2007).
    """
    hit = np.asarray(right, bool)
    yes, no = int(hit.sum()), int((~hit).sum())
    if min(yes, no) < enough:
        return None
    x = np.stack([_logit(scores), np.ones(len(hit))], axis=1)
    target = np.where(hit, (yes + 1) / (yes + 2), 1 / (no + 2)).astype(np.float64)
    at = np.array([1.0, 0.0])
    for _ in range(100):
        p = _sigmoid(x @ at)
        gradient = x.T @ (p - target)
        if np.abs(gradient).max() < 1e-9 * len(hit):
            break
        curvature = (x * (p * (1 - p))[:, None]).T @ x + 1e-12 * np.eye(2)
        at = at - _downhill(x, target, at, np.asarray(np.linalg.solve(curvature, gradient), np.float64))
    return Platt(float(at[0]), float(at[1])) if at[0] > 0 else None


def fit_calibration(
    truth: Sequence[DetectionTruth], found: Sequence[FoundBoxes], *, matching: Matching = BY_OVERLAP
) -> Platt | None:
    """Fit one scaling for all classes: right is a box on a cell of the class it names; None where there are too few."""
    pairs = [match_names(there, seen, matching=matching) for there, seen in zip(truth, found, strict=True)]
    return fit_platt(np.concatenate([score for score, _ in pairs]), np.concatenate([hit for _, hit in pairs]))


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often boxes of like score are right.

    Parameters
    ----------
    count, score, right : ndarrays of float64, shape (..., bins)
        Boxes in each bin, the sum of their scores, and how many were right.
    """

    count: Values
    score: Values
    right: Values

    def means(self) -> tuple[Values, Values]:
        """Return the mean score and the share of right boxes of each bin; NaN in those that are empty."""
        empty = np.full(self.count.shape, np.nan)
        mean = np.divide(self.score, self.count, out=empty.copy(), where=self.count > 0)
        return mean, np.divide(self.right, self.count, out=empty, where=self.count > 0)

    def error(self) -> Values:
        """Return the expected calibration error ``(...)``: the mean gap of the two, weighted by boxes; NaN of none.

        Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
        """
        total = self.count.sum(axis=-1)
        gap = np.abs(self.score - self.right).sum(axis=-1)
        return np.asarray(np.divide(gap, total, out=np.full(total.shape, np.nan), where=total > 0), np.float64)

    def drawn(self, weights: npt.NDArray[np.int64]) -> Reliability:
        """Return the reliability of draws ``(r, images)`` of images, of one by image."""
        return Reliability(weights @ self.count, weights @ self.score, weights @ self.right)


def reliability_by_image(
    truth: Sequence[DetectionTruth],
    found: Sequence[FoundBoxes],
    *,
    matching: Matching = BY_OVERLAP,
    bins: int = BINS,
) -> Reliability:
    """Return how often boxes of like score name the cell they are on, image by image ``(images, bins)``."""
    pairs = [match_names(there, seen, matching=matching) for there, seen in zip(truth, found, strict=True)]
    sums = [binned(score, right, bins) for score, right in pairs]
    count, score, right = (np.stack(part) for part in zip(*sums, strict=True))
    return Reliability(count, score, right)


def binned(scores: Values, right: npt.NDArray[np.bool_], bins: int) -> tuple[Values, Values, Values]:
    """Return how many scores lie in each of some bins of equal width, their sums, and how many were right."""
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    weights = (np.ones(len(place)), scores, right)
    count, score, hits = (np.bincount(place, each, bins).astype(np.float64) for each in weights)
    return count, score, hits


def _downhill(x: Values, target: Values, at: Values, step: Values) -> Values:
    """Return the step, halved until the loss does not grow."""
    before = _loss(x @ at, target)
    while _loss(x @ (at - step), target) > before and np.abs(step).max() > 1e-12:
        step = step / 2
    return step


def _loss(z: Values, target: Values) -> float:
    return float((np.logaddexp(0, z) - target * z).sum())


def _logit(scores: npt.ArrayLike) -> Values:
    p = np.clip(np.asarray(scores, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(p) - np.log1p(-p), np.float64)


def _sigmoid(z: Values) -> Values:
    return np.asarray(0.5 * (1 + np.tanh(z / 2)), np.float64)
