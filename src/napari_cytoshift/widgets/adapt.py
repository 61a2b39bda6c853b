"""The Adapt dock: make it work here, and prove it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox

from cytoshift.errors import CytoshiftError
from cytoshift.jobs import Job, LearnSpec
from napari_cytoshift import notices
from napari_cytoshift.background import Work
from napari_cytoshift.sights import MODEL
from napari_cytoshift.widgets.adapt_carry import CarryCard
from napari_cytoshift.widgets.adapt_fold import Fold
from napari_cytoshift.widgets.adapt_jobs import ACTIVE, Course, JobLook, Look, look
from napari_cytoshift.widgets.adapt_labs import LabsCard
from napari_cytoshift.widgets.adapt_learn import LearnCard
from napari_cytoshift.widgets.adapt_look import LookCard
from napari_cytoshift.widgets.adapt_mitosis import MitosisCard
from napari_cytoshift.widgets.adapt_models import ModelsFold
from napari_cytoshift.widgets.adapt_panel import JobPanel
from napari_cytoshift.widgets.dock import Dock

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.slides import Slide
    from cytoshift.study.events import Box

LOOK_MS = 250

CLOSE = 1
"""Pixels between the cards: with all of them folded, what a job made fits below them on a small screen."""

AROUND = 3.0
"""What is shown on each side of a cell that changed, in sides of its box."""


class AdaptDock(Dock):
    """Cards that start jobs, one of them open; below, the jobs of the study and what they made."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.looks = LookCard(self.workspace)
        self.labs, self.carry = LabsCard(self.workspace), CarryCard(self.workspace)
        self.learn, self.mitosis = LearnCard(self.workspace), MitosisCard(self.workspace)
        self.models = ModelsFold(self.workspace)
        self.cards = (self.looks, self.labs, self.carry, self.learn, self.mitosis)
        self.folds = (*self.cards, self.models)
        self.jobs, self.panel = QComboBox(), JobPanel(self.workspace)
        self.jobs.setToolTip("The jobs of this study, newest first")
        self._course = Course()
        self._looks: tuple[JobLook, ...] = ()
        self._chosen, self._position = "", 0
        self._looking: Work | None = None
        self._study: Path | None = None
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)
        self.content.setSpacing(CLOSE)
        for widget in (*self.folds, self.jobs):
            self.content.addWidget(widget)
        self.content.addWidget(self.panel, 1)
        self._connect()
        self.open_card(self.learn)
        self.refresh()

    def _connect(self) -> None:
        self.jobs.activated.connect(self._choose)
        for card in self.cards:
            card.started.connect(self._on_started)
            card.failed.connect(self._on_failed)
        for fold in self.folds:
            fold.turned.connect(lambda on, fold=fold: self._on_turned(fold, on))
        for teaching in (self.learn, self.mitosis):
            teaching.review_asked.connect(lambda: self.go_to("Review"))
        self.panel.wished.connect(self._ask)
        self.panel.decided.connect(self._decide)
        self.models.decided.connect(self._decide)
        self.models.said.connect(self.message.say)
        self.models.failed.connect(self._on_failed)
        self.panel.compare_asked.connect(self.see_in_compare)
        self.looks.method_asked.connect(self.see_method)
        self.panel.outcome.changes.place_asked.connect(self.see_cell)
        for signal, slot in (
            (self.workspace.corrected, self.refresh),
            (self.workspace.study_changed, self.refresh),
            (self.workspace.models_changed, self.refresh),
            (self.workspace.calibrated, self._on_calibrated),
        ):
            self.listen(signal, slot)

    # What a person does

    def start(self) -> None:
        """Start a job that learns from the corrections of the study."""
        self.learn.start()

    def pause(self) -> None:
        """Let the job that is shown free its device after a checkpoint."""
        self._ask(lambda job: job.pause())

    def resume(self) -> None:
        """Let the job that is shown go on from its last checkpoint."""
        self._ask(lambda job: job.resume())

    def open_card(self, card: Fold | None) -> None:
        """Open a card and fold the others; None folds all."""
        for one in sorted(self.folds, key=lambda one: one is card):
            one.set_open(one is card)

    def show_model(self, name: str = "") -> None:
        """Show the models as a tree, and where a model stands in it."""
        self.models.show_model(name)

    def show_looks(self) -> LookCard:
        """Open the card that makes slides look like the model's, and return it."""
        self.open_card(self.looks)
        return self.looks

    def see_in_compare(self, model: str) -> None:
        """See the slide that is open through a model that changes colours."""
        if self.workspace.active is None:
            self.message.say("Open a slide first; then it can be seen through the new model in Compare.")
            return
        self.go_to("Compare").see(MODEL + model)

    def see_method(self, method: str, model: str) -> None:
        """See the slide that is open through a classical method, with a model's own colours as its reference."""
        self.go_to("Compare").see(method, reference=MODEL + model)

    def see_cell(self, slide: str, box: Box) -> None:
        """Look at a cell that changed, on its slide, which is opened where it is not."""
        here, job = self.workspace.slide(slide), self.chosen
        sources = job.job.spec.slides if job is not None and isinstance(job.job.spec, LearnSpec) else ()
        path = next((source.path for source in sources if source.identity == slide), None)
        if here is not None:
            self.workspace.show(here)
            self._look_around(here, box)
        elif path is None or not Path(path).exists():
            self.message.say("The slide of this cell is not where it was; open it from its new place first.")
        else:
            self.workspace.open(path, done=lambda _: self._look_at_opened(slide, box))

    # What the dock shows

    @property
    def chosen(self) -> JobLook | None:
        """The job that is shown."""
        return next((one for one in self._looks if one.name == self._chosen), None)

    def refresh(self, *_: object) -> None:
        """Show what can be learned now, and look at the jobs again."""
        self.show_start(False)
        study = self.workspace.study
        if study.folder != self._study:
            self._study, self._looks, self._chosen = study.folder, (), ""
        for card in self.cards:
            card.refresh()
        self.models.refresh()
        self._show()
        self._timer.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _look(self) -> None:
        if self._looking is not None or self._study is None:
            return
        study, chosen, position, known = self._study, self._chosen, self._position, self._looks
        self._looking = self.workspace.start(
            "Looking at the jobs", lambda work: look(study, chosen, position, known), done=self._take, in_activity=False
        )
        self._looking.finished.connect(self._looked)

    def _looked(self) -> None:
        self._looking = None
        if not any(one.state in ACTIVE for one in self._looks):
            self._timer.stop()

    def _take(self, seen: Look) -> None:
        if seen.study != self._study:
            return
        before = {one.name: one.state for one in self._looks}
        self._looks = seen.jobs
        for one in seen.jobs:
            if before.get(one.name) in ACTIVE and one.state not in ACTIVE:
                self._tell(one)
        if not self._chosen:
            self._chosen, self._position, self._course = seen.chosen, 0, Course()
        if (seen.chosen, seen.since) == (self._chosen, self._position):  # else the curve began anew meanwhile
            folder = next((one.job.folder for one in seen.jobs if one.name == seen.chosen), None)
            for event in seen.events:
                self._course.add(event, folder)
            self._position = seen.position
        self._show()

    def _tell(self, ended: JobLook) -> None:
        result = ended.result
        if result is not None and result.state in ("done", "stopped"):
            notices.inform(f"{ended.title}: done. See in Adapt what the new model is worth.")
            self.workspace.models_changed.emit()
        elif ended.state in ("failed", "interrupted"):
            notices.warn(
                result.message if result is not None else f"{ended.title} was interrupted; resume it in Adapt."
            )

    def _choose(self, index: int) -> None:
        self._chosen, self._position, self._course = self.jobs.itemData(index), 0, Course()
        self.open_card(None)
        self._show()
        self._timer.start()

    def _show(self) -> None:
        rows = [(f"{one.name}  ·  {one.standing}  ·  {one.made}", one.name) for one in self._looks]
        if rows != [(self.jobs.itemText(i), self.jobs.itemData(i)) for i in range(self.jobs.count())]:
            self.jobs.clear()
            for text, name in rows:
                self.jobs.addItem(text, name)
        self.jobs.setCurrentIndex(self.jobs.findData(self._chosen))
        self.jobs.setVisible(bool(rows))
        self.panel.show_job(self.chosen, self._course)

    # Inside

    def _look_at_opened(self, slide: str, box: Box) -> None:
        opened = self.workspace.slide(slide)
        if opened is not None:
            self._look_around(opened, box)

    def _look_around(self, slide: Slide, box: Box) -> None:
        """Show a box in the middle of the view, with as much around it as tells what it is."""
        x0, y0, x1, y1 = box
        margin = AROUND * max(x1 - x0, y1 - y0)
        self.workspace.look_at(slide, (x0 - margin, y0 - margin, x1 + margin, y1 + margin))

    def _on_turned(self, card: Fold, on: bool) -> None:
        """Make room for a card that is about to open; the window would grow for two, or for one and the curve."""
        for one in self.folds:
            if on and one is not card:
                one.set_open(False)
        self.panel.show_brief(on or any(one.open for one in self.folds))

    def _on_started(self, job: Job) -> None:
        self.message.say("")
        self._chosen, self._position, self._course = job.name, 0, Course()
        self.open_card(None)
        self._timer.start()

    def _on_calibrated(self, slide: Any) -> None:
        self.labs.calibrated(slide)
        self.looks.calibrated(slide)

    def _ask(self, wish: Any) -> None:
        chosen = self.chosen
        if chosen is not None:
            self.workspace.start(
                "Asking the job", lambda work: wish(chosen.job), failed=self._on_failed, in_activity=False
            ).finished.connect(self.refresh)

    def _decide(self, decide: Any, words: str) -> None:
        try:
            decide()
        except CytoshiftError as error:
            self.message.say(str(error))
            return
        self.message.say(words)
        self.workspace.models_changed.emit()

    def _on_failed(self, error: BaseException) -> None:
        if isinstance(error, CytoshiftError):
            self.message.say(str(error))
        else:
            notices.complain(error)
