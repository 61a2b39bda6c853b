"""The classes that were found: colour, name, number, number per mm², from which score on, and whether each is shown."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPalette, QPen, QPixmap
from qtpy.QtWidgets import QAbstractButton, QGridLayout, QLabel, QSizePolicy, QSlider, QWidget
from superqt import QElidingLabel

from cytoshift.study.palette import color_of, in_order
from napari_cytoshift import wording
from napari_cytoshift.layers.findings_thresholds import Thresholds
from napari_cytoshift.widgets.dock import button

SWATCH = 14
WIDEST = 126
"""Screen pixels a class's name may take before it is cut."""

WIDE = 90
"""Screen pixels from which a name leaves no room for numbers per mm²; they then stand in the number's tooltip."""

NUMBER = "{name} at or above the score on the right, and what was decided on"

STEPS = 100
"""Steps of a slider from score 0 to 1."""


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


class Eye(QAbstractButton):
    """An eye that is open while it is checked."""

    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def sizeHint(self) -> QSize:
        return QSize(20, 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        color = self.palette().color(QPalette.ColorRole.WindowText)
        color.setAlphaF(1.0 if self.isChecked() else 0.4)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color, 1.4))
        x, y = self.width() / 2, self.height() / 2
        lids = QPainterPath()
        lids.moveTo(x - 7, y)
        lids.quadTo(x, y - 8, x + 7, y)
        lids.quadTo(x, y + 8, x - 7, y)
        painter.drawPath(lids)
        if self.isChecked():
            painter.setBrush(color)
            painter.drawEllipse(QRectF(x - 2, y - 2, 4, 4))
        else:
            painter.drawLine(round(x - 6), round(y + 6), round(x + 6), round(y - 6))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(color, 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()


class ScoreSlider(QSlider):
    """A slider of scores from 0 to 1, with the score beside it in `number`.

    Attributes
    ----------
    moved : Signal(float)
        A person chose another score.
    number : QLabel
        The score, to be laid out by whoever made the slider.
    """

    moved = Signal(float)

    def __init__(self, tip: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(0, STEPS)
        self.setPageStep(5)
        self.setMinimumWidth(28)
        self.setToolTip(tip)
        self.number = QLabel()
        self.number.setToolTip(tip)
        self.valueChanged.connect(self._on_value)

    @property
    def score(self) -> float:
        """The score at which it stands."""
        return self.value() / STEPS

    def show_score(self, score: float) -> None:
        """Stand at a score, as far as the steps allow; no signal."""
        self.blockSignals(True)
        self.setValue(round(score * STEPS))
        self.blockSignals(False)
        self.number.setText(f"{score:.2f}")

    def _on_value(self, _: int) -> None:
        self.number.setText(f"{self.score:.2f}")
        self.moved.emit(self.score)


class ClassRows(QWidget):
    """One row per class, and one for all of them.

    Attributes
    ----------
    hidden : Signal(str, bool)
        A class was hidden, or is to be shown again.
    limited : Signal(Thresholds)
        A person moved a slider: the thresholds as they are now.
    reset : Signal()
        A person wants the thresholds of the model's card.
    all : ScoreSlider
        One threshold for all classes.
    """

    hidden = Signal(str, bool)
    limited = Signal(object)
    reset = Signal()

    def __init__(self, lowest: float) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(1)
        self._grid.setHorizontalSpacing(5)
        self._grid.setColumnStretch(1, 2)
        self._grid.setColumnStretch(4, 3)
        self._names: tuple[str, ...] = ()
        self._numbers: dict[str, QLabel] = {}
        self._densities: dict[str, QLabel] = {}
        self._thresholds = Thresholds()
        self._kept = f"Scores from {lowest:g} are kept, so nothing is lost."
        self.sliders: dict[str, ScoreSlider] = {}
        self.eyes: dict[str, Eye] = {}
        self.all = ScoreSlider(f"Show cells of every class with at least this score. {self._kept}")
        self.all.moved.connect(lambda score: self._limit(Thresholds(score)))
        self.usual = button("Reset", "Back to the scores that the model's card names", self.reset.emit)
        self._all = QLabel("All")

    def show_counts(self, counts: dict[str, int], hidden: frozenset[str], area_mm2: float | None) -> None:
        """Show how many cells there are of each class, and per mm² where the searched area is known."""
        names = in_order(set(counts))
        if names != self._names or not self.eyes:
            self._build(names)
        metrics = self._all.fontMetrics()
        room = all(metrics.horizontalAdvance(name) < WIDE for name in names)
        for name in names:
            self._numbers[name].setText(f"{counts[name]:,}".replace(",", " "))
            density = wording.density(counts[name], area_mm2) if area_mm2 else ""
            self._numbers[name].setToolTip(f"{NUMBER.format(name=name)}{density and f': {density}'}")
            self._densities[name].setText(density)
            self._densities[name].setVisible(bool(density) and room)
            self._show_eye(name, name not in hidden)

    def show_thresholds(self, thresholds: Thresholds, usual: Thresholds) -> None:
        """Show from which score on each class is shown; ``usual`` are those of the model's card."""
        self._thresholds = thresholds
        for name, slider in self.sliders.items():
            slider.show_score(thresholds.of(name))
        self.all.show_score(thresholds.common)
        differ = any(round(thresholds.of(name) - usual.of(name), 3) for name in self._names)
        self.usual.setEnabled(differ)

    def text(self, name: str) -> str:
        """Return the number shown for a class."""
        return self._numbers[name].text()

    def _limit(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self.limited.emit(thresholds)

    def _build(self, names: tuple[str, ...]) -> None:
        kept = (self._all, self.all, self.all.number, self.usual)
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None and widget not in kept:
                widget.hide()
                widget.deleteLater()
        self._names, self._numbers, self._densities, self.eyes, self.sliders = names, {}, {}, {}, {}
        for row, name in enumerate(names):
            color, title = QLabel(), QElidingLabel(name)
            color.setPixmap(swatch(name))
            title.setToolTip(name)
            title.setMinimumWidth(min(title.fontMetrics().horizontalAdvance(name) + 22, WIDEST))
            self._numbers[name] = _right(NUMBER.format(name=name))
            self._densities[name] = _right("Cells per mm² of the area searched")
            self.sliders[name], self.eyes[name] = self._slider(name), self._eye(name)
            slider = self.sliders[name]
            cells = (color, title, self._numbers[name], self._densities[name], slider, slider.number, self.eyes[name])
            for column, widget in enumerate(cells):
                self._grid.addWidget(widget, row, column)
        last = len(names)
        self._grid.addWidget(self._all, last, 1, 1, 2)
        self._grid.addWidget(self.usual, last, 3, Qt.AlignmentFlag.AlignRight)
        self._grid.addWidget(self.all, last, 4)
        self._grid.addWidget(self.all.number, last, 5)

    def _slider(self, name: str) -> ScoreSlider:
        slider = ScoreSlider(f"Show {name} with at least this score. {self._kept}")
        slider.moved.connect(lambda score, name=name: self._limit(self._thresholds.with_class(name, score)))
        return slider

    def _eye(self, name: str) -> Eye:
        eye = Eye()
        eye.setToolTip(f"Show {name} on the slide")
        eye.toggled.connect(lambda on, name=name: self.hidden.emit(name, not on))
        return eye

    def _show_eye(self, name: str, on: bool) -> None:
        eye = self.eyes[name]
        eye.blockSignals(True)
        eye.setChecked(on)
        eye.blockSignals(False)


def _right(tip: str) -> QLabel:
    label = QLabel()
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    label.setToolTip(tip)
    return label
