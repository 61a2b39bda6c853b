"""The card *Adapt mitosis to my scanner*: how many mitoses were decided on, what is missing, and the start."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import NamedTuple

from cytoshift.jobs import LearnSpec, learning_spec
from cytoshift.jobs.contents import Contents, Row
from cytoshift.mitosis.classes import ATYPICAL, NORMAL
from cytoshift.models.registry import STARTER
from cytoshift.study import Study
from cytoshift.study.decided import count_kinds, decided_mitoses, has_mitoses, too_few, unmeasured
from cytoshift.study.mitosis_split import SHARE
from napari_cytoshift.widgets.adapt_card import JobCard
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


class MitosisCard(JobCard):
    """Starts teaching the classifier of mitoses in use; hidden where there is nothing to do with mitoses."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            "Adapt mitosis to my scanner",
            "Teach the classifier of mitoses in use what you decided",
            kind="mitosis",
        )
        self.about = sentence("Teaches the classifier in use what you decided, and measures before and after.")
        self.about.setToolTip(
            "Learns from normal and atypical mitoses that you accepted, renamed or added, with the slide's scanner as"
            " their domain; some are held back to measure with"
        )
        self.review = button("Go to Review", "Decide on mitoses there", lambda: self.review_asked.emit())
        for widget in (self.about, self.contents, self.ready, self.review, self.begin):
            self.inside.addWidget(widget)
        self._seen: Seen | None = None
        self._looking = self._again = False
        self.hide()  # until it is known whether there is anything to do with mitoses

    def specification(self) -> Callable[[], LearnSpec]:
        """Return what makes the specification of a job that learns from the mitoses that were decided on."""
        study, registry = self.workspace.study.folder, self.workspace.registry.root
        parent, overrides = self._parent, self.further
        return lambda: learning_spec(study, task="mitosis", parent=parent, overrides=overrides, registry=registry)

    def estimate(self) -> tuple[Hashable, Callable[[], float]]:
        """Return what the duration depends on: the classifier in use and the settings."""
        registry, parent, overrides = self.workspace.registry, self._parent, self.further

        def seconds() -> float:
            from cytoshift.jobs.duration_mitosis import teaching_seconds

            return teaching_seconds(registry.find(parent, "mitosis").card, overrides)

        return (parent, overrides), seconds

    # What the card shows

    def refresh(self, *_: object) -> None:
        """Count in a thread what was decided on, while somebody looks; the newest state wins."""
        self.show_state()
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
        self.show_state()

    def _looked(self) -> None:
        self._looking = False
        if self._again:
            self.refresh()

    def show_state(self) -> None:
        """Show what was decided on, as far as it was counted."""
        registry, seen = self.workspace.registry, self._seen
        if seen is not None and seen.study != self.workspace.study_folder:
            seen = None
        wanted = (seen is not None and seen.mitoses) or registry.adopted("mitosis") is not None
        if not wanted:
            self.set_open(False)
        self.setVisible(wanted)
        self.review.setVisible(seen is not None and bool(seen.missing))
        if seen is None:
            self.show_ready("Counting what you decided on…")
            return
        self.show_ready(seen.missing)
        if seen.slides:
            self.contents.show_contents(_contents(seen))

    @property
    def _parent(self) -> str:
        """The classifier in use."""
        return self.workspace.registry.adopted("mitosis") or STARTER


def _look(folder: Path) -> Seen:
    """Count as the job will: in the common reading, whoever reads here."""
    with Study.open(folder, read_only=True) as study:
        sets = [decided_mitoses(study, record) for record in study.slides()]
        normal, atypical = count_kinds(sets)
        missing = too_few(normal, atypical) or unmeasured(sets)
        return Seen(folder, has_mitoses(study), normal, atypical, sum(len(one) > 0 for one in sets), missing)


def _contents(seen: Seen) -> Contents:
    kinds = {NORMAL: seen.normal, ATYPICAL: seen.atypical}
    rows = (
        Row("Mitoses", f"decided on, on {_slides(seen.slides)}"),
        Row("Held back", f"{SHARE:.0%} to measure with, and {SHARE:.0%} of the others to choose the threshold by"),
    )
    return Contents(rows, {name: number for name, number in kinds.items() if number})


def _slides(number: int) -> str:
    return f"{number} slide{'' if number == 1 else 's'}"
