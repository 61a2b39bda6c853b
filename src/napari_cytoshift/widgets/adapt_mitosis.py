"""The card *Adapt mitosis to my scanner*: how many mitoses were decided on, what is missing, and the start."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from qtpy.QtCore import Signal

from cytoshift.jobs import Job, learning_spec, new_job_folder, start
from cytoshift.models.registry import STARTER
from cytoshift.study import Study
from cytoshift.study.decided import count_kinds, decided_mitoses, has_mitoses, too_few, unmeasured
from napari_cytoshift import wording
from napari_cytoshift.background import Work
from napari_cytoshift.widgets.adapt_fold import Fold
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.workspace import Workspace


class Seen(NamedTuple):
    """What a thread saw of a study: whether it knows of mitoses, and those that were decided on."""

    study: Path
    mitoses: bool
    normal: int
    atypical: int
    slides: int
    missing: str


class MitosisCard(Fold):
    """Starts teaching the classifier of mitoses in use; hidden where there is nothing to do with mitoses.

    Attributes
    ----------
    started : Signal(Job)
    failed : Signal(BaseException)
    review_asked : Signal()
        The Review dock is wanted.
    """

    started = Signal(object)
    failed = Signal(object)
    review_asked = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("Adapt mitosis to my scanner", "Teach the classifier of mitoses in use what you decided")
        self.workspace = workspace
        self.further: tuple[str, ...] = ()
        self.about = sentence("Teaches the classifier in use what you decided, and measures before and after.")
        self.about.setToolTip(
            "Learns from normal and atypical mitoses that you accepted, renamed or added, with the slide's scanner as"
            " their domain; some are held back to measure with"
        )
        self.ready = sentence()
        self.begin = button("Start", "Learn in a process of its own; this window may be closed meanwhile", self.start)
        self.review = button("Go to Review", "Decide on mitoses there", lambda: self.review_asked.emit())
        for widget in (self.about, self.ready, self.review, self.begin):
            self.inside.addWidget(widget)
        self._seen: Seen | None = None
        self._durations: dict[str, float] = {}
        self._looking = self._again = self._timing = self._starting = False
        self.turned.connect(self._show)
        self.hide()  # until it is known whether there is anything to do with mitoses

    # What a person does

    def start(self) -> None:
        """Start a job that learns from the mitoses that were decided on in the study."""
        study, registry = self.workspace.study.folder, self.workspace.registry.root
        parent, overrides = self._parent, self.further

        def launch(work: Work) -> Job:
            spec = learning_spec(study, task="mitosis", parent=parent, overrides=overrides, registry=registry)
            return start(spec, new_job_folder(study, "mitosis"))

        self._starting = True
        self._show()
        work = self.workspace.start(
            "Starting to learn", launch, done=self.started.emit, failed=self.failed.emit, in_activity=False
        )
        work.finished.connect(self._on_started)

    # What the card shows

    def refresh(self) -> None:
        """Count in a thread what was decided on, while somebody looks; the newest state wins."""
        self._show()
        holder = self.parentWidget()
        if holder is None or not holder.isVisible():
            return
        self._again = self._looking
        if self._looking:
            return
        self._looking = True
        folder = self.workspace.study.folder
        self.workspace.start(
            "Counting mitoses", lambda work: _look(folder), done=self._take, failed=self.failed.emit, in_activity=False
        ).finished.connect(self._looked)

    def _take(self, seen: Seen) -> None:
        self._seen = seen
        self._show()

    def _looked(self) -> None:
        self._looking = False
        if self._again:
            self.refresh()

    def _show(self, *_: object) -> None:
        registry, seen = self.workspace.registry, self._seen
        if seen is not None and seen.study != self.workspace.study_folder:
            seen = None
        wanted = (seen is not None and seen.mitoses) or registry.adopted("mitosis") is not None
        if not wanted:
            self.set_open(False)
        self.setVisible(wanted)
        self.begin.setEnabled(False)
        self.review.setVisible(False)
        if seen is None:
            self.ready.setText("Counting what you decided on…")
            return
        counted = f"{seen.normal} normal and {seen.atypical} atypical on {_slides(seen.slides)}."
        self.ready.setText(f"{counted} {seen.missing or self._duration()}" if seen.slides else seen.missing)
        self.begin.setEnabled(not seen.missing and not self._starting)
        self.review.setVisible(bool(seen.missing))
        if not seen.missing and self.open:
            self._estimate()

    # Inside

    @property
    def _parent(self) -> str:
        """The classifier in use."""
        return self.workspace.registry.adopted("mitosis") or STARTER

    def _duration(self) -> str:
        seconds = self._durations.get(self._parent)
        if seconds is None:
            return "How long it will take on this computer is being measured…"
        return f"Takes {wording.about(seconds)} on this computer; it can be stopped early."

    def _estimate(self) -> None:
        registry, parent, overrides = self.workspace.registry, self._parent, self.further
        if self._timing or parent in self._durations:
            return
        self._timing = True

        def measure(work: Work) -> float:
            from cytoshift.jobs.duration_mitosis import teaching_seconds

            return teaching_seconds(registry.find(parent, "mitosis").card, overrides)

        def take(seconds: float) -> None:
            self._durations[parent] = seconds
            self._show()

        work = self.workspace.start(
            "Measuring this computer", measure, done=take, failed=self.failed.emit, in_activity=False
        )
        work.finished.connect(self._on_measured)

    def _on_measured(self) -> None:
        self._timing = False

    def _on_started(self) -> None:
        self._starting = False
        self._show()


def _look(folder: Path) -> Seen:
    """Count as the job will: in the common reading, whoever reads here."""
    with Study.open(folder, read_only=True) as study:
        sets = [decided_mitoses(study, record) for record in study.slides()]
        normal, atypical = count_kinds(sets)
        missing = too_few(normal, atypical) or unmeasured(sets)
        return Seen(folder, has_mitoses(study), normal, atypical, sum(len(one) > 0 for one in sets), missing)


def _slides(number: int) -> str:
    return f"{number} slide{'' if number == 1 else 's'}"
