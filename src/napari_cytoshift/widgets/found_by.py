"""Which model found what is looked at, and the way to where that model stands among the others."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QToolButton

from cytoshift.engine.findings import Provenance
from cytoshift.models.found_by import Trace, traced
from napari_cytoshift.widgets.dock import listen
from napari_cytoshift.workspace import Workspace


class FoundBy(QToolButton):
    """Names the models of a search; a click asks for the first that is still here, or says that it is gone.

    Attributes
    ----------
    model_asked : Signal(str)
        Where a model, by its id, stands among the others is to be shown.
    """

    model_asked = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.traces: tuple[Trace, ...] = ()
        self._key: tuple[str, str] | None = None
        self._words, self._wish = "", 0
        self.setAutoRaise(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._ask)
        listen(workspace.models_changed, self._forget)
        self.hide()

    def show_made(self, made: Provenance | None) -> None:
        """Show which models made a search; hide where there was none."""
        self.setVisible(made is not None)
        key = None if made is None else (made.model, made.version)
        if made is None or key == self._key:
            return
        self._key = key
        self._wish += 1
        wish, registry = self._wish, self.workspace.registry

        def take(traces: tuple[Trace, ...]) -> None:
            if wish == self._wish:
                self._take(traces)

        self.workspace.start(
            "Tracing the cells",
            lambda work: traced(made.model, made.version, registry.list()),
            done=take,
            in_activity=False,
        )

    def _take(self, traces: tuple[Trace, ...]) -> None:
        self.traces = traces
        self._words = "found by " + ", ".join(trace.words for trace in traces)
        ids = "\n".join(trace.id for trace in traces)
        self.setToolTip(f"{self._words[:1].upper()}{self._words[1:]}\n{ids}\nClick to see where the model comes from")
        self._fit()

    def _ask(self) -> None:
        here = next((trace for trace in self.traces if trace.card is not None), None)
        if self.traces:
            self.model_asked.emit((here or self.traces[0]).id)

    def _forget(self) -> None:
        self._key = None

    def _fit(self) -> None:
        room = max(self.width() - 12, 40)
        self.setText(self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, room))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
