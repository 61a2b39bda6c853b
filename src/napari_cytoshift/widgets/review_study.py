"""The cells of a review, of one slide or of all slides of a study, in one order: where each is, and which is next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cytoshift.study.cells import Cells
from cytoshift.study.change import State
from napari_cytoshift.widgets.review_queue import Indices, Queue

AHEAD = 4096
"""Cells looked at together in search of the next."""


class Placed(NamedTuple):
    """A cell of the order: its slide, and where it is among the cells of that."""

    slide: str
    cells: Cells
    position: int

    @property
    def identifier(self) -> str:
        """Its id."""
        return self.cells.ids[self.position]

    @property
    def decided(self) -> bool:
        """Whether somebody decided on it."""
        return bool(self.cells.states[self.position] != State.PREDICTED)


@dataclass(slots=True)
class Part:
    """The cells of one slide in an order.

    Parameters
    ----------
    slide : str
        Identity.
    run : str
        Whose predictions are among them.
    cells : Cells
        All of the slide's, as they were seen last.
    queue : Queue
        Those in the order.
    """

    slide: str
    run: str
    cells: Cells
    queue: Queue


class StudyQueue:
    """The cells of one slide, or of several, in one order. It stays as it is while cells are decided on.

    Parameters
    ----------
    parts : sequence of Part
        One for each slide.
    of : ndarray of int, optional
        Of which part the cell at each place is; those of one part come in the order of its queue. One part after the
        other by default.
    """

    def __init__(self, parts: Sequence[Part] = (), of: Indices | None = None) -> None:
        self._parts = tuple(parts)
        lengths = [len(part.queue) for part in parts]
        self._of: Indices = np.repeat(np.arange(len(parts)), lengths) if of is None else of
        self._find_places()

    def __len__(self) -> int:
        return len(self._of)

    @property
    def slides(self) -> int:
        """How many slides have cells in it."""
        return sum(len(part.queue) > 0 for part in self._parts)

    @property
    def classes(self) -> set[str]:
        """The class names of all slides."""
        return {name for part in self._parts for name in part.cells.classes}

    def follow(self, slide: str, run: str, cells: Cells) -> bool:
        """Take note that a slide's cells are others now; return whether the order still holds all it should."""
        part = next((part for part in self._parts if part.slide == slide), None)
        if part is None or part.run != run:
            return run == "" or not self._parts  # of a slide that was just opened nothing has been read yet
        complete = part.cells.ids.imports == cells.ids.imports
        part.cells = cells
        return complete

    def placed(self, place: int) -> Placed | None:
        """Return the cell at a place of the order; None where it is there no more."""
        part = self._parts[self._of[place]]
        position = part.queue.position(part.cells, int(self._local[place]))
        return None if position is None else Placed(part.slide, part.cells, position)

    def place(self, identifier: str) -> int | None:
        """Return where a cell is in the order, from 0; None where it is not in it."""
        for number, part in enumerate(self._parts):
            local = part.queue.place(part.cells, identifier)
            if local is not None:
                return int(self._places[self._starts[number] + local])
        return None

    def insert(self, slide: str, identifier: str, after: str) -> None:
        """Put a new, added cell of a slide behind another one of it; not where the order has no such slide."""
        number = next((number for number, part in enumerate(self._parts) if part.slide == slide), None)
        if number is None:
            return
        place, part = self.place(after), self._parts[number]
        part.queue.insert(part.cells, identifier, after)
        self._of = np.insert(self._of, len(self) if place is None else place + 1, number)
        self._find_places()

    @property
    def undecided(self) -> int:
        """How many cells of the order nobody has decided on."""
        return sum(part.queue.undecided(part.cells) for part in self._parts)

    def step(self, start: str, by: int) -> Placed | None:
        """Return the next cell that is still there: forwards one that nobody decided on, backwards any.

        None where there is none; forwards the search begins again at the front.
        """
        place = self.place(start)
        if by < 0:
            before = (self.placed(at) for at in range((0 if place is None else place) - 1, -1, -1))
            return next((placed for placed in before if placed is not None), None)
        first = 0 if place is None else place + 1
        for low, high in ((first, len(self)), (0, first)):
            for at in range(low, high, AHEAD):
                found = self._first_undecided(at, min(at + AHEAD, high))
                if found is not None:
                    return self.placed(found)
        return None

    def _first_undecided(self, low: int, high: int) -> int | None:
        of, found = self._of[low:high], high
        for number in np.unique(of).tolist():
            places = np.flatnonzero(of == number) + low
            first, last = self._local[places[[0, -1]]].tolist()
            part = self._parts[number]
            left = places[part.queue.is_undecided(part.cells, slice(first, last + 1))]
            found = min(found, int(left[0])) if len(left) else found
        return found if found < high else None

    def _find_places(self) -> None:
        """Find, for every part, the places of its cells, and for every place, the cell's own in its part."""
        self._places = np.argsort(self._of, kind="stable")
        numbers = np.bincount(self._of, minlength=len(self._parts))
        self._starts: Indices = np.cumsum(numbers) - numbers
        self._local = np.empty(len(self), np.int64)
        self._local[self._places] = np.arange(len(self)) - np.repeat(self._starts, numbers)
