"""Crops around mitoses, and what a classifier says of them, however many there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]
Column = npt.NDArray[np.float32]

AT_ONCE = 8
"""Crops that a classifier is given at once, always as many: how sums are rounded depends on the shape of a batch."""

ATYPICAL = "atypical"
"""The measure that says how probable it is that a mitosis is atypical."""

PHASE = "phase: "
"""Begins the names of the measures that say how probable each phase of the mitotic cycle is."""


class Classified(Protocol):
    """What a classifier says of crops: probabilities of being atypical ``(n,)``, and of each phase ``(n, p)``."""

    @property
    def atypical(self) -> Column: ...
    @property
    def phases(self) -> Column: ...


class Classifier(Protocol):
    """What tells atypical mitoses from normal ones, `cytoshift.mitosis.MitosisClassifier` for one."""

    @property
    def mpp(self) -> float:
        """µm/px of its crops."""

    @property
    def side(self) -> int:
        """Side of a crop in those pixels."""

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases of the mitotic cycle that it tells apart."""

    @property
    def model(self) -> tuple[str, str]:
        """Id and version."""

    @property
    def threshold(self) -> float:
        """Probability from which a mitosis is called atypical."""

    def classify(self, crops: RGB) -> Classified:
        """Classify crops ``(n, side, side, 3)``, each with a mitosis in its middle."""


def crop_corners(boxes: npt.ArrayLike, side: int) -> npt.NDArray[np.int64]:
    """Return x, y ``(n, 2)`` of the first pixel of a crop around the centre of each box ``(n, 4)``."""
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.floor((corners[:, :2] + corners[:, 2:]) / 2 + 0.5).astype(np.int64) - side // 2


def names_of(classifier: Classifier) -> tuple[str, ...]:
    """Return the names of what is measured by a classifier."""
    return (ATYPICAL, *(f"{PHASE}{phase}" for phase in classifier.phases))


def measured(
    classifier: Classifier, crop: Callable[[int], RGB], count: int, report: Callable[[int], None] | None = None
) -> dict[str, Column]:
    """Classify crops, a few at a time.

    Parameters
    ----------
    classifier : Classifier
    crop : callable
        Given a number from 0 on, returns a crop ``(side, side, 3)``, uint8.
    count : int
        How many there are.
    report : callable, optional
        Receives how many are done.

    Returns
    -------
    dict of str to ndarray of float32, shape (count,)
        By the names of `names_of`.
    """
    names = names_of(classifier)
    values = np.empty((len(names), count), np.float32)
    for start in range(0, count, AT_ONCE):
        stop = min(start + AT_ONCE, count)
        some = [crop(number) for number in range(start, stop)]
        said = classifier.classify(np.stack(some + some[-1:] * (AT_ONCE - len(some))))
        values[0, start:stop] = said.atypical[: stop - start]
        values[1:, start:stop] = said.phases[: stop - start].T
        if report is not None:
            report(stop)
    return dict(zip(names, values, strict=True))
