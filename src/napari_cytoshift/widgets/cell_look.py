"""How cells are drawn, as a row of small buttons: filled, outlined, named, how strongly."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSlider, QWidget

from napari_cytoshift.layers.findings_look import FAINTEST, STEP
from napari_cytoshift.widgets.dock import button

if TYPE_CHECKING:
    from napari_cytoshift.layers.findings_layers import CellLayers

SWITCHES = {
    "fill": ("Fill", "Fill cells with the colour of their class (F)"),
    "outline": ("Outline", "Draw the outline of cells (Shift+O)"),
    "names": ("Names", "Write the class beside each cell in a close view (N, outside Review)"),
    "fill_regions": ("Regions", "Fill regions that are marked complete (Shift+F)"),
}


class CellLook(QWidget):
    """Switches and a slider for the `Look` of a `CellLayers`."""

    def __init__(self, layers: CellLayers) -> None:
        super().__init__()
        self._layers = layers
        self.switches: dict[str, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for name, (title, tip) in SWITCHES.items():
            one = button(title, tip, partial(self._toggle, name))
            one.setCheckable(True)
            self.switches[name] = one
            row.addWidget(one)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(round(FAINTEST / STEP), round(1 / STEP))
        self.opacity.setMinimumWidth(40)
        self.opacity.setToolTip("How strongly cells are drawn ([ fainter, ] stronger)")
        self.opacity.setAccessibleName("Opacity of cells")
        self.opacity.valueChanged.connect(self._on_opacity)
        row.addWidget(self.opacity, 1)
        self.refresh()

    def refresh(self) -> None:
        """Show the look as it is."""
        look = self._layers.look
        for name, one in self.switches.items():
            one.setChecked(getattr(look, name))
        self.opacity.blockSignals(True)
        self.opacity.setValue(round(look.opacity / STEP))
        self.opacity.blockSignals(False)

    def _toggle(self, name: str) -> None:
        self._layers.set_look(self._layers.look.toggled(name))

    def _on_opacity(self, steps: int) -> None:
        look = self._layers.look
        self._layers.set_look(look.stronger(steps - round(look.opacity / STEP)))
