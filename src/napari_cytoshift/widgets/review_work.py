"""The work of a review: which cells are looked at, what was decided, what is undone. The dock shows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

from psygnal import Signal

from cytoshift.errors import CytoshiftError, StudyError
from cytoshift.study.cells import Cells
from cytoshift.study.change import decided_on
from cytoshift.study.events import Corners, Event
from cytoshift.study.palette import BETHESDA
from napari_cytoshift.layers.findings import ShownCells
from napari_cytoshift.view import Box
from napari_cytoshift.widgets.find_region import cut
from napari_cytoshift.widgets.review_order import Narrowed
from napari_cytoshift.widgets.review_pace import Pace
from napari_cytoshift.widgets.review_resume import Resume
from napari_cytoshift.widgets.review_selection import Selection
from napari_cytoshift.widgets.review_settling import Settling
from napari_cytoshift.widgets.review_sorting import Sorting
from napari_cytoshift.widgets.review_study import Placed, StudyQueue

if TYPE_CHECKING:
    from cytoshift.study import Study
    from napari_cytoshift.workspace import Workspace

DIGITS = 6
MOST_TOGETHER = 20_000
"""Cells that one decision may be about."""


Decision = Literal["accept", "reject", "unsure", "relabel"]


class Review:
    """One person's way through the shown cells of the active slide, or of all slides of the study.

    Attributes
    ----------
    arranged : Signal()
        The order is another.
    chosen : Signal()
        Other cells are selected, or another is the current one.
    said : Signal(str)
        One sentence for the person; ``""`` takes the last one back.
    decided : Signal(str)
        Cells were decided on, the current one (its id) last, so the next may come.
    elsewhere : Signal(str)
        The cell to come lies on another slide (its identity), which is to be shown.
    everywhere : bool
        Whether it leads through all slides of the study.
    queue : StudyQueue
        The cells in their order; the old order stays until the new one is there.
    selection : Selection
        Places of the queue that are selected.
    """

    arranged = Signal()
    chosen = Signal()
    said = Signal(str)
    decided = Signal(str)
    elsewhere = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.shown: ShownCells = workspace.cells
        self.order = str(workspace.state.get("review_order", "worst"))
        self.narrowed = Narrowed()
        self.queue = StudyQueue()
        self._awaited = self._awaited_on = ""
        self.selection = Selection()
        self.new_label = ""
        self.pace = Pace()
        self.resume = Resume(workspace)
        self.resume.everywhere = self.everywhere = bool(workspace.state.get("review_everywhere", False))
        self.sorting = Sorting(workspace, self._take, self._on_failed)
        self.settling = Settling(workspace)
        self.settling.said.connect(self.said.emit)
        self.shown.changed.connect(self._on_cells)
        self.shown.selected_changed.connect(self._on_selected)

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
        return self.queue.undecided

    @property
    def remaining(self) -> float | None:
        """Seconds that the undecided cells will take at the pace of the last decisions; None at first."""
        return self.pace.remaining(self.undecided)

    # Order ---------------------------------------------------------------------------------------------

    def arrange(self) -> None:
        """Order the cells that pass the filter anew, in a thread; until that is done the old order stays."""
        self.sorting.start(self.order, self.narrowed, everywhere=self.everywhere)

    def forget(self) -> None:
        """Drop the order: its cells are not shown any more."""
        self.sorting.drop()
        self._take(StudyQueue())

    def start_over(self) -> None:
        """Forget where the reader before was, and how fast."""
        self.pace = Pace()
        self.shown.select("")

    def set_order(self, order: str) -> None:
        """Look at the cells in another order."""
        self.order = order
        self.workspace.state.set("review_order", order)
        self.arrange()

    def set_everywhere(self, everywhere: bool) -> None:
        """Look at the cells of all slides of the study, or at those of the active one only."""
        self.resume.keep()
        self.resume.everywhere = self.everywhere = everywhere
        self.workspace.state.set("review_everywhere", everywhere)
        self.arrange()

    def narrow(self, narrowed: Narrowed) -> None:
        """Look at some of the cells."""
        self.narrowed = narrowed
        self.arrange()

    def _take(self, queue: StudyQueue, note: str = "") -> None:
        self.queue = queue
        self._on_cells()  # which may be others since
        self.said.emit(note)
        self.selection.reset(len(queue), queue.place(self.shown.selected))
        self.arranged.emit()
        self.chosen.emit()

    def _on_failed(self, error: CytoshiftError) -> None:
        self.said.emit(str(error))

    # Moving --------------------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """Select the next cell (1) that nobody decided on, or the one before (-1); at first, where it was left."""
        if self.settling.on:
            self.settling.step(by)
            return
        if not len(self.queue) and self.sorting.work is not None:
            self.sorting.then(partial(self.step, by))
            return
        start = self._awaited or self.shown.selected
        if not start:
            start = self.resume.cell
            place = self.queue.place(start)
            left = None if place is None or by < 0 else self.queue.placed(place)
            if left is not None and not left.decided:
                self._show(left)
                return
        target = self.queue.step(start, by)
        if target is not None:
            self.said.emit("")
            self._show(target)
        elif len(self.queue):
            self.said.emit("All cells in this order are decided on." if by > 0 else "This is the first cell.")

    def look_at(self, place: int) -> None:
        """Select the cell at a place of the order, and no other."""
        self.selection.only(place)
        self._follow_selection()

    def choose(self, change: Callable[[Selection], None]) -> None:
        """Select several cells of the order: ``change`` calls a method of the selection it is given."""
        change(self.selection)
        self._follow_selection()

    def arrive(self) -> None:
        """Select the cell that was waited for, where its slide has come."""
        if self._awaited and self.shown.identity == self._awaited_on and len(self.cells):
            awaited, self._awaited = self._awaited, ""
            if self.shown.position(awaited) is not None:
                self.shown.select(awaited)

    def give_up(self, why: str) -> None:
        """Wait for no cell any more: its slide cannot be shown, and a sentence says why."""
        self._awaited = ""
        self.said.emit(why)

    def _show(self, placed: Placed) -> None:
        self._go(placed.slide, placed.identifier)

    def _go(self, slide: str, identifier: str) -> None:
        """Select a cell; where it lies on another slide, as soon as that has come, and none till then."""
        self._awaited = ""
        if slide == self.shown.identity:
            self.shown.select(identifier)
            return
        self.shown.select("")
        self._awaited, self._awaited_on = identifier, slide
        self.elsewhere.emit(slide)

    def _follow_selection(self) -> None:
        place = self.selection.current
        placed = None if place is None else self.queue.placed(place)
        if placed is not None:
            self._show(placed)
        self.chosen.emit()

    def _on_cells(self) -> None:
        complete = self.queue.follow(self.shown.identity, self.shown.run, self.cells)
        if not complete and self.everywhere:
            self.arrange()

    def _on_selected(self, identifier: str) -> None:
        place = self.queue.place(identifier)
        if place is None or place != self.selection.current:
            self.selection.reset(len(self.queue), place)
        self._awaited = "" if identifier else self._awaited
        self.resume.remember(identifier)
        self.chosen.emit()

    # Deciding ------------------------------------------------------------------------------------------

    @property
    def targets(self) -> list[str]:
        """The cells that the next decision is about: the selected ones of the slide in order, the current one last."""
        current = self.shown.selected
        if len(self.selection) < 2:
            return [current] if current else []
        chosen = (self.queue.placed(place) for place in self.selection.places.tolist())
        ids = [one.identifier for one in chosen if one is not None and one.slide == self.shown.identity]
        return [*(one for one in ids if one != current), *filter(None, [current])]

    def accept(self) -> None:
        """Accept the selected cells."""
        self._decide("accept")

    def reject(self) -> None:
        """Reject the selected cells."""
        self._decide("reject")

    def unsure(self) -> None:
        """Say that the selected cells cannot be told."""
        self._decide("unsure")

    def relabel(self, digit: int) -> None:
        """Give the selected cells the class of a digit, from 1."""
        if digit <= len(self.classes):
            label = self.classes[digit - 1]
            self.new_label = label
            self._decide("relabel", label)

    @property
    def label_to_add(self) -> str:
        """The class of a cell that is added next: the one that was given last."""
        return self.new_label or self.classes[0]

    def add(self, x: float, y: float, label: str = "") -> None:
        """Add a cell at a level-0 point, as large as cells of its class are; of the class given last without one."""
        label = label or self.label_to_add
        half = self.shown.usual_side(label) / 2
        self.add_box((x - half, y - half, x + half, y + half), label)

    def add_box(self, box: Box, label: str = "") -> None:
        """Add a cell that fills a box of level-0 pixels."""
        label = label or self.label_to_add
        self._add(lambda study, slide: study.add(slide, box, label))

    def add_outline(self, outline: Corners, label: str = "") -> None:
        """Add a cell by its outline in level-0 pixels."""
        label = label or self.label_to_add
        self._add(lambda study, slide: study.outline(slide, outline, label))

    def keep_measure(self, words: str, points: Corners) -> bool:
        """Write a measure into the study, and say whether that went well."""
        event = self._write(lambda study, slide: study.keep_measure(slide, words, points))
        if event is not None:
            self.said.emit(f"Kept: {words}. Ctrl+Z takes it back.")
        return event is not None

    def _add(self, write: Callable[[Study, str], Event | None]) -> None:
        before = self.shown.selected
        event = self._write(write)
        if event is not None:
            self.queue.insert(self.shown.identity, event.id, before)
            self.selection.reset(len(self.queue), None)
            self.shown.select(event.id)
            self.arranged.emit()

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
            self.said.emit("Marked: every cell in it counts as right. Ctrl+Z takes it back.")

    def undo(self) -> None:
        """Take the last correction of this slide back, or of the study, and show the cell it was about."""
        self._back(self._write(lambda study, slide: study.undo(self.reach)), "There is nothing to take back.")

    def redo(self) -> None:
        """Put back what was taken back last."""
        self._back(self._write(lambda study, slide: study.redo(self.reach)), "There is nothing to put back.")

    @property
    def reach(self) -> str | None:
        """Of which slide corrections are taken back: the active one, or None for all of the study."""
        return None if self.everywhere else self.shown.identity

    def _back(self, event: Event | None, nothing: str) -> None:
        if event is None:
            self.said.emit(nothing)
            return
        about = next((one for one in self.workspace.study.events() if one.id == event.target), None)
        targets = () if about is None else about.targets
        target = next(reversed(targets), "") or ("" if about is None else about.id)
        if event.slide != self.shown.identity and about is not None:
            self.workspace.corrected.emit(event.slide)
            self._go(event.slide, target)
        elif self.shown.position(target) is not None:
            self.shown.select(target)
        words = "Taken back" if event.kind == "undo" else "Put back"
        number = 0 if about is None else about.payload.get("cells", 0) + len(decided_on(about))
        several = f" of {number} cells" if number > 1 else ""
        self.said.emit(f"{words}: {'' if about is None else about.kind.replace('_', ' ')}{several}.")

    def _decide(self, kind: Decision, label: str = "") -> None:
        if self.settling.on:
            if self.settling.decide(kind, label):
                self.pace.decided(1)
            return
        targets = self.targets
        if not targets:
            waits = "The next cell is on its way from another slide."
            self.said.emit(waits if self._awaited else "Select a cell first: press N, or click on one.")
            return
        if len(targets) > MOST_TOGETHER:
            self.said.emit(f"{len(targets)} cells are more than can be decided on together; select {MOST_TOGETHER}.")
            return
        if self._write(lambda study, slide: _decided(study, slide, targets, kind, label)) is not None:
            self.pace.decided(len(targets))
            self.decided.emit(targets[-1])

    def _write(self, write: Callable[[Study, str], Event | None]) -> Event | None:
        self.said.emit("")
        try:
            return self.shown.correct(write)
        except StudyError as error:
            self.said.emit(str(error))
            return None


def _decided(study: Study, slide: str, cells: list[str], kind: Decision, label: str) -> Event:
    if kind == "relabel":
        return study.relabel(slide, cells, label)
    write = {"accept": study.accept, "reject": study.reject, "unsure": study.unsure}[kind]
    return write(slide, cells)
