"""The loss of a training, step by step, in the colours of the window."""

from __future__ import annotations

import pyqtgraph as pg
from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QSizePolicy

from napari_cytoshift.widgets.adapt_jobs import Course

REDRAW_MS = 500
HEIGHT = 145
LINE = QColor(0, 114, 178)
LINE_ON_DARK = QColor(86, 180, 233)


class LossPlot(pg.PlotWidget):  # type: ignore[misc]
    """Draws a `Course`, at most twice a second."""

    def __init__(self) -> None:
        super().__init__()
        self._course: Course | None = None
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.getPlotItem().setLabel("bottom", "step")
        self.getPlotItem().setLabel("left", "loss")
        self.getPlotItem().getAxis("bottom").setHeight(38)
        self._raw, self._smooth = self.plot(), self.plot()
        self._redraw = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._redraw.timeout.connect(self.draw)
        self.setToolTip("Loss on the data learnt from; what counts is measured on what was held back, at the end")
        self._color()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), HEIGHT)

    def show_course(self, course: Course) -> None:
        """Show a course soon."""
        first = course is not self._course
        self._course = course
        if first:
            self.draw()
        elif not self._redraw.isActive():
            self._redraw.start()

    def draw(self) -> None:
        """Draw now."""
        course = self._course or Course()
        self._raw.setData(course.steps, course.losses)
        self._smooth.setData(course.steps, course.smooth)
        if course.total:
            self.setXRange(0, course.total, padding=0.02)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange) and hasattr(self, "_redraw"):
            self._color()

    def _color(self) -> None:
        back, text = self.palette().window().color(), self.palette().windowText().color()
        line = QColor(LINE_ON_DARK if back.lightness() < 128 else LINE)
        if self.backgroundBrush().color() == back and self._smooth.opts["pen"] is not None:
            return
        self.setBackground(back)
        for name in ("bottom", "left"):
            axis = self.getPlotItem().getAxis(name)
            axis.setPen(text)
            axis.setTextPen(text)
        self._smooth.setPen(pg.mkPen(line, width=2))
        line.setAlpha(80)
        self._raw.setPen(pg.mkPen(line, width=1))
