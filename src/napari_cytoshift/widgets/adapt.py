"""The Adapt dock: make it work here, and prove it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from cytoshift.errors import CytoshiftError
from cytoshift.jobs import Job, learning_spec, new_job_folder, start
from napari_cytoshift import notices, wording
from napari_cytoshift.background import Work
from napari_cytoshift.widgets.adapt_jobs import ACTIVE, WORDS, Course, JobLook, Look, look
from napari_cytoshift.widgets.adapt_outcome import OutcomeTable
from napari_cytoshift.widgets.adapt_plot import LossPlot
from napari_cytoshift.widgets.dock import Dock, button, sentence

if TYPE_CHECKING:
    from pathlib import Path

    from napari import Viewer

    from cytoshift.study import Study

LOOK_MS = 250
STEPS = 300
NO_FIELD = "Still missing: mark at least one field as completely annotated (Review)."
KEPT = "kept_jobs"


class AdaptDock(Dock):
    """Starts learning from corrections, follows jobs, and asks whether to adopt what they made."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.further: tuple[str, ...] = ()
        self.about, self.ready, self.used = sentence(), sentence(), QElidingLabel()
        self.steps = QSpinBox()
        self.begin = button("Start", "Learn in a process of its own; this window may be closed meanwhile", self.start)
        self.jobs = QComboBox()
        self.progress, self.plot, self.outcome = QProgressBar(), LossPlot(), OutcomeTable()
        self.note = sentence()
        self._course = Course()
        self._looks: tuple[JobLook, ...] = ()
        self._chosen, self._position = "", 0
        self._looking: Work | None = None
        self._study: Path | None = None
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._lay_out()
        self.jobs.activated.connect(self._choose)
        for signal, slot in (
            (self.workspace.corrected, self.refresh),
            (self.workspace.study_changed, self.refresh),
            (self.workspace.models_changed, self.refresh),
        ):
            self.listen(signal, slot)
        self.refresh()

    # Layout

    def _lay_out(self) -> None:
        card = QGroupBox("Learn from my corrections")
        inside = QVBoxLayout(card)
        self.steps.setRange(1, 20_000)
        self.steps.setValue(int(self.workspace.state.get("learning_steps", STEPS)))
        self.steps.setToolTip("Training steps: more take longer, and too many learn your fields by heart")
        self.steps.valueChanged.connect(lambda value: self.workspace.state.set("learning_steps", value))
        fold = QToolButton()
        fold.setText("Advanced")
        fold.setCheckable(True)
        fold.setAutoRaise(True)
        fold.setArrowType(Qt.ArrowType.RightArrow)
        fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        fold.setToolTip("How long to learn")
        self.advanced = QWidget()
        self.advanced.hide()
        form = QFormLayout(self.advanced)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Steps", self.steps)
        fold.toggled.connect(self.advanced.setVisible)
        fold.toggled.connect(lambda on: fold.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow))
        self.review = button("Go to Review", "Mark fields as completely annotated there", lambda: self.go_to("Review"))
        for widget in (self.about, self.ready, self.review, fold, self.advanced, self.begin):
            inside.addWidget(widget)
        self.stop = button("Stop early", "End now and keep the best model so far", self.stop_early)
        self.cancel = button("Cancel…", "Discard the job: no model is made", self.ask_cancel)
        self.resume = button("Resume", "Go on from the last checkpoint", self.resume_job)
        self.adopt = button("Adopt", "Use the new model from now on; it can be taken back", self.adopt_model)
        self.keep = button("Keep the old", "Go on with the model in use", self.keep_old)
        self.back = button("Go back", "Use the model that was in use before", self.go_back)
        self.jobs.setToolTip("The jobs of this study, newest first")
        self.content.addWidget(card)
        self.content.addWidget(self.jobs)
        self.content.addWidget(self.progress)
        self.content.addWidget(self.note)
        self.content.addWidget(self.plot)
        self.content.addLayout(_row(self.stop, self.cancel, self.resume))
        self.content.addWidget(self.outcome)
        self.content.addLayout(_row(self.adopt, self.keep))
        self.content.addStretch(1)
        use = QHBoxLayout()
        use.addWidget(self.used, 1)
        use.addWidget(self.back)
        self.content.addLayout(use)

    # What a person does

    def start(self) -> None:
        """Start a job that learns from the corrections of the study."""
        study, parent = self.workspace.study, self.workspace.registry.adopted("detector") or "starter"
        overrides = (f"training.steps={self.steps.value()}", *self.further)

        def launch(work: Work) -> Job:
            spec = learning_spec(
                study.folder, parent=parent, overrides=overrides, registry=self.workspace.registry.root
            )
            return start(spec, new_job_folder(study.folder, "learn"))

        def started(job: Job) -> None:
            self._chosen, self._position, self._course = job.name, 0, Course()
            self._timer.start()

        self.message.say("")
        self.begin.setEnabled(False)
        work = self.workspace.start(
            "Starting to learn", launch, done=started, failed=self._on_failed, in_activity=False
        )
        work.finished.connect(self.refresh)

    def stop_early(self) -> None:
        """Ask the chosen job to end and keep its best model."""
        self._ask(lambda job: job.stop_early())

    def ask_cancel(self) -> None:
        """Discard the chosen job, after asking."""
        answer = QMessageBox.question(self, "Discard this job?", "No model will be made. Discard this job?")
        if answer == QMessageBox.StandardButton.Yes:
            self._ask(lambda job: job.cancel())

    def resume_job(self) -> None:
        """Go on with the chosen job."""
        self._ask(lambda job: job.resume())

    def adopt_model(self) -> None:
        """Use the model of the chosen job."""
        chosen = self.chosen
        if chosen is not None and chosen.result is not None:
            model = chosen.result.model
            self._decide(lambda: self.workspace.registry.adopt(model), "The new model is in use.")

    def keep_old(self) -> None:
        """Leave the model in use as it is, and ask no more about the chosen job."""
        chosen = self.chosen
        if chosen is not None:
            kept = self.workspace.state.get(KEPT, [])
            self.workspace.state.set(KEPT, [*kept, str(chosen.job.folder)])
            self.message.say("The old model stays in use; the new one can still be chosen in Find.")
            self._show()

    def go_back(self) -> None:
        """Use the model that was in use before."""
        self._decide(lambda: self.workspace.registry.rollback("detector"), "The model before is in use again.")

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
        missing = _missing(study, bool(self.workspace.registry.list("detector")))
        self.about.setText("Teaches the detector in use what you decided, and measures before and after.")
        self.about.setToolTip("Learns only from fields marked complete; some of them are held back to measure with")
        self.ready.setText(missing or _extent(study))
        self.begin.setEnabled(not missing)
        self.review.setVisible(missing == NO_FIELD)
        self._show()
        self._timer.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _look(self) -> None:
        if self._looking is not None or self._study is None:
            return
        study, chosen, position = self._study, self._chosen, self._position
        self._looking = self.workspace.start(
            "Looking at the jobs", lambda work: look(study, chosen, position), done=self._take, in_activity=False
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
        if self._chosen in ("", seen.chosen):
            if self._chosen != seen.chosen:
                self._chosen, self._course = seen.chosen, Course()
            for event in seen.events:
                self._course.add(event)
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
        self._show()
        self._timer.start()

    def _show(self) -> None:
        chosen = self.chosen
        self._list_jobs()
        active = chosen is not None and chosen.state in ACTIVE
        made = chosen is not None and chosen.result is not None and bool(chosen.result.model)
        self.progress.setVisible(active)
        self.plot.setVisible(bool(self._course.steps))
        self.plot.show_course(self._course)
        for one in (self.stop, self.cancel):
            one.setVisible(active)
        self.resume.setVisible(chosen is not None and chosen.state in ("interrupted", "failed"))
        self.outcome.setVisible(made)
        self.note.setText("" if chosen is None else self._words(chosen))
        self.note.setVisible(bool(self.note.text()))
        if active:
            self.progress.setRange(0, max(self._course.total, 0))
            self.progress.setValue(self._course.step)
        self._show_models(chosen if made else None)

    def _words(self, chosen: JobLook) -> str:
        course = self._course
        if chosen.state == "running" and course.total and not course.note:
            parts = [f"Step {course.step} of {course.total}", wording.about(course.eta)]
            parts += [f"mAP50 {course.scores[-1][1]:.2f} at step {course.scores[-1][0]}"] if course.scores else []
            return "  ·  ".join(part for part in parts if part)
        if chosen.state in ACTIVE:
            return (course.note or WORDS[chosen.state]).capitalize() + "…"
        return "" if chosen.result is None or chosen.result.model else chosen.result.message

    def _show_models(self, made: JobLook | None) -> None:
        registry = self.workspace.registry
        used = registry.adopted("detector")
        cards = {card.id: card.title for card in registry.list("detector")}
        asked = made is not None and made.result is not None and made.result.model != used
        kept = made is not None and str(made.job.folder) in self.workspace.state.get(KEPT, [])
        for one in (self.adopt, self.keep):
            one.setVisible(asked and not kept)
        if made is not None and made.result is not None:
            self.outcome.show_result(made.result)
        starter = next(iter(cards.values()), "")
        self.used.setText(f"In use: {starter if used is None else cards.get(used, used)}" if cards else "")
        self.back.setVisible(used is not None)

    def _list_jobs(self) -> None:
        rows = [(f"{one.name}  ·  {WORDS[one.state]}  ·  {one.made}", one.name) for one in self._looks]
        if rows != [(self.jobs.itemText(i), self.jobs.itemData(i)) for i in range(self.jobs.count())]:
            self.jobs.clear()
            for text, name in rows:
                self.jobs.addItem(text, name)
        self.jobs.setCurrentIndex(self.jobs.findData(self._chosen))
        self.jobs.setVisible(bool(rows))

    # Inside

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


def _missing(study: Study, any_model: bool) -> str:
    """Say what is missing before anything can be learned; ``""`` where nothing is."""
    if not any_model:
        return "Still missing: a detector to teach; import one with: cytoshift models import FOLDER"
    if not any(study.regions(record.identity) for record in study.slides()):
        return NO_FIELD
    return ""


def _extent(study: Study) -> str:
    regions = [len(study.regions(record.identity)) for record in study.slides()]
    slides, fields = sum(number > 0 for number in regions), sum(regions)
    return f"{_plural(fields, 'complete field')} on {_plural(slides, 'slide')}."


def _plural(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _row(*buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    for one in buttons:
        row.addWidget(one, 1)
    return row
