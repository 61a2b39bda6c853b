"""FROC: the share of cells found against false positives per mm², for boxes rather than whole images.

Bunch et al., "A free-response approach to the measurement and characterization of radiographic-observer performance",
1978; a mean over a few doubled rates as in CAMELYON16 (Ehteshami Bejnordi et al., JAMA 2017), there per slide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.detection import BY_OVERLAP, DetectionTruth, FoundBoxes, match_cells, of_class
from cytoshift.metrics.matching import Matching

RATES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""False positives per mm² at which sensitivity is stated: a smear holds some hundred cells per mm²."""


@dataclass(frozen=True, slots=True)
class FrocBoxes:
    """Boxes of all images, best score first, that count one way or the other.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    image : ndarray of int64, shape (n,)
    hit : ndarray of bool, shape (n,)
    cells : ndarray of int64, shape (images,)
    areas : ndarray of float64, shape (images,)
        mm².
    """

    scores: npt.NDArray[np.float64]
    image: npt.NDArray[np.int64]
    hit: npt.NDArray[np.bool_]
    cells: npt.NDArray[np.int64]
    areas: npt.NDArray[np.float64]

    def _steps(self) -> npt.NDArray[np.int64]:
        """Return the last box of each score: a threshold cannot part equals."""
        last = np.append(self.scores[1:] != self.scores[:-1], True) if len(self.scores) else np.zeros(0, bool)
        return np.flatnonzero(last)

    def curve(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return false positives per mm² and sensitivity, from the best score down; both begin at 0."""
        steps = self._steps()
        rate = np.cumsum(~self.hit)[steps] / self.areas.sum()
        found = np.cumsum(self.hit)[steps] / max(int(self.cells.sum()), 1)
        return np.insert(rate, 0, 0.0), np.insert(found, 0, 0.0)

    def sensitivity(
        self, weights: npt.NDArray[np.int64] | None = None, rates: Sequence[float] = RATES
    ) -> npt.NDArray[np.float64]:
        """Return the share of cells found at no more than some false positives per mm².

        Parameters
        ----------
        weights : ndarray of int64, shape (r, images), optional
            How often each draw has each image; every image once without.
        rates : sequence of float
            False positives per mm².

        Returns
        -------
        ndarray of float64, shape (r, rates)
            NaN where a draw has no cell.
        """
        weights = np.ones((1, len(self.cells)), np.int64) if weights is None else weights
        steps, drawn, cells = self._steps(), weights[:, self.image], weights @ self.cells
        wrong = np.cumsum(drawn * ~self.hit, axis=1)[:, steps] / (weights @ self.areas)[:, None]
        right = np.cumsum(drawn * self.hit, axis=1)[:, steps]
        found = np.pad(right / np.maximum(cells, 1)[:, None], ((0, 0), (1, 0)))
        result = np.stack([found[row, np.searchsorted(wrong[row], rates, "right")] for row in range(len(weights))])
        result[cells == 0] = np.nan
        return result


def froc(
    truth: Sequence[DetectionTruth],
    found: Sequence[FoundBoxes],
    areas: Sequence[float],
    label: int | None = None,
    *,
    matching: Matching = BY_OVERLAP,
) -> FrocBoxes:
    """Match boxes for FROC.

    Parameters
    ----------
    truth, found : sequences of the same length
        One entry an image.
    areas : sequence of float
        mm² of each image.
    label : int, optional
        Boxes and cells of this class alone; of any class without, whatever they are called.
    matching : ByOverlap or ByDistance
        When a box is on a cell. What lies over an ignored place counts neither way.
    """
    scores, images, hits, cells = [], [], [], []
    for index, (there, seen) in enumerate(zip(truth, found, strict=True)):
        there, seen = (there, seen) if label is None else of_class(there, seen, label)
        score, hit = match_cells(there, seen, matching=matching)
        scores.append(score)
        hits.append(hit)
        images.append(np.full(len(score), index, np.int64))
        cells.append(len(there.boxes))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return FrocBoxes(
        np.concatenate(scores)[order],
        np.concatenate(images)[order],
        np.concatenate(hits)[order],
        np.array(cells, np.int64),
        np.array(areas, np.float64),
    )
