"""The gauge "how far from home": slide and view against what the detector in use was taught on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_cytoshift.home_distance import HomeDistance
from napari_cytoshift.home_measure import Distances
from napari_cytoshift.widgets.dock import listen, sentence
from napari_cytoshift.widgets.gauge_scale import GaugeScale, Lane, one_decimal

if TYPE_CHECKING:
    from napari import Viewer

MEASURING = "Measuring how far this slide is from home…"
TIP = (
    "How far the tissue is from the fields that the detector in use was taught on; 1 is their median field,\n"
    "and nine in ten of them lie within the band. Farther away, the detector may miss cells or invent them.\n"
    "Filled: as the scanner shows it. Hollow: through the method chosen under Compare."
)
MEASURES = ("by colour", "by the detector")


class Gauge(QWidget):
    """Shows the `HomeDistance` of a viewer; measuring goes on only while a gauge is visible."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.home = HomeDistance.of(viewer)
        self.scale = GaugeScale()
        self.words = sentence()
        self.title = QLabel("How far from home")
        self.measure = QComboBox()
        self.measure.addItems(MEASURES)
        self.measure.setToolTip(
            "By the colours of tissue and glass, or by what the detector's network makes of the tissue"
        )
        self.measure.activated.connect(self._on_measure)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.measure)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.scale)
        layout.addWidget(self.words)
        for widget in (self.title, self.scale, self.words):
            widget.setToolTip(TIP)
        self.scale.setAccessibleName("How far from home")
        listen(self.home.changed, self._show)
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.home.show_on(self)

    def _on_measure(self, index: int) -> None:
        self.home.set_by_look(index == 1)

    def _show(self) -> None:
        found = self.home.distances
        self.scale.setVisible(found is not None)
        self.title.setVisible(found is not None)
        self.measure.setVisible(found is not None and found.has_look)
        self.words.setEnabled(found is not None)
        if found is None:
            self.words.setText(self.home.words or MEASURING)
            return
        self.measure.setCurrentIndex(int(self.home.by_look))
        self.scale.show_lanes(
            found.usual, Lane("slide", found.slide, found.slide_after), Lane("view", found.view, found.view_after)
        )
        self.words.setText(_sentence(found))


def _sentence(found: Distances) -> str:
    """Say where the slide is, and where a method takes it."""
    if found.slide > found.usual[1]:
        words = f"{one_decimal(found.slide)} × as far as usual from what {found.model} was taught on"
    else:
        words = f"As close as usual to what {found.model} was taught on"
    if found.slide_after is not None:
        words += f"; {one_decimal(found.slide_after)} through {found.method}"
    return f"{words}."
