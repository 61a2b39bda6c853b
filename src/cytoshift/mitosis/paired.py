"""Two classifiers on the same mitoses: every number of both, and what of the difference is chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.binary import NAMES, BinaryParts
from cytoshift.metrics.bootstrap import Weights
from cytoshift.metrics.paired import FEWEST_UNITS, RESAMPLES, Paired, Values, paired_ends
from cytoshift.mitosis.patches import PatchSet

MAIN = "balanced accuracy"
"""The number that decides: normal mitoses are many more than atypical ones."""

SLIDES, MITOSES = "slides", "mitoses"

_SHOWN = NAMES[:4]
"""The calibration error is not among them: less of it is better."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a classifier says of some patches: probabilities of each to be atypical ``(n,)``, and its threshold."""

    atypical: npt.NDArray[np.float32]
    threshold: float


def compare_classifiers(
    patches: PatchSet, before: Said, after: Said, *, resamples: int = RESAMPLES, seed: int = 0
) -> Paired:
    """Compare two classifiers on the same patches.

    What is drawn again are slides where there are enough of them, otherwise mitoses.

    Parameters
    ----------
    patches : PatchSet
    before, after : Said
    resamples, seed : int
        Draws, and their seed.

    Returns
    -------
    Paired
        Balanced accuracy, sensitivity, specificity and ROC AUC.
    """
    slides, unit = np.unique(patches.slides, return_inverse=True)
    over, units = SLIDES, len(slides)
    if units < FEWEST_UNITS:
        unit, over, units = np.arange(len(patches)), MITOSES, len(patches)
    old, new = (BinaryParts.of(patches.labels, said.atypical, unit, units, said.threshold) for said in (before, after))
    once = np.ones((1, units), np.int64)
    ends = paired_ends(
        lambda weights: _numbers(old, weights),
        lambda weights: _numbers(new, weights),
        _bearing(unit, units, patches.labels == 1),
        resamples=resamples,
        seed=seed,
    )
    return Paired(_SHOWN, _numbers(old, once)[0], _numbers(new, once)[0], ends, over, units)


def _numbers(parts: BinaryParts, weights: Weights) -> Values:
    return parts.numbers(weights)[:, : len(_SHOWN)]


def _bearing(unit: npt.NDArray[np.int64], units: int, atypical: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which units each number rests on, ``(units, 4)``.

    Sensitivity rests on those with an atypical mitosis, specificity on those with a normal one, the others on the rarer
    of the two kinds.
    """
    has = [np.bincount(unit[kind], minlength=units) > 0 for kind in (atypical, ~atypical)]
    rarer = min(has, key=lambda which: int(which.sum()))
    return np.stack([rarer, has[0], has[1], rarer], axis=1)
