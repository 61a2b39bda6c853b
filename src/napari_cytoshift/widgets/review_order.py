"""In which order cells are looked at, and which is next."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells
from cytoshift.study.change import State
from cytoshift.study.palette import BETHESDA

ORDERS = {
    "worst": ("Worst first", "By class, the most severe first, then by score"),
    "uncertain": ("Most uncertain first", "Scores next to the threshold first: where a decision teaches most"),
    "score": ("Highest score first", "What the model is surest of first"),
    "place": ("By place", "Row by row over the slide, so that the view moves little"),
}

BAND = 800.0
"""Height in level-0 pixels of the rows in which cells are visited by place."""

Indices = npt.NDArray[np.int64]


def arrange(cells: Cells, which: Indices, order: str, thresholds: npt.NDArray[np.float32]) -> Indices:
    """Return cells in an order; equal ones stay as they are.

    Parameters
    ----------
    cells : Cells
    which : ndarray of int
        The cells to be looked at.
    order : str
        A key of `ORDERS`.
    thresholds : ndarray of float32
        Score of each class next to which a prediction is uncertain.
    """
    scores = cells.scores[which].astype(np.float64)
    if order == "uncertain":
        return which[np.argsort(np.abs(scores - thresholds[cells.labels[which]]), kind="stable")]
    if order == "score":
        return which[np.argsort(-scores, kind="stable")]
    if order == "place":
        centers = (cells.boxes[which, :2] + cells.boxes[which, 2:]) / 2
        rows = np.floor(centers[:, 1] / BAND)
        along = np.where(rows % 2 == 0, centers[:, 0], -centers[:, 0])  # there and back again
        return which[np.lexsort((along, rows))]
    severity = np.array([BETHESDA.index(name) if name in BETHESDA else -1 for name in cells.classes], np.int64)
    severity = np.append(severity, -1)[cells.labels[which]]
    return which[np.lexsort((-scores, -severity))]


class Queue:
    """The cells of a review in their order. It stays as it is while cells are decided on, so nothing jumps.

    Predictions are kept by their index, at which all of a run's predictions are found in `Cells`; added cells,
    which come behind them and may be taken back, by their id.

    Parameters
    ----------
    cells : Cells
        All cells of a slide.
    which : ndarray of int
        Where the cells of the order are among them.
    """

    def __init__(self, cells: Cells, which: Indices) -> None:
        predicted = len(cells)
        while predicted and ":" not in cells.ids[predicted - 1]:
            predicted -= 1
        self._added = cells.ids[predicted:]
        self._entries = np.where(which < predicted, which, predicted - 1 - which)

    def __len__(self) -> int:
        return len(self._entries)

    def positions(self, cells: Cells) -> Indices:
        """Return where the cells of the order are now; -1 for those that are there no more."""
        positions = self._entries.copy()
        for place in np.flatnonzero(positions < 0).tolist():
            positions[place] = _position(cells, self._added[-1 - positions[place]])
        return positions

    def place(self, cells: Cells, identifier: str) -> int | None:
        """Return where a cell is in the order, from 0; None where it is not in it."""
        position = cells.ids.position(identifier) if identifier else None
        at = [] if position is None else np.flatnonzero(self.positions(cells) == position).tolist()
        return at[0] if at else None

    def insert(self, cells: Cells, identifier: str, after: str) -> None:
        """Put a new, added cell behind another."""
        place = self.place(cells, after)
        self._added.append(identifier)
        self._entries = np.insert(self._entries, len(self) if place is None else place + 1, -len(self._added))

    def undecided(self, cells: Cells) -> int:
        """Return how many cells of the order nobody has decided on."""
        positions = self.positions(cells)
        return int((cells.states[positions[positions >= 0]] == State.PREDICTED).sum())

    def step(self, cells: Cells, start: str, by: int) -> str:
        """Return the next cell that is still there: forwards one that nobody decided on, backwards any.

        ``""`` where there is none; forwards the search begins again at the front.
        """
        positions, place = self.positions(cells), self.place(cells, start)
        if by < 0:
            before = positions[:place][positions[:place] >= 0]
            return cells.ids[int(before[-1])] if len(before) else ""
        ahead = positions if place is None else np.concatenate([positions[place + 1 :], positions[:place]])
        ahead = ahead[ahead >= 0]
        ahead = ahead[cells.states[ahead] == State.PREDICTED]
        return cells.ids[int(ahead[0])] if len(ahead) else ""


def _position(cells: Cells, identifier: str) -> int:
    position = cells.ids.position(identifier)
    return -1 if position is None else position
