"""The cells of one slide in the order of a review: where each is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells
from cytoshift.study.change import State

Indices = npt.NDArray[np.int64]


class Queue:
    """The cells of one slide in the order of a review. It stays as it is while cells are decided on, so nothing jumps.

    Predictions and imported cells are kept by their number, at which they are found in `Cells` as long as all are
    there; added cells, which come behind them and may be taken back, by their id. Making one for very many cells takes
    its time: do it in a thread. Everything else is quick.

    Parameters
    ----------
    cells : Cells
        All cells of a slide.
    which : ndarray of int
        Where the cells of the order are among them.
    """

    def __init__(self, cells: Cells, which: Indices) -> None:
        predicted = _numbered(cells)
        self._added = cells.ids[predicted:]
        self._entries = np.where(which < predicted, which, predicted - 1 - which)
        self._places = np.full(predicted, -1, np.int64)
        self._place_all()
        self._left: tuple[Cells, int] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def position(self, cells: Cells, place: int) -> int | None:
        """Return where the cell at a place of the order is among the cells now; None where it is there no more."""
        position = int(self.positions(cells, slice(place, place + 1))[0])
        return position if position >= 0 else None

    def positions(self, cells: Cells, places: slice) -> Indices:
        """Return where the cells at some places are now; -1 for those that are there no more."""
        positions = self._entries[places].copy()
        for at in np.flatnonzero(positions < 0).tolist():
            found = cells.ids.position(self._added[-1 - positions[at]])
            positions[at] = -1 if found is None else found
        positions[(positions >= _numbered(cells)) & (self._entries[places] >= 0)] = -1  # imported, and taken back
        return positions

    def place(self, cells: Cells, identifier: str) -> int | None:
        """Return where a cell is in the order, from 0; None where it is not in it."""
        position = cells.ids.position(identifier) if identifier else None
        if position is None:
            return None
        if position < len(self._places):
            place = int(self._places[position])
            return place if place >= 0 else None
        if identifier not in self._added:
            return None
        found = np.flatnonzero(self._entries == -1 - self._added.index(identifier))
        return int(found[0]) if len(found) else None

    def insert(self, cells: Cells, identifier: str, after: str) -> None:
        """Put a new, added cell behind another."""
        place = self.place(cells, after)
        self._added.append(identifier)
        self._entries = np.insert(self._entries, len(self) if place is None else place + 1, -len(self._added))
        self._place_all()
        self._left = None

    def undecided(self, cells: Cells) -> int:
        """Return how many cells of the order nobody has decided on."""
        if self._left is None or self._left[0] is not cells:
            predicted = self._entries[(self._entries >= 0) & (self._entries < _numbered(cells))]
            self._left = cells, int(np.count_nonzero(cells.states[predicted] == State.PREDICTED))
        return self._left[1]

    def is_undecided(self, cells: Cells, places: slice) -> npt.NDArray[np.bool_]:
        """Return at which of some places is a cell that is still there and that nobody decided on."""
        positions = self.positions(cells, places)
        undecided: npt.NDArray[np.bool_] = positions >= 0
        undecided[undecided] = cells.states[positions[undecided]] == State.PREDICTED
        return undecided

    def _place_all(self) -> None:
        predicted = self._entries >= 0
        self._places[self._entries[predicted]] = np.flatnonzero(predicted)


def _numbered(cells: Cells) -> int:
    """Return how many predictions and imported cells there are; those that were added come behind them."""
    numbers, end = cells.ids.numbers, len(cells)
    while end and numbers[end - 1] < 0:
        end -= 1
    return end
