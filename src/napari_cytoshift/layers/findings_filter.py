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
