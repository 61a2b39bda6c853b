"""What cells are called: class by class, with those missed and those invented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.detection import BY_OVERLAP, Boxes, DetectionTruth, FoundBoxes, partners
from cytoshift.metrics.matching import Matching


def above(found: FoundBoxes, thresholds: npt.NDArray[np.float64]) -> Boxes:
    """Return the boxes whose score reaches the threshold of their class, ``thresholds`` by label."""
    kept = found.scores >= thresholds[found.labels]
    return Boxes(found.boxes[kept], found.scores[kept], found.labels[kept])


def confusions(
    truth: Sequence[DetectionTruth], kept: Sequence[FoundBoxes], classes: int, *, matching: Matching = BY_OVERLAP
) -> npt.NDArray[np.int64]:
    """Count what cells are called, image by image.

    Boxes are matched one to one by place alone, best score first, so that a cell of another name is a confusion and
    not a miss beside a false alarm. What lies over an ignored place counts neither way.

    Parameters
    ----------
    truth, kept : sequences of the same length
        One entry an image; of what was found only what is shown, see `above`.
    classes : int
        Number of classes.
    matching : ByOverlap or ByDistance
        When a box is on a cell.

    Returns
    -------
    ndarray of int64, shape (images, classes + 1, classes + 1)
        Rows are what is there, the last one nothing (invented); columns what it is called, the last one nothing
        (missed). The last entry is 0.
    """
    counts = np.zeros((len(truth), classes + 1, classes + 1), np.int64)
    for image, (there, seen) in enumerate(zip(truth, kept, strict=True)):
        order, partner = partners(there, seen, matching=matching)
        hit = partner >= 0
        missed = np.delete(there.labels, partner[hit])
        places: tuple[Any, ...] = (
            (there.labels[partner[hit]], seen.labels[order[hit]]),
            (classes, seen.labels[order[~hit]]),
            (missed, classes),
        )
        for place in places:
            np.add.at(counts[image], place, 1)
    return counts


def precision_recall(counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return precision and recall from confusions ``(..., classes + 1, classes + 1)``.

    Returns
    -------
    precision, recall : ndarrays of float64, shape (..., classes + 1)
        By class, of the right name; the last ones of cells of any class, whatever they are called. NaN where nothing
        was found, or nothing is there.
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1)[..., :-1]
    called, there = counts[..., :, :-1].sum(axis=-2), counts[..., :-1, :].sum(axis=-1)
    placed = counts[..., :-1, :-1].sum(axis=(-2, -1))
    return (
        _share(np.append(right, placed[..., None], -1), np.append(called, called.sum(-1, keepdims=True), -1)),
        _share(np.append(right, placed[..., None], -1), np.append(there, there.sum(-1, keepdims=True), -1)),
    )


def _share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    share: npt.NDArray[np.float64] = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share
