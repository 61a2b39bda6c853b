"""Which cells are shown: by score, class and state. A value, so that a thread may hold on to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells
from cytoshift.study.change import State
from napari_cytoshift.layers.findings_thresholds import Thresholds


@dataclass(frozen=True)
class CellFilter:
    """What a person wants to see.

    Parameters
    ----------
    thresholds : Thresholds
        Scores from which predictions that nobody decided on are shown; those decided on always are.
    hidden : frozenset of str
        Classes that are not shown.
    show_rejected : bool
        Whether rejected cells are.
    """

    thresholds: Thresholds
    hidden: frozenset[str]
    show_rejected: bool

    def mask(self, cells: Cells) -> npt.NDArray[np.bool_]:
        """Return which cells pass, ``(n,)``."""
        keep = self.passing(cells)
        if not self.show_rejected:
            keep &= cells.states != State.REJECTED
        if self.hidden:
            keep &= ~np.array([name in self.hidden for name in cells.classes], np.bool_)[cells.labels]
        return keep

    def passing(self, cells: Cells) -> npt.NDArray[np.bool_]:
        """Return which cells pass the thresholds, whatever their class and state."""
        if not len(cells):
            return np.zeros(0, np.bool_)
        keep: npt.NDArray[np.bool_] = cells.scores >= self.thresholds.of_classes(cells.classes)[cells.labels]
        keep |= cells.states != State.PREDICTED
        return keep

    def counts(self, cells: Cells) -> dict[str, int]:
        """Return how many cells of each class pass the thresholds, hidden classes too; rejected ones never count."""
        counts = {}
        decided, live = cells.states != State.PREDICTED, cells.states != State.REJECTED
        # One comparison per class: several times as fast as to look up each cell's limit, or as numpy's bincount.
        for at, name in enumerate(cells.classes):
            passing = decided | (cells.scores >= np.float32(self.thresholds.of(name)))
            counts[name] = int(np.count_nonzero(passing & live & (cells.labels == at)))
        return counts

    def recount(self, counts: dict[str, int], before: Cells, now: Cells) -> dict[str, int]:
        """Return the counts of cells of which those counted before only were corrected, or had some added behind."""
        number = len(before)
        same = (before.states == now.states[:number]) & (before.labels == now.labels[:number])
        other = np.flatnonzero(~same)
        less = self.counts(before.select(other))
        more = self.counts(now.select(np.concatenate([other, np.arange(number, len(now))])))
        return {name: counts.get(name, 0) - less.get(name, 0) + more[name] for name in now.classes}
