"""One job: how far it is, what it learns, what it was worth, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLayout, QMessageBox, QProgressBar, QPushButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from cytoshift.jobs import JobResult
from cytoshift.jobs.process import GOES_ON
from cytoshift.models import COLOUR_TASKS
from napari_cytoshift import wording
from napari_cytoshift.widgets.adapt_jobs import ACTIVE, Course, JobLook
from napari_cytoshift.widgets.adapt_outcome import ADOPT, OutcomeTable, colour_verdict, worth_of
from napari_cytoshift.widgets.adapt_plot import LossPlot
from napari_cytoshift.widgets.adapt_samples import SampleView
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = "kept_jobs"


class JobPanel(QWidget):
    """Shows a job and asks whether to use what it made.

    Attributes
    ----------
    wished : Signal(object)
        What is to be done with the job that is shown: a function of it.
    decided : Signal(object, str)
        What is to be done with the models, and the words for it.
    compare_asked : Signal(str)
        A translator or restyler, by its id, is to be seen in Compare.
    """

    wished = Signal(object)
    decided = Signal(object, str)
    compare_asked = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.progress, self.plot, self.outcome = QProgressBar(), LossPlot(), OutcomeTable(workspace)
        self.note, self.verdict, self.used = sentence(), sentence(), QElidingLabel()
        self.samples = SampleView(workspace)
        self.stop = button(
            "Stop early", "End now and keep the best model so far", self._wish(lambda job: job.stop_early())
        )
        self.cancel = button("Cancel…", "Discard the job: no model is made", self.ask_cancel)
        self.pause = button(
            "Pause", "Free the device after a checkpoint; the job can go on later", self._wish(lambda job: job.pause())
        )
        self.resume = button("Resume", "Go on from the last checkpoint", self._wish(lambda job: job.resume()))
        self.compare = button("Use it in Compare", "See the slide that is open through this model", self.see)
        self.adopt = button("Adopt", "Use the new model from now on; it can be taken back", self.adopt_model)
        self.keep = button("Keep the old", "Go on with the model in use", self.keep_old)
        self.back = button("Go back", "Use the model that was in use before", self.go_back)
        self._job: JobLook | None = None
        self._shown: JobResult | None = None
        self._course = Course()
        self._brief = False
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.progress, self.note, self.plot, self.samples):
            layout.addWidget(widget)
        layout.addLayout(_row(self.stop, self.pause, self.resume, self.cancel))
        layout.addWidget(self.outcome)
        layout.addWidget(self.verdict)
        layout.addLayout(_row(self.compare, self.adopt, self.keep))
        layout.addStretch(1)
        use = QHBoxLayout()
        use.addWidget(self.used, 1)
        use.addWidget(self.back)
        layout.addLayout(use)

    # What a person does

    def ask_cancel(self) -> None:
        """Discard the job, after asking."""
        answer = QMessageBox.question(self, "Discard this job?", "No model will be made. Discard this job?")
        if answer == QMessageBox.StandardButton.Yes:
            self.wished.emit(lambda job: job.cancel())

    def see(self) -> None:
        """See the slide that is open through the translator that the job made."""
        if self._made:
            self.compare_asked.emit(self._made)

    def adopt_model(self) -> None:
        """Use the model that the job made."""
        model = self._made
        if model:
            self.decided.emit(lambda: self.workspace.registry.adopt(model), "The new model is in use.")

    def keep_old(self) -> None:
        """Leave the model in use as it is, and ask no more about this job."""
        if self._job is not None:
            kept = self.workspace.state.get(KEPT, [])
            self.workspace.state.set(KEPT, [*kept, str(self._job.job.folder)])
            self.decided.emit(
                lambda: None, "The old model stays in use; the new one can still be chosen where models are chosen."
            )

    def go_back(self) -> None:
        """Use the model that was in use before."""
        task = self._task
        self.decided.emit(lambda: self.workspace.registry.rollback(task), "The model before is in use again.")

    # What the panel shows

    def show_job(self, job: JobLook | None, course: Course) -> None:
        """Show a job, or that there is none."""
        self._job, self._course = job, course
        active = job is not None and job.state in ACTIVE
        colours = self._task in COLOUR_TASKS
        self.progress.setVisible(active and job is not None and not job.behind)
        self.stop.setVisible(active)
        self.cancel.setVisible(active or (job is not None and job.state in ("paused", "interrupted")))
        self.pause.setVisible(active and job is not None and not job.pausing)
        self.resume.setVisible(job is not None and (job.pausing or job.state in GOES_ON))
        over = bool(self._made) and not colours
        if over:
            self.plot.hide()  # before what takes its place is shown: the window would grow for both
        self.outcome.setVisible(over)
        self._show_details()
        self.verdict.setVisible(bool(self._made) and colours)
        self.compare.setVisible(bool(self._made) and colours)
        self.note.setText("" if job is None else self._words(job))
        self.note.setToolTip("\n".join(course.notes))
        self.note.setVisible(bool(self.note.text()))
        if active:
            self.progress.setRange(0, max(course.total, 0))
            self.progress.setValue(course.step)
        self._show_models()

    def show_brief(self, on: bool) -> None:
        """Leave curve, samples and numbers out, or show them: there is no room for them beside an open card."""
        self._brief = on
        self._show_details()
        for within in (self.outcome, self):  # at once: the card opens next, and the window must not grow for both
            cast(QLayout, within.layout()).activate()

    def _show_details(self) -> None:
        course = self._course
        self.plot.setVisible(bool(course.steps) and not self._brief and self.outcome.isHidden())
        self.plot.show_course(course)
        self.outcome.show_course(course)
        self.outcome.pages.setVisible(not self._brief)
        self.samples.setVisible(bool(course.samples) and not self._brief)
        self.samples.show_samples(course.samples)

    def _words(self, job: JobLook) -> str:
        course = self._course
        if job.state == "running" and course.total and not course.note and not job.pausing:
            parts = [f"Step {course.step} of {course.total}", wording.about(course.eta)]
            parts += [wording.memory(*course.memory)] if course.memory else []
            parts += [f"{name} {score:.2f} at step {step}" for step, name, score in course.scores[-1:]]
            words = "  ·  ".join(part for part in parts if part)
            return f"{words}\n{course.lasting[:1].upper()}{course.lasting[1:]}." if course.lasting else words
        if job.state in ACTIVE:
            words = job.standing if job.behind or job.pausing else course.note or job.standing
            return words[:1].upper() + words[1:] + "…"
        return "" if job.result is None or job.result.model else job.result.message

    def _show_models(self) -> None:
        registry, made, result = self.workspace.registry, self._made, None if self._job is None else self._job.result
        used = registry.adopted(self._task)
        cards = {card.id: card.title for card in registry.list(self._task)}
        asked = bool(made) and made != used
        kept = self._job is not None and str(self._job.job.folder) in self.workspace.state.get(KEPT, [])
        for one in (self.adopt, self.keep):
            one.setVisible(asked and not kept)
        self.keep.setVisible(asked and not kept and self._task not in COLOUR_TASKS)
        if made and result is not None:
            self._show_worth(result)
        starter = next(iter(cards.values()), "")
        first = starter if self._task in ("detector", "mitosis") else ""
        current = first if used is None else cards.get(used, used)
        self.used.setText(f"In use: {current}" if current else "")
        self.back.setVisible(used is not None)

    def _show_worth(self, result: JobResult) -> None:
        """Show what the new model is worth, once a result; whoever is to adopt one that is not better is told so."""
        if result == self._shown:
            return
        self._shown = result
        self.outcome.show_result(result)
        self.verdict.setText(colour_verdict(self._task, result))
        if self._job is not None:
            self.outcome.changes.show_job(self._job.job.folder)
        self.adopt.setText(ADOPT[worth_of(result)])

    # Inside

    @property
    def _task(self) -> str:
        return "detector" if self._job is None else self._job.task

    @property
    def _made(self) -> str:
        return "" if self._job is None or self._job.result is None else self._job.result.model

    def _wish(self, wish: Callable[[Any], None]) -> Callable[[], None]:
        return lambda: self.wished.emit(wish)


def _row(*buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    for one in buttons:
        row.addWidget(one, 1)
    return row
