"""Settling what two readers disagree about: their disagreements on the active slide, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from cytoshift.errors import CytoshiftError, StudyError
from cytoshift.study.agreement import NO_CELL, NOT_MARKED, UNSURE, Agreement, Readers, TwiceRead, agreement, settle
from napari_cytoshift import notices

if TYPE_CHECKING:
    from cytoshift.study import Event, Study
    from napari_cytoshift.background import Work
    from napari_cytoshift.workspace import Workspace

COMMON = "Common reading"


class Settling:
    """Two readers' agreement, and the way through their disagreements while it is on.

    Attributes
    ----------
    compared : Signal()
        `found` is another.
    looked : Signal()
        Another disagreement is the current one, or it was switched on or off.
    said : Signal(str)
        One sentence for the person.
    found : Agreement or None
    on : bool
        Whether decisions settle disagreements.
    """

    compared = Signal()
    looked = Signal()
    said = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._wish = 0
        self._at = ""
        self.found: Agreement | None = None
        self.on = False
        workspace.corrected.connect(self._on_corrected)
        workspace.study_changed.connect(self._on_study)

    @property
    def here(self) -> list[TwiceRead]:
        """The disagreements on the active slide that are left."""
        identity = self._workspace.cells.identity
        return [] if self.found is None else [cell for cell in self.found.disagreements if cell.slide == identity]

    @property
    def current(self) -> TwiceRead | None:
        """The disagreement that is looked at; None while it is off or nothing is left."""
        here = self.here if self.on else []
        return next((cell for cell in here if cell.target == self._at), here[0] if here else None)

    def compare(self, readers: Readers | None) -> None:
        """Compare two readers in a thread; None forgets the comparison."""
        self._wish += 1
        if readers is None:
            self.on, self.found = False, None
            self.compared.emit()
            self.looked.emit()
            return
        wish, study = self._wish, self._workspace.study

        def take(found: Agreement) -> None:
            if wish == self._wish:
                self.found = found
                self.compared.emit()
                self.looked.emit()

        def read(work: Work) -> Agreement:
            return agreement(study, readers)

        self._workspace.start("Comparing readers", read, done=take, failed=self._failed, in_activity=False)

    def set_on(self, on: bool) -> None:
        """Let decisions settle disagreements, or not."""
        self.on = on
        self.looked.emit()

    def step(self, by: int) -> None:
        """Look at the next disagreement (1), or the one before (-1)."""
        here, current = self.here, self.current
        if current is None:
            self.said.emit("Nothing is left to settle on this slide.")
            return
        self._at = here[(here.index(current) + by) % len(here)].target
        self.looked.emit()

    def decide(self, kind: str, label: str) -> bool:
        """Settle the current disagreement as a key says; return whether it was."""
        cell, found = self.current, self.found
        if cell is None or found is None:
            self.said.emit("Nothing is left to settle on this slide.")
            return False
        says = {"reject": NO_CELL, "unsure": UNSURE, "relabel": label}.get(kind) or self._first_said(cell)

        def write(study: Study, slide: str) -> Event:
            return settle(study, cell, found.readers, says)

        here = self.here
        following = here[(here.index(cell) + 1) % len(here)].target
        try:
            self._workspace.cells.correct(write)
        except StudyError as error:
            self.said.emit(str(error))
            return False
        self._at = following
        return True

    def words(self, cell: TwiceRead) -> list[str]:
        """Return who says what."""
        readers = ("", "") if self.found is None else self.found.readers
        return [f"{reader or COMMON}: {one.says}" for reader, one in zip(readers, cell.opinions, strict=True)]

    def _first_said(self, cell: TwiceRead) -> str:
        """Return what accepting means: what the first reader says, or the second where the first says nothing."""
        first, second = (opinion.says for opinion in cell.opinions)
        return second if first == NOT_MARKED else first

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, CytoshiftError):
            self.said.emit(str(error))
        else:
            notices.complain(error)

    def _on_corrected(self, _: str) -> None:
        if self.found is not None:
            self.compare(self.found.readers)

    def _on_study(self, _: object) -> None:
        self.compare(None)
