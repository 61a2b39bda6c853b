"""Cells that are kept up to date correction by correction, at the cost of what changes and not of all there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells, fold_cells
from cytoshift.study.change import DECISIONS, Change, State
from cytoshift.study.events import Event
from cytoshift.study.history import History

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings
    from cytoshift.study.imports import Imports

ROOM = 1024
"""Added cells for which there is room before all cells are folded anew."""

_COLUMNS = ("boxes", "scores", "labels", "states", "corrected")


class FollowedCells:
    """The cells of one reading of a slide, as `fold_cells` makes them. Cells that were handed out stay as they are.

    A class that a person gave once stays among the classes until all cells are folded anew.

    Parameters
    ----------
    plain : Cells
        As they are without any correction.
    cells : Cells
        As they are now: in the order of ``plain``, added cells behind.

    Attributes
    ----------
    cells : Cells
        As they are now.
    """

    def __init__(self, plain: Cells, cells: Cells) -> None:
        self._plain = plain
        self._room = {name: _with_room(getattr(cells, name)) for name in _COLUMNS}
        self._measures = {name: _with_room(column) for name, column in cells.measures.items()}
        self._indices = _with_room(cells.ids.numbers)
        self.cells = replace(cells, **self._columns(len(cells)))

    @classmethod
    def of(cls, findings: Findings | None, run: str, corrections: tuple[Event, ...], imports: Imports) -> FollowedCells:
        """Fold all corrections in force into predictions and imported cells."""
        plain = fold_cells(findings, run, (), imports=imports)
        return cls(plain, fold_cells(findings, run, corrections, imports=imports) if corrections else plain)

    def follow(self, event: Event, history: History) -> bool:
        """Take in an event that `history` has already; False where all cells must be folded anew."""
        what = history.event(event.target) if event.kind in ("undo", "redo") else event
        if what is None:
            return True
        if what.kind == "add":
            return event.kind != "undo" and self._append(what)
        if what.kind not in DECISIONS:
            return what.kind in ("note", "calibrate", "mark_complete")
        changed = _Changed(self.cells)
        for target in what.targets:
            if not self._refold(target, history.about(what.slide, target, what.reader), changed):
                return False
        self._room.update(changed.columns)
        self.cells = replace(self.cells, **self._columns(len(self.cells)), classes=changed.classes)
        return True

    def _refold(self, target: str, events: Sequence[Event], changed: _Changed) -> bool:
        """Fold the corrections of one cell that are in force."""
        position = self.cells.ids.position(target)
        if position is None:  # of another run, or a region
            return True
        if position < len(self._plain):
            change = Change(State(int(self._plain.states[position])))
            label, box = self._plain.label(position), self._plain.boxes[position]
        elif events and events[0].kind == "add":
            change = Change.of_added(events[0])
            label, box, events = change.label, np.array(change.box, np.float32), events[1:]
        else:
            return False
        for event in events:
            change.apply(event, target)
        box = box if change.box is None else np.array(change.box, np.float32)
        values = (box, None, changed.number(change.label or label), change.state, change.corrected)
        for name, value in zip(_COLUMNS, values, strict=True):
            if value is not None and not np.array_equal(changed.columns.get(name, self._room[name])[position], value):
                changed.columns.setdefault(name, self._room[name].copy())[position] = value
        return True

    def _append(self, event: Event) -> bool:
        """Put an added cell behind the others; False where there is no more room."""
        at, changed = len(self.cells), _Changed(self.cells)
        if at == len(self._indices) or self.cells.ids.position(event.id) is not None:
            return False
        values = (event.box, 1.0, changed.number(event.payload["label"]), State.ADDED, False)
        for name, value in zip(_COLUMNS, values, strict=True):
            self._room[name][at] = value
        for column in self._measures.values():
            column[at] = np.nan
        ids = self.cells.ids.with_added(self._indices, event.id)
        self.cells = replace(self.cells, ids=ids, **self._columns(at + 1), classes=changed.classes)
        return True

    def _columns(self, length: int) -> dict[str, Any]:
        measures = {name: column[:length] for name, column in self._measures.items()}
        return {**{name: column[:length] for name, column in self._room.items()}, "measures": measures}


class _Changed:
    """Columns that an event changes, copied once each, and the classes with those that it gives for the first time."""

    def __init__(self, cells: Cells) -> None:
        self.columns: dict[str, npt.NDArray[Any]] = {}
        self.classes = cells.classes

    def number(self, label: str) -> int:
        if label not in self.classes:
            self.classes = (*self.classes, label)
        return self.classes.index(label)


def _with_room(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    room = np.empty((len(column) + ROOM, *column.shape[1:]), column.dtype)
    room[: len(column)] = column
    return room
