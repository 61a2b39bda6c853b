"""In which order cells are looked at, and which is next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells, State
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


def arrange(cells: Cells, which: Indices, order: str, threshold: float) -> Indices:
    """Return cells in an order; equal ones stay as they are.

    Parameters
    ----------
    cells : Cells
    which : ndarray of int
        The cells to be looked at.
    order : str
        A key of `ORDERS`.
    threshold : float
        Score next to which a prediction is uncertain.
    """
    scores = cells.scores[which].astype(np.float64)
    if order == "uncertain":
        return which[np.argsort(np.abs(scores - threshold), kind="stable")]
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

    Parameters
    ----------
    ids : sequence of str
    """

    def __init__(self, ids: Sequence[str] = ()) -> None:
        self.ids = list(ids)
        self._place = {identifier: at for at, identifier in enumerate(self.ids)}

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, identifier: str) -> int | None:
        """Return where a cell is in the order, from 0; None where it is not in it."""
        return self._place.get(identifier)

    def insert(self, identifier: str, after: str) -> None:
        """Put a new cell behind another."""
        at = self.place(after)
        self.ids.insert(len(self.ids) if at is None else at + 1, identifier)
        self._place = {one: at for at, one in enumerate(self.ids)}

    def step(self, cells: Cells, start: str, by: int) -> str:
        """Return the next cell that is still there: forwards one that nobody decided on, backwards any.

        ``""`` where there is none; forwards the search begins again at the front.
        """
        at = self.place(start)
        at = (-1 if by > 0 else len(self.ids)) if at is None else at
        ways = range(at + 1, len(self.ids)), range(at)
        for place in (*ways[0], *ways[1]) if by > 0 else range(at - 1, -1, -1):
            position = cells.ids.position(self.ids[place])
            if position is not None and (by < 0 or cells.states[position] == State.PREDICTED):
                return self.ids[place]
        return ""
