"""The card *Learn from my corrections*: what is missing, and the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFormLayout, QSpinBox, QToolButton, QWidget

from cytoshift.jobs import Job, learning_spec, new_job_folder, start
from napari_cytoshift.background import Work
from napari_cytoshift.widgets.adapt_fold import Fold
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from cytoshift.study import Study

STEPS = 300
NO_FIELD = "Still missing: mark at least one field as completely annotated (Review)."


class LearnCard(Fold):
    """Starts learning from the corrections of the study.

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
        super().__init__("Learn from my corrections", "Teach the detector in use what you decided")
        self.workspace = workspace
        self.further: tuple[str, ...] = ()
        self.about = sentence("Teaches the detector in use what you decided, and measures before and after.")
        self.about.setToolTip("Learns only from fields marked complete; some of them are held back to measure with")
        self.ready = sentence()
        self.steps = QSpinBox()
        self.steps.setRange(1, 20_000)
        self.steps.setValue(int(workspace.state.get("learning_steps", STEPS)))
        self.steps.setToolTip("Training steps: more take longer, and too many learn your fields by heart")
        self.steps.valueChanged.connect(lambda value: workspace.state.set("learning_steps", value))
        self.begin = button("Start", "Learn in a process of its own; this window may be closed meanwhile", self.start)
        self.review = button(
            "Go to Review", "Mark fields as completely annotated there", lambda: self.review_asked.emit()
        )
        for widget in (self.about, self.ready, self.review, *self._advanced(), self.begin):
            self.inside.addWidget(widget)

    def _advanced(self) -> tuple[QToolButton, QWidget]:
        fold = QToolButton()
        fold.setText("Advanced")
        fold.setCheckable(True)
        fold.setAutoRaise(True)
        fold.setArrowType(Qt.ArrowType.RightArrow)
        fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        fold.setToolTip("How long to learn")
        advanced = QWidget()
        advanced.hide()
        form = QFormLayout(advanced)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Steps", self.steps)
        fold.toggled.connect(advanced.setVisible)
        fold.toggled.connect(lambda on: fold.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow))
        return fold, advanced

    def start(self) -> None:
        """Start a job that learns from the corrections of the study."""
        study, parent = self.workspace.study, self.workspace.registry.adopted("detector") or "starter"
        overrides = (f"training.steps={self.steps.value()}", *self.further)

        def launch(work: Work) -> Job:
            spec = learning_spec(
                study.folder, parent=parent, overrides=overrides, registry=self.workspace.registry.root
            )
            return start(spec, new_job_folder(study.folder, "learn"))

        self.begin.setEnabled(False)
        work = self.workspace.start(
            "Starting to learn", launch, done=self.started.emit, failed=self.failed.emit, in_activity=False
        )
        work.finished.connect(self.refresh)

    def refresh(self) -> None:
        """Show what can be learned now."""
        study = self.workspace.study
        missing = _missing(study, bool(self.workspace.registry.list("detector")))
        self.ready.setText(missing or _extent(study))
        self.begin.setEnabled(not missing)
        self.review.setVisible(missing == NO_FIELD)


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
