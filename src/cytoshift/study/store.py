"""A study: a folder that keeps slides, predictions and every correction, and loses none of them."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cytoshift.author import login_name
from cytoshift.errors import StudyError
from cytoshift.study.cells import Cells, Region, fold_cells, fold_regions
from cytoshift.study.change import DECISIONS
from cytoshift.study.corrections import Corrections, Limits
from cytoshift.study.coverage import Coverage
from cytoshift.study.events import Corners, Event, Kind, Targets, about
from cytoshift.study.following import FollowedCells
from cytoshift.study.history import decisions, fold
from cytoshift.study.imports import Imports, Names, Packed
from cytoshift.study.log import SlideRecord
from cytoshift.study.opening import FILE, Opened, create_file, open_log

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings, Provenance
    from cytoshift.engine.outlines import Outlines
    from cytoshift.slides.slide import Slide

_FOLLOWED = 2
"""Runs whose cells are kept up to date; others are folded when somebody asks for them."""

_logger = logging.getLogger(__name__)


class Study(Corrections):
    """An open study. Get one with `Study.create` or `Study.open`; every method may be called from every thread.

    A correction is on the disk when its method returns, and is never changed afterwards; undoing is a further event.
    Slides are named by their identity; a target is ``"RUN:INDEX"`` for a prediction or an event's id for an added cell.

    Attributes
    ----------
    folder : Path
    read_only : bool
        Whether corrections are refused.
    reason : str
        Why it is read-only, in one sentence; ``""`` when it can be written or was opened so on purpose.
    notice : str
        What else a person must know of the file it was opened from, in one sentence; ``""`` for nothing.
    author : str
        Who corrects: the login name unless set.
    reader : str
        The blinded reader whose reading this is; ``""`` for the common one. See `read_as`.
    """

    def __init__(self, folder: Path, opened: Opened, until: int | None) -> None:
        log = opened.log
        self.folder = folder
        self.read_only = opened.lock is None
        self.reason = opened.reason
        self.notice = opened.notice
        self.author = login_name()
        self.reader = ""
        self._log = log
        self._lock = opened.lock
        self._guard = threading.RLock()
        self._listeners: list[Callable[[Event], None]] = []
        self._slides = {record.identity for record in log.slides()}
        self._sizes: dict[str, tuple[str, int]] = {}
        self._followed: OrderedDict[tuple[str, str, str], FollowedCells] = OrderedDict()
        self._until = until
        self._events = [event for event in opened.events if until is None or event.seq <= until]
        self._history = fold(self._events)

    # Opening -----------------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: str | Path) -> Study:
        """Make a new study in a folder; StudyError where there is one already or nothing can be written."""
        create_file(Path(folder) / FILE)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path, read_only: bool = False, *, until: int | None = None) -> Study:
        """Open a study, or, with ``until``, look at it as it was after that event (`Event.seq`).

        It opens read-only, and `reason` says why, where another window or job writes into it, where its folder cannot
        be written, and where a newer version made it. One of an earlier version is brought up to date, and a copy of
        it as it was stays beside it.

        Raises
        ------
        StudyError
            There is no study, or it cannot be read.
        """
        folder = Path(folder)
        folder = folder.parent if folder.name == FILE else folder
        if not (folder / FILE).is_file():
            raise StudyError(f"There is no study in {folder}; create one there, or choose another folder.")
        return cls(folder, open_log(folder / FILE, read_only=read_only or until is not None), until)

    def close(self) -> None:
        """Close the study; nothing waits to be written."""
        self._log.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def check(self) -> str:
        """Return ``"ok"``, or what is wrong with the file: reads all of it."""
        return self._log.check()

    # Slides and predictions --------------------------------------------------------------------------------------

    def add_slide(self, slide: Slide) -> str:
        """Add a slide, or remember where it lies now, and return its identity."""
        self._writable()
        self._log.add_slide(slide.info)
        with self._guard:
            self._slides.add(slide.info.identity)
        return slide.info.identity

    def slides(self) -> list[SlideRecord]:
        """Return the slides, in the order in which they were added."""
        return [self._calibrated(record) for record in self._log.slides()]

    def slide(self, identity: str) -> SlideRecord:
        """Return one slide; StudyError where the study has no such slide."""
        for record in self.slides():
            if record.identity == identity:
                return record
        raise StudyError(f"The study {self.folder} has no slide {identity}; add the slide first.")

    def add_findings(self, findings: Findings) -> str:
        """Store predictions for good and return the id of the run."""
        self._writable()
        self._check_slide(findings.provenance.slide)
        return self._log.add_findings(findings)

    def runs(self, slide: str) -> list[str]:
        """Return the ids of a slide's runs, oldest first."""
        return [run for run, _, _ in self._log.runs(slide)]

    def searches(self, slide: str) -> list[tuple[str, Provenance, int]]:
        """Return id, provenance and number of predictions of a slide's runs, oldest first, without the predictions."""
        return self._log.runs(slide)

    def provenance(self, run: str) -> Provenance:
        """Return where the predictions of a run come from."""
        return self._log.findings(run).provenance

    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes that any search, file or person gave, in no order that means anything."""
        given = (label for event in self.events() for label in event.labels)
        return tuple(dict.fromkeys((*self._log.classes(), *given)))

    def findings(self, run: str) -> Findings:
        """Return the predictions of a run as they were made; StudyError where there is no such run."""
        return self._log.findings(run)

    # Taking back -------------------------------------------------------------------------------------------------

    def undo(self, slide: str | None = None) -> Event | None:
        """Take back the last correction, of a slide or of the whole study; None when there is nothing to take back."""
        with self._guard:
            last = self._history.to_undo(slide, self.reader)
            return None if last is None else self._correct(last.slide, "undo", last.id)

    def redo(self, slide: str | None = None) -> Event | None:
        """Put back what was last taken back, on a slide or in the whole study; None when there is nothing."""
        with self._guard:
            last = self._history.to_redo(slide, self.reader)
            return None if last is None else self._correct(last.slide, "redo", last.id)

    # What is known now -------------------------------------------------------------------------------------------

    def events(self, since: int = 0) -> list[Event]:
        """Return every event after a position (`Event.seq`) in the log."""
        self._refresh()
        with self._guard:
            return self._events[bisect_right(self._events, since, key=attrgetter("seq")) :]

    def read_as(self, reader: str) -> None:
        """See and write a blinded reader's own corrections only, ``""`` for the common ones; all share calibrations."""
        self.reader, self.author = reader, reader or login_name()

    def corrections(self, slide: str, reader: str | None = None) -> tuple[Event, ...]:
        """Return the corrections of a slide that are in force (not undone), oldest first; of `reader` by default."""
        self._refresh()
        with self._guard:
            return self._history.corrections(slide, self.reader if reader is None else reader)

    def can_undo(self, slide: str | None = None) -> bool:
        """Whether `undo` has something to take back."""
        with self._guard:
            return not self.read_only and self._history.to_undo(slide, self.reader) is not None

    def can_redo(self, slide: str | None = None) -> bool:
        """Whether `redo` has something to put back."""
        with self._guard:
            return not self.read_only and self._history.to_redo(slide, self.reader) is not None

    def cells(
        self,
        slide: str,
        run: str | None = None,
        threshold: float = 0.0,
        thresholds: Limits | None = None,
        seen: Collection[str] | None = None,
    ) -> Cells:
        """Return the cells of a slide as they are now.

        Parameters
        ----------
        slide : str
            Identity.
        run : str, optional
            Whose predictions: the last run's by default, none for ``""``.
        threshold : float
            Score from which unreviewed predictions are there; reviewed ones always are.
        thresholds : mapping of str to float, optional
            The same for single classes, by name.
        seen : collection of str, optional
            Imports whose undecided cells are there; all by default.

        Returns
        -------
        Cells
            Rejected cells included; look at their states.
        """
        if run is None:
            run = next(reversed(self.runs(slide)), "")
        findings = self._log.findings(run) if run else None
        if findings is not None and findings.provenance.slide != slide:
            raise StudyError(f"Run {run} is of another slide than {slide}; choose one of this slide's runs.")
        events = self.corrections(slide)
        if threshold > 0 or thresholds or seen is not None:
            return fold_cells(findings, run, events, threshold, thresholds, self._log.imports(events), seen)
        with self._guard:
            key = (slide, self.reader, run)
            if key not in self._followed:
                self._followed[key] = FollowedCells.of(findings, run, events, self._log.imports(events))
                while len(self._followed) > _FOLLOWED:
                    self._followed.popitem(last=False)
            self._followed.move_to_end(key)
            return self._followed[key].cells

    def imported(self, events: Iterable[Event]) -> Imports:
        """Return the cells that came in with events, as they came, by event."""
        return self._log.imports(events)

    def names(self, event: str) -> tuple[Names, Outlines]:
        """Return what a file called the cells of an import (its event), and their outlines."""
        return self._log.names(event)

    def outlines(self, event: str) -> Outlines:
        """Return the outlines of the cells of an import (its event)."""
        return self._log.outlines(event)

    def outline_of(self, cell: str) -> Corners:
        """Return the outline with which a person added a cell (its event); nothing where a box was drawn."""
        with self._guard:
            event = self._history.event(cell)
            return () if event is None else event.payload.get("outline", ())

    def measures(self, slide: str) -> tuple[Event, ...]:
        """Return the notes of a slide that keep a length or an area (``points``), oldest first."""
        return tuple(one for one in self.corrections(slide) if one.kind == "note" and one.payload.get("points"))

    def decisions(self, slide: str, cell: str) -> tuple[Event, ...]:
        """Return who said what of a cell or a region and when, oldest first: undone or not, undoing included.

        A blinded reader is told of the own decisions only.
        """
        events = (event for event in self.events() if event.slide == slide and event.reader == self.reader)
        return decisions(events, cell)

    def regions(self, slide: str) -> tuple[Region, ...]:
        """Return the regions of a slide that are marked complete, oldest first."""
        return fold_regions(self.corrections(slide))

    def coverage(self, slide: str, reader: str | None = None) -> Coverage | None:
        """Return what was looked at of a slide in a reading, `reader`'s by default; None where nothing is stored."""
        return self._log.coverage(slide, self.reader if reader is None else reader)

    def add_coverage(self, slide: str, coverage: Coverage, reader: str | None = None) -> Coverage:
        """Store what was looked at beside what is stored, the higher magnification of each field, and return both.

        Of the reading of `reader` by default. No event: nobody is told, and nothing is there to be undone.

        Raises
        ------
        StudyError
            It cannot be stored.
        ValueError
            It has another grid than what is stored.
        """
        self._writable()
        self._check_slide(slide)
        return self._log.add_coverage(slide, self.reader if reader is None else reader, coverage)

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``listener`` with every event after it is stored, in the thread that stored it; returns how to stop."""
        with self._guard:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._guard:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    # Inside ------------------------------------------------------------------------------------------------------

    def _correct(
        self, slide: str, kind: Kind, target: Targets, cells: Packed | None = None, /, **payload: Any
    ) -> Event:
        self._writable()
        about_one, payload = about(target, payload, self.reader)
        event = Event(slide, kind, about_one, payload, self.author)
        with self._guard:
            self._check_slide(slide)
            for one in event.targets if kind not in ("undo", "redo") else ():
                self._check_target(slide, kind, one)
            event = self._log.add_event(event) if cells is None else self._log.add_import(event, cells)
            self._take_in(event)
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                _logger.exception("a listener failed; event %d is stored", event.seq)
        return event

    def _refresh(self) -> None:
        if self.read_only and self._until is None:  # somebody else may have written
            with self._guard:
                for event in self._log.events(self._events[-1].seq if self._events else 0):
                    self._take_in(event)

    def _take_in(self, event: Event) -> None:
        self._events.append(event)
        self._history.append(event)
        for key, cells in list(self._followed.items()):
            if key[:2] == (event.slide, event.reader) and not cells.follow(event, self._history):
                del self._followed[key]

    def _writable(self) -> None:
        if self.read_only:
            raise StudyError(self.reason or f"The study {self.folder} was opened to be read; open it again to write.")

    def _check_slide(self, slide: str) -> None:
        if slide not in self._slides:
            raise StudyError(f"The study {self.folder} has no slide {slide}; add the slide first.")

    def _check_target(self, slide: str, kind: Kind, target: str) -> None:
        if target == "":
            if kind in DECISIONS:
                raise StudyError(f"There is nothing to {kind}; choose a cell first.")
            return
        run, _, index = target.rpartition(":")
        if run and index.isdecimal():
            of, cells = self._size(run)
            if of == slide and int(index) < cells and run not in self._history.taken_back:
                return
        else:
            kinds = ("add", "mark_complete") if kind in ("reject", "note") else ("add",)
            made = self._history.about(slide, target, self.reader)[:1]
            if any(target in event.made(kinds) for event in made):
                return
        raise StudyError(f"Slide {slide} has no cell {target} to {kind}; choose one of its cells.")

    def _size(self, run: str) -> tuple[str, int]:
        if run not in self._sizes:
            size = self._log.size(run)
            if size is None:
                raise StudyError(f"The study {self.folder} has no run {run}; choose one of its runs.")
            self._sizes[run] = size
        return self._sizes[run]

    def _calibrated(self, record: SlideRecord) -> SlideRecord:
        readers = dict.fromkeys(("", self.reader))
        return record.calibrated(event for one in readers for event in self.corrections(record.identity, one))
