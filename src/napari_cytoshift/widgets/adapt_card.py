"""What the cards of the Adapt dock share: what is missing, how long it will take, and the start."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from qtpy.QtCore import Signal

from cytoshift.jobs import Job, JobSpec, new_job_folder, start
from napari_cytoshift import wording
from napari_cytoshift.background import Work
from napari_cytoshift.widgets.adapt_contents import ContentsView, Look
from napari_cytoshift.widgets.adapt_fold import Fold
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.workspace import Workspace

DAYS = 36 * 3600.0
"""Seconds from which days are said instead of hours."""


class JobCard(Fold):
    """A card that starts jobs of one kind.

    A subclass lays out its widgets, `contents`, `ready` and `begin` among them, and says in `show_state` what is
    missing.

    Parameters
    ----------
    workspace : Workspace
    title, tip : str
        What the job does for a person.
    kind : str
        What the folders of its jobs begin with.

    Attributes
    ----------
    started : Signal(Job)
    failed : Signal(BaseException)
    review_asked : Signal()
        The Review dock is wanted.
    further : tuple of str
        Settings of the recipe on top of what the card offers.
    contents : ContentsView
        What the job will use, of what is chosen.
    edition : int
        Grows whenever what is stored, set or chosen may have changed.
    """

    started = Signal(object)
    failed = Signal(object)
    review_asked = Signal()

    def __init__(self, workspace: Workspace, title: str, tip: str, kind: str) -> None:
        super().__init__(title, tip)
        self.workspace = workspace
        self.kind = kind
        self.further: tuple[str, ...] = ()
        self.ready = sentence()
        self.contents = ContentsView(workspace)
        self.contents.changed.connect(lambda: self.show_state())
        self.contents.failed.connect(self.failed)
        self.edition = 0
        self.begin = button("Start", "Learn in a process of its own; this window may be closed meanwhile", self.start)
        self._durations: dict[Hashable, float] = {}
        self._timing = self._starting = False
        self.turned.connect(self._on_turned)

    # What a kind of job is

    def specification(self) -> Callable[[], JobSpec]:
        """Return what a thread calls for the specification, of what is chosen now."""
        raise NotImplementedError

    def estimate(self) -> tuple[Hashable, Callable[[], float]]:
        """Return what the duration depends on, and what a thread calls for its seconds."""
        raise NotImplementedError

    def look(self) -> Look | None:
        """Return what `contents` depend on and what a thread calls for them; None where the card fills it in itself."""
        return None

    def show_state(self) -> None:
        """Show what is chosen, and call `show_ready`."""
        raise NotImplementedError

    # What a person does

    def start(self) -> None:
        """Start a job as the card is filled in."""
        study, specification = self.workspace.study.folder, self.specification()

        def launch(work: Work) -> Job:
            return start(specification(), new_job_folder(study, self.kind))

        self._starting = True
        self.show_state()
        work = self.workspace.start(
            "Starting to learn", launch, done=self.started.emit, failed=self.failed.emit, in_activity=False
        )
        work.finished.connect(self._on_started)

    # What the card shows

    def refresh(self, *_: object) -> None:
        """Show what can be started now."""
        self.edition += 1
        self.show_state()

    def show_ready(self, missing: str, there: str = "") -> None:
        """Say what is missing, or what is there and how long it will take; the start is open when nothing is missing.

        Parameters
        ----------
        missing : str
            A sentence; ``""`` where nothing is.
        there : str
            What the job will use, a sentence said in either case.
        """
        look = self.look()
        if look is not None and (missing or (self.open and self.isVisible())):  # nobody looks at it while reviewing
            self.contents.look(None if missing else look)
        missing = missing or self.contents.missing
        key, measure = (None, None) if missing else self.estimate()
        words = missing or self._duration(self._durations.get(key))
        self.ready.setText(f"{there} {words}" if there else words)
        self.begin.setEnabled(not missing and not self._starting)
        if measure is not None and self.open and not self._timing and key not in self._durations:
            self._measure(key, measure)

    # Inside

    def _duration(self, seconds: float | None) -> str:
        if seconds is None:
            return "How long it will take on this computer is being measured…"
        if seconds > DAYS:
            return f"Would take about {seconds / 86400:.0f} days on this computer; it can be stopped early."
        return f"Takes {wording.about(seconds)} on this computer; it can be stopped early."

    def _measure(self, key: Hashable, measure: Callable[[], float]) -> None:
        def take(seconds: float) -> None:
            self._durations[key] = seconds

        self._timing = True
        work = self.workspace.start(
            "Measuring this computer", lambda work: measure(), done=take, failed=self.failed.emit, in_activity=False
        )
        work.finished.connect(self._on_measured)

    def _on_measured(self) -> None:
        self._timing = False
        self.show_state()

    def _on_started(self) -> None:
        self._starting = False
        self.show_state()

    def _on_turned(self, on: bool) -> None:
        self.show_state()
