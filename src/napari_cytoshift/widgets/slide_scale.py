"""Asking once for µm/px where a slide does not say: by its objective, or by a line of known length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from cytoshift.slides.coordinates import mpp_from_objective
from napari_cytoshift.widgets.dock import button, sentence

if TYPE_CHECKING:
    from napari import Viewer

OBJECTIVES = (10, 20, 40, 60, 100)
LINE_LAYER = "Known length"
LINE_COLOR = "#d55e00"


class ScalePanel(QWidget):
    """Two ways to say how large a pixel is.

    Attributes
    ----------
    known : Signal(float, object)
        µm per pixel and the objective power, None where a line was measured.
    line_wanted : Signal()
        A person wants to draw a line of known length.
    line_measured : Signal(float)
        Its length in µm was given.
    """

    known = Signal(float, object)
    line_wanted = Signal()
    line_measured = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.objective = QComboBox()
        for power in OBJECTIVES:
            self.objective.addItem(f"{power}×  ·  {mpp_from_objective(power):.3g} µm/px", float(power))
        self.objective.setCurrentIndex(OBJECTIVES.index(40))
        self.objective.setToolTip("Nominal size of a pixel at this objective; a measured line is more exact")
        self.use = button("Use", "Take this objective's nominal µm/px", self._use_objective)
        self.length = QDoubleSpinBox()
        self.length.setRange(0.1, 100_000.0)
        self.length.setValue(100.0)
        self.length.setSuffix(" µm")
        self.length.setToolTip("The true length of the line you draw, say between marks of a stage micrometer")
        self.draw = button("Draw line", "Draw a line of this length on the slide", self.line_wanted.emit)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Objective", _beside(self.objective, self.use))
        form.addRow("Or a line of", _beside(self.length, self.draw))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(sentence("This slide does not say how large a pixel is. Choose one of two ways:"))
        layout.addLayout(form)

    def _use_objective(self) -> None:
        power = float(self.objective.currentData())
        self.known.emit(mpp_from_objective(power), power)


def start_line(viewer: Viewer) -> None:
    """Let a person draw a line on the slide, on a layer that lives only for that."""
    end_line(viewer)
    layer = viewer.add_shapes(
        name=LINE_LAYER, edge_color=LINE_COLOR, edge_width=3, scale=viewer.layers.selection.active.scale[-2:]
    )
    layer.mode = "add_line"
    viewer.layers.selection.active = layer


def line_length(viewer: Viewer) -> float | None:
    """Return the length in level-0 pixels of the line that was drawn last; None where there is none."""
    if LINE_LAYER not in viewer.layers or not viewer.layers[LINE_LAYER].nshapes:
        return None
    line: Any = np.asarray(viewer.layers[LINE_LAYER].data[-1])
    return float(np.hypot(*(line[-1] - line[0])))


def end_line(viewer: Viewer) -> None:
    """Remove the layer of the line."""
    if LINE_LAYER in viewer.layers:
        viewer.layers.remove(LINE_LAYER)


def _beside(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(widgets[0], 1)
    for widget in widgets[1:]:
        row.addWidget(widget)
    return row
