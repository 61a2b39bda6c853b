"""The work of a review: which cell is next, what was decided, what is undone. The dock shows it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from cytoshift.errors import StudyError
from cytoshift.study.cells import Cells
from cytoshift.study.events import Event
from cytoshift.study.palette import BETHESDA
from napari_cytoshift.layers.findings import ShownCells
from napari_cytoshift.view import Box
from napari_cytoshift.widgets.find_region import cut
from napari_cytoshift.widgets.review_order import Queue, arrange

if TYPE_CHECKING:
    from cytoshift.study import Study
    from napari_cytoshift.workspace import Workspace

DIGITS = 6
PACE_OF = 12
"""Decisions over which the time that remains is reckoned."""


class Review:
    """One person's way through the shown cells of the active slide.

    Attributes
    ----------
    arranged : Signal()
        The order is another.
    said : Signal(str)
        One sentence for the person; ``""`` takes the last one back.
    decided : Signal(str)
        A cell (its id) was decided on, so the next may come.
    """

    arranged = Signal()
    said = Signal(str)
    decided = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.shown: ShownCells = workspace.cells
        self.order = str(workspace.state.get("review_order", "worst"))
        self.only = ""
        self.queue = Queue(self.cells, np.zeros(0, np.int64))
        self.new_label = ""
        self._times: deque[float] = deque(maxlen=PACE_OF)

    # Where we are --------------------------------------------------------------------------------------

    @property
    def cells(self) -> Cells:
        """All cells of the slide."""
        return self.shown.cells

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that can be given: Bethesda's, or the model's where it knows others."""
        known = self.cells.classes
        return BETHESDA if set(known) <= set(BETHESDA) else known

    @property
    def current(self) -> int | None:
        """Where the selected cell is among the cells."""
        return self.shown.position(self.shown.selected)

    @property
    def undecided(self) -> int:
        """How many cells of the order nobody has decided on."""
        return self.queue.undecided(self.cells)

    @property
    def remaining(self) -> float | None:
        """Seconds that the undecided cells will take at the pace of the last decisions; None at first."""
        if len(self._times) < 4:
            return None
        return float(np.median(np.diff(self._times))) * self.undecided

    # Moving --------------------------------------------------------------------------------------------

    def arrange(self) -> None:
        """Order the cells that pass the filter anew."""
        which = np.flatnonzero(self.shown.mask())
        if self.only and self.only in self.cells.classes:
            which = which[self.cells.labels[which] == self.cells.classes.index(self.only)]
        limits = self.shown.thresholds.of_classes(self.cells.classes)
        which = arrange(self.cells, which, self.order, limits)
        self.queue = Queue(self.cells, which)
        self.arranged.emit()

    def forget(self) -> None:
        """Drop the order: its cells are not shown any more."""
        self.queue = Queue(self.cells, np.zeros(0, np.int64))
        self.arranged.emit()

    def set_order(self, order: str) -> None:
        """Look at the cells in another order."""
        self.order = order
        self.workspace.state.set("review_order", order)
        self.arrange()

    def set_only(self, label: str) -> None:
        """Look at the cells of one class; ``""`` for all."""
        self.only = label
        self.arrange()

    def step(self, by: int) -> None:
        """Select the next cell (1) that nobody decided on, or the one before (-1)."""
        target = self.queue.step(self.cells, self.shown.selected, by)
        if target:
            self.said.emit("")
            self.shown.select(target)
        elif len(self.queue):
            self.said.emit("All cells in this order are decided on." if by > 0 else "This is the first cell.")

    # Deciding ------------------------------------------------------------------------------------------

    def accept(self) -> None:
        """Accept the selected cell."""
        self._decide(lambda study, slide, cell: study.accept(slide, cell))

    def reject(self) -> None:
        """Reject the selected cell."""
        self._decide(lambda study, slide, cell: study.reject(slide, cell))

    def unsure(self) -> None:
        """Say that the selected cell cannot be told."""
        self._decide(lambda study, slide, cell: study.unsure(slide, cell))

    def relabel(self, digit: int) -> None:
        """Give the selected cell the class of a digit, from 1."""
        if digit <= len(self.classes):
            label = self.classes[digit - 1]
            self.new_label = label
            self._decide(lambda study, slide, cell: study.relabel(slide, cell, label))

    def add(self, x: float, y: float) -> None:
        """Add a cell at a level-0 point, as large as cells of its class are."""
        label = self.new_label or self.classes[0]
        half = self.shown.usual_side(label) / 2
        box = (x - half, y - half, x + half, y + half)
        before = self.shown.selected
        event = self._write(lambda study, slide: study.add(slide, box, label))
        if event is not None:
            self.queue.insert(self.cells, event.id, before)
            self.shown.select(event.id)

    def mark_complete(self, view: Box) -> None:
        """Say that every cell in a part of the slide is right as it is shown."""
        slide, shown = self.shown.slide, self.shown
        box = None if slide is None else cut(view, slide)
        if box is None:
            return
        if shown.hidden:
            self.said.emit(f"Show {', '.join(sorted(shown.hidden))} first (Find): hidden cells would count as right.")
            return
        limits = shown.thresholds
        event = self._write(
            lambda study, slide: study.mark_complete(slide, box, shown.run or None, limits.common, limits.own)
        )
        if event is not None:
            self.said.emit("Marked: every cell in this view counts as right. Ctrl+Z takes it back.")

    def undo(self) -> None:
        """Take the last correction of this slide back, and show the cell it was about."""
        self._back(self._write(lambda study, slide: study.undo(slide)), "There is nothing to take back.")

    def redo(self) -> None:
        """Put back what was taken back last."""
        self._back(self._write(lambda study, slide: study.redo(slide)), "There is nothing to put back.")

    def _back(self, event: Event | None, nothing: str) -> None:
        if event is None:
            self.said.emit(nothing)
            return
        about = next((one for one in self.workspace.study.events() if one.id == event.target), None)
        target = "" if about is None else about.target or about.id
        if self.shown.position(target) is not None:
            self.shown.select(target)
        words = "Taken back" if event.kind == "undo" else "Put back"
        self.said.emit(f"{words}: {'' if about is None else about.kind.replace('_', ' ')}.")

    def _decide(self, write: Callable[[Study, str, str], Event]) -> None:
        cell = self.shown.selected
        if not cell:
            self.said.emit("Select a cell first: press N, or click on one.")
            return
        if self._write(lambda study, slide: write(study, slide, cell)) is not None:
            self._times.append(time.monotonic())
            self.decided.emit(cell)

    def _write(self, write: Callable[[Study, str], Event | None]) -> Event | None:
        self.said.emit("")
        try:
            return self.shown.correct(write)
        except StudyError as error:
            self.said.emit(str(error))
            return None
