"""Measures a classifier of mitoses on patches that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.mitosis.patches import RGB, PatchSet, centred
from cytoshift.mitosis.score import MitosisScore, score_mitoses
from cytoshift.training.coco import NOMINAL_MPP

AT_ONCE = 64
"""Patches that are in memory together."""


class _Said(Protocol):
    @property
    def atypical(self) -> npt.NDArray[np.float32]:
        """Probability of each crop to be atypical, ``(n,)``."""


class Classifier(Protocol):
    """What is measured, `cytoshift.mitosis.classifier.MitosisClassifier` for one."""

    mpp: float
    side: int
    threshold: float

    def classify(self, crops: RGB) -> _Said:
        """Classify crops ``(n, side, side, 3)`` at its µm/px, each with a mitosis in its middle."""


def evaluate_classifier(
    classifier: Classifier,
    patches: PatchSet,
    *,
    threshold: float | None = None,
    mpp: float = NOMINAL_MPP,
    resamples: int = 0,
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> MitosisScore:
    """Measure a classifier.

    Parameters
    ----------
    classifier : Classifier
    patches : PatchSet
        Patches of slides it was not trained on.
    threshold : float, optional
        From which a mitosis is called atypical; the classifier's own by default.
    mpp : float
        µm/px of the patches.
    resamples, seed : int
        Draws of slides for the intervals, none without; and their seed.
    report : callable, optional
        Receives patches done and in all.

    Raises
    ------
    DataError
        A patch cannot be read.
    """
    said = look_at_patches(classifier, patches, mpp=mpp, report=report)
    at = classifier.threshold if threshold is None else threshold
    return score_mitoses(patches, said, threshold=at, resamples=resamples, seed=seed)


def look_at_patches(
    classifier: Classifier,
    patches: PatchSet,
    *,
    mpp: float = NOMINAL_MPP,
    report: Callable[[int, int], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Return how probable a classifier thinks it that each mitosis is atypical, ``(n,)``; as `evaluate_classifier`."""
    said = np.zeros(len(patches), np.float32)
    for start in range(0, len(patches), AT_ONCE):
        stop = min(start + AT_ONCE, len(patches))
        crops = [_crop(patches.read(index), mpp, classifier) for index in range(start, stop)]
        said[start:stop] = classifier.classify(np.stack(crops)).atypical
        if report is not None:
            report(stop, len(patches))
    return said


def _crop(patch: RGB, mpp: float, classifier: Classifier) -> RGB:
    """Return a patch as the classifier sees it: at its µm/px, cut to its side around the mitosis."""
    if mpp != classifier.mpp:
        side = max(1, round(len(patch) * mpp / classifier.mpp))
        patch = np.asarray(Image.fromarray(patch).resize((side, side), Image.Resampling.BILINEAR))
    return centred(patch, classifier.side)
