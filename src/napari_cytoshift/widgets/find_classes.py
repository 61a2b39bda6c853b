"""The classes that were found: colour, name, number, number per mm², and whether each is shown."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPixmap
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget
from superqt import QElidingLabel

from cytoshift.study.palette import color_of, in_order
from napari_cytoshift import wording

SWATCH = 14


def swatch(name: str) -> QPixmap:
    """Return a small square in the colour of a class."""
    pixmap = QPixmap(SWATCH, SWATCH)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(*color_of(name)))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(1, 1, SWATCH - 2, SWATCH - 2, 2, 2)
    painter.end()
    return pixmap


class ClassRows(QWidget):
    """One row per class.

    Attributes
    ----------
    hidden : Signal(str, bool)
        A class was hidden, or is to be shown again.
    """

    hidden = Signal(str, bool)

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._names: tuple[str, ...] = ()
        self._numbers: dict[str, QLabel] = {}
        self._densities: dict[str, QLabel] = {}
        self.eyes: dict[str, QCheckBox] = {}

    def show_counts(self, counts: dict[str, int], hidden: frozenset[str], area_mm2: float | None) -> None:
        """Show how many cells there are of each class, and per mm² where the searched area is known."""
        names = in_order(set(counts))
        if names != self._names:
            self._build(names)
        for name in names:
            self._numbers[name].setText(f"{counts[name]:,}".replace(",", " "))
            self._densities[name].setText(wording.density(counts[name], area_mm2) if area_mm2 else "")
            self._show_eye(name, name not in hidden)

    def text(self, name: str) -> str:
        """Return the number shown for a class."""
        return self._numbers[name].text()

    def _build(self, names: tuple[str, ...]) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._names, self._numbers, self._densities, self.eyes = names, {}, {}, {}
        for row, name in enumerate(names):
            color, title, number, density = QLabel(), QElidingLabel(name), QLabel(), QLabel()
            color.setPixmap(swatch(name))
            title.setToolTip(name)
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            density.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            density.setMinimumWidth(88)
            density.setToolTip("Cells per mm² of the area searched")
            self._numbers[name], self._densities[name], self.eyes[name] = number, density, self._eye(name)
            for column, widget in enumerate((color, title, number, density, self.eyes[name])):
                self._grid.addWidget(widget, row, column)

    def _eye(self, name: str) -> QCheckBox:
        eye = QCheckBox()
        eye.setChecked(True)
        eye.setToolTip(f"Show {name} on the slide")
        eye.toggled.connect(lambda on, name=name: self.hidden.emit(name, not on))
        return eye

    def _show_eye(self, name: str, on: bool) -> None:
        eye = self.eyes[name]
        eye.blockSignals(True)
        eye.setChecked(on)
        eye.blockSignals(False)
