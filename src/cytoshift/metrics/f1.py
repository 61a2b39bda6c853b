"""F1 of one class at a threshold: right and wrong boxes, and missed cells, summed over all images.

As MIDOG scores detectors of mitoses (Aubreville et al., "Mitosis domain generalization in histopathology images",
Medical Image Analysis 2023): boxes matched one to one, best score first, image by image, and counted together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.bootstrap import Weights, draw_images, percentile_interval
from cytoshift.metrics.detection import DetectionTruth, FoundBoxes, match_cells, of_class
from cytoshift.metrics.matching import Matching

Values = npt.NDArray[np.float64]

SWEPT = np.round(np.arange(0.05, 1.0, 0.05), 2)
"""Thresholds at which the numbers are listed."""

NUMBERS = ("F1", "precision", "recall")


@dataclass(frozen=True, slots=True)
class CountedBoxes:
    """Boxes of one class in all images that are right or wrong; those over ignored places are left out.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    image : ndarray of int64, shape (n,)
    hit : ndarray of bool, shape (n,)
    cells : ndarray of int64, shape (images,)
        How many there are.
    """

    scores: Values
    image: npt.NDArray[np.int64]
    hit: npt.NDArray[np.bool_]
    cells: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, truth: Sequence[DetectionTruth], found: Sequence[FoundBoxes], label: int, matching: Matching
    ) -> CountedBoxes:
        """Match the boxes of a class, image by image."""
        scores, images, hits = [np.zeros(0)], [np.zeros(0, np.int64)], [np.zeros(0, bool)]
        cells = np.zeros(len(truth), np.int64)
        for index, (there, seen) in enumerate(zip(truth, found, strict=True)):
            own, boxes = of_class(there, seen, label)
            score, hit = match_cells(own, boxes, matching=matching)
            scores.append(score)
            hits.append(hit)
            images.append(np.full(len(score), index, np.int64))
            cells[index] = len(own.boxes)
        return cls(np.concatenate(scores), np.concatenate(images), np.concatenate(hits), cells)

    def at(self, threshold: float, weights: Weights | None = None) -> Values:
        """Return F1, precision and recall of the boxes from a score upwards.

        Taking boxes away from the weaker end leaves the matches of the others as they are, since the best go first.

        Parameters
        ----------
        threshold : float
        weights : ndarray of int64, shape (r, images), optional
            How often each draw has each image; every image once without.

        Returns
        -------
        ndarray of float64, shape (r, 3)
            NaN where there is nothing to be right or wrong about.
        """
        weights = np.ones((1, len(self.cells)), np.int64) if weights is None else weights
        kept = self.scores >= threshold
        images = len(self.cells)
        called = weights @ np.bincount(self.image[kept], minlength=images)
        right = weights @ np.bincount(self.image[kept & self.hit], minlength=images)
        there = weights @ self.cells
        return np.stack([_share(2 * right, called + there), _share(right, called), _share(right, there)], axis=1)


@dataclass(frozen=True, slots=True)
class F1Score:
    """F1, precision and recall of one class.

    Parameters
    ----------
    threshold : float
        The score from which boxes count.
    values : tuple of float
        F1, precision and recall there; NaN where one is not defined.
    ends : ndarray of float64, shape (2, 3), or None
        95 % percentile interval of each over draws of images.
    sweep : ndarray of float64, shape (thresholds, 4)
        Threshold, F1, precision and recall at each of `SWEPT`.
    best : tuple of float
        The threshold with the best F1 on these very data, and that F1: what could be had, not what is promised.
    """

    threshold: float
    values: tuple[float, float, float]
    ends: Values | None
    sweep: Values
    best: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold: None for NaN."""
        ends = None if self.ends is None else {n: _known(pair) for n, pair in zip(NUMBERS, self.ends.T, strict=True)}
        rows = [dict(zip(("threshold", *NUMBERS), _known(row), strict=True)) for row in self.sweep]
        return {
            "threshold": self.threshold,
            **dict(zip(NUMBERS, _known(self.values), strict=True)),
            "intervals": ends,
            "best": dict(zip(("threshold", "F1"), _known(self.best), strict=True)),
            "sweep": rows,
        }


def score_f1(boxes: CountedBoxes, threshold: float, *, resamples: int = 0, seed: int = 0) -> F1Score:
    """Work out F1, precision and recall at a threshold, with intervals over images, and at others."""
    ends = None
    if resamples:
        draws = draw_images(len(boxes.cells), resamples, seed)
        ends = percentile_interval(lambda weights: boxes.at(threshold, weights), draws)
    f1, precision, recall = boxes.at(threshold)[0].tolist()
    sweep = np.array([(each, *boxes.at(each)[0]) for each in SWEPT])
    return F1Score(threshold, (f1, precision, recall), ends, sweep, _best(boxes))


def _best(boxes: CountedBoxes) -> tuple[float, float]:
    order = np.argsort(-boxes.scores, kind="stable")
    scores, right = boxes.scores[order], np.cumsum(boxes.hit[order])
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, np.int64)
    f1 = 2 * right[last] / (last + 1 + boxes.cells.sum())
    if not len(f1) or not f1.any():
        return float("nan"), 0.0
    place = int(np.argmax(f1))
    return float(scores[last][place]), float(f1[place])


def _share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> Values:
    share: Values = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share


def _known(values: Sequence[float] | Values) -> list[float | None]:
    return [None if np.isnan(each) else float(each) for each in values]
