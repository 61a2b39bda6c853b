"""The card *Learn from my corrections*: what is missing, and the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QSpinBox, QToolButton, QWidget

from cytoshift.jobs import LearnSpec, learning_spec
from cytoshift.jobs.contents import contents_of_corrections
from cytoshift.models.registry import STARTER
from napari_cytoshift.widgets.adapt_card import JobCard
from napari_cytoshift.widgets.adapt_contents import Look
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from cytoshift.study import Study

STEPS = 300
NO_FIELD = "Still missing: mark at least one field as completely annotated (Review)."


class LearnCard(JobCard):
    """Starts learning from the corrections of the study."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace, "Learn from my corrections", "Teach the detector in use what you decided", kind="learn"
        )
        self.about = sentence("Teaches the detector in use what you decided, and measures before and after.")
        self.about.setToolTip("Learns only from fields marked complete; some of them are held back to measure with")
        self.steps = QSpinBox()
        self.steps.setRange(1, 20_000)
        self.steps.setValue(int(workspace.state.get("learning_steps", STEPS)))
        self.steps.setToolTip("Training steps: more take longer, and too many learn your fields by heart")
        self.steps.valueChanged.connect(lambda value: workspace.state.set("learning_steps", value))
        self.steps.valueChanged.connect(self.refresh)
        self.review = button(
            "Go to Review", "Mark fields as completely annotated there", lambda: self.review_asked.emit()
        )
        for widget in (self.about, self.contents, self.ready, self.review, *self._advanced(), self.begin):
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

    def specification(self) -> Callable[[], LearnSpec]:
        """Return what makes the specification of a job that learns from the corrections of the study."""
        study, registry = self.workspace.study.folder, self.workspace.registry.root
        parent, overrides = self._parent, self._overrides
        return lambda: learning_spec(study, parent=parent, overrides=overrides, registry=registry)

    def estimate(self) -> tuple[Hashable, Callable[[], float]]:
        """Return what the duration depends on: the detector in use and the settings."""
        registry, parent, overrides = self.workspace.registry, self._parent, self._overrides

        def seconds() -> float:
            from cytoshift.jobs.duration_detector import learning_seconds

            return learning_seconds(registry.find(parent, "detector").card, overrides)

        return (parent, overrides), seconds

    def look(self) -> Look:
        """Return what makes the contents of the study as it is now."""
        study, registry, parent = self.workspace.study.folder, self.workspace.registry, self._parent
        return (study, parent, self.edition), lambda: contents_of_corrections(
            study, registry.find(parent, "detector").card.classes
        )

    def show_state(self) -> None:
        """Show what can be learned now."""
        missing = _missing(self.workspace.study, bool(self.workspace.registry.list("detector")))
        self.show_ready(missing)
        self.review.setVisible(missing == NO_FIELD)

    @property
    def _parent(self) -> str:
        """The detector in use."""
        return self.workspace.registry.adopted("detector") or STARTER

    @property
    def _overrides(self) -> tuple[str, ...]:
        return (f"training.steps={self.steps.value()}", *self.further)


def _missing(study: Study, any_model: bool) -> str:
    """Say what is missing before anything can be learned; ``""`` where nothing is."""
    if not any_model:
        return "Still missing: a detector to teach; import one with: cytoshift models import FOLDER"
    if not any(study.regions(record.identity) for record in study.slides()):
        return NO_FIELD
    return ""
