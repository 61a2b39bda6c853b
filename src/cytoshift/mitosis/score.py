"""How well a classifier tells atypical mitoses from normal ones: every number, with intervals over slides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.binary import BEST, NAMES, BinaryParts
from cytoshift.metrics.bootstrap import Intervals, Weights, draw_images, percentile_interval
from cytoshift.metrics.calibration import Reliability
from cytoshift.mitosis.classes import ATYPICAL, NORMAL
from cytoshift.mitosis.patches import PatchSet

CLASSES = (NORMAL, ATYPICAL)

CARD = ("balanced accuracy", "ROC AUC")
"""Numbers whose intervals a card keeps."""


@dataclass(frozen=True, slots=True)
class MitosisScore:
    """How good a classifier is on some patches.

    Parameters
    ----------
    numbers : dict of str to float
        Those of `cytoshift.metrics.binary.NAMES` that are defined: sensitivity is the share of atypical mitoses that
        are called so, specificity that of normal ones, balanced accuracy the mean of the two.
    best : dict of str to float
        The threshold that would have been best on these very patches, and the balanced accuracy there: what a threshold
        chosen elsewhere has lost. Empty where there is one kind only.
    by_domain : dict of str to dict
        All of these, and ``patches``, ``atypical`` and ``slides``, for each domain; empty where there is one.
    threshold : float
        From which a mitosis was called atypical.
    patches, atypical, slides : int
    confusion : ndarray of int64, shape (2, 2)
        Rows are what is there, columns what it is called, as `CLASSES`.
    reliability : Reliability
        Probabilities against how often mitoses were atypical, ``(bins,)``.
    intervals : Intervals or None
        By name; with the domain's name behind it for a domain.
    """

    numbers: dict[str, float]
    best: dict[str, float]
    by_domain: dict[str, dict[str, float]]
    threshold: float
    patches: int
    atypical: int
    slides: int
    confusion: npt.NDArray[np.int64]
    reliability: Reliability
    intervals: Intervals | None

    def flat(self) -> dict[str, float]:
        """Return the main numbers by name."""
        counts = {"patches": self.patches, "atypical": self.atypical, "slides": self.slides}
        return {**self.numbers, "threshold": self.threshold, **counts}

    def as_metrics(self) -> dict[str, float]:
        """Return the main numbers as a model's card stores them; an interval's ends are ``low`` and ``high``."""
        ends = {} if self.intervals is None else self.intervals.ends
        low, high = (
            {f"{name} {end}": ends[name][k] for name in CARD if name in ends} for k, end in enumerate(("low", "high"))
        )
        return self.flat() | low | high

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold: no NaN."""
        mean, right = ([None if np.isnan(each) else float(each) for each in p] for p in self.reliability.means())
        return {
            **self.flat(),
            **self.best,
            "by_domain": self.by_domain,
            "confusion": {"classes": list(CLASSES), "rows_there_columns_called": self.confusion.tolist()},
            "reliability": {"patches": self.reliability.count.tolist(), "probability": mean, "atypical": right},
            "intervals": None if self.intervals is None else self.intervals.to_json(),
        }


def score_mitoses(
    patches: PatchSet, probabilities: npt.NDArray[np.float32], *, threshold: float, resamples: int = 0, seed: int = 0
) -> MitosisScore:
    """Work out every number of a classifier.

    Parameters
    ----------
    patches : PatchSet
        What it saw.
    probabilities : ndarray of float32, shape (n,)
        Of each to be atypical.
    threshold : float
        From which a mitosis is called atypical.
    resamples : int
        Draws of slides for the intervals; none are worked out without.
    seed : int
        Of the draws.
    """
    slides, slide = np.unique(patches.slides, return_inverse=True)
    parts = {"": BinaryParts.of(patches.labels, probabilities, slide, len(slides), threshold)}
    if not patches.one_domain:
        for domain in np.unique(patches.domains):
            of = patches.domains == domain
            seen = BinaryParts.of(patches.labels[of], probabilities[of], slide[of], len(slides), threshold)
            parts[patches.domain_names[domain]] = seen
    once = np.ones((1, len(slides)), np.int64)
    known = {name: _known(part, once) for name, part in parts.items()}
    numbers = known.pop("")
    return MitosisScore(
        numbers={name: numbers[name] for name in NAMES if name in numbers},
        best={name: numbers[name] for name in BEST if name in numbers},
        by_domain=known,
        threshold=threshold,
        patches=len(patches),
        atypical=int(patches.labels.sum()),
        slides=len(slides),
        confusion=parts[""].counts.sum(axis=0).astype(np.int64),
        reliability=parts[""].reliability.drawn(once[0]),
        intervals=_intervals(parts, len(slides), resamples, seed) if resamples else None,
    )


def _every(part: BinaryParts, weights: Weights) -> npt.NDArray[np.float64]:
    """Return all numbers ``(r, numbers)`` of some draws of slides; NaN where one is not defined."""
    return np.concatenate([part.numbers(weights), part.cuts(weights)], axis=1)


def _known(part: BinaryParts, once: Weights) -> dict[str, float]:
    by_slide = part.counts.sum(axis=(1, 2))
    counts = {"patches": by_slide.sum(), "atypical": part.counts[:, 1].sum(), "slides": (by_slide > 0).sum()}
    numbers = zip((*NAMES, *BEST), _every(part, once)[0], strict=True)
    known = {name: float(value) for name, value in numbers if not np.isnan(value)}
    return known | {name: int(value) for name, value in counts.items()}


def _intervals(parts: dict[str, BinaryParts], slides: int, resamples: int, seed: int) -> Intervals:
    draws = draw_images(slides, resamples, seed)
    ends: dict[str, tuple[float, float]] = {}
    for domain, part in parts.items():
        low, high = percentile_interval(partial(_every, part), draws)
        for name, a, b in zip((*NAMES, *BEST), low.tolist(), high.tolist(), strict=True):
            if not np.isnan(a):
                ends[f"{name} {domain}".strip()] = (a, b)
    return Intervals(resamples, seed, ends, over="slides")
