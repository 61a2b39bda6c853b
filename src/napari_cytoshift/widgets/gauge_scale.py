"""How far from home, drawn: slide and view on one scale, before and after normalization, with the band of the usual."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

FARTHEST = 8.0
TICKS = (0, 1, 2, 4, 8)
LANE = 18.0
INDENT = 5.0  # where napari's labels begin
RADIUS = 5.0
GAP = 6.0
BAND_ALPHA = 46
TRACK_ALPHA = 70

# Okabe and Ito's, told apart by everybody; where a mark lies says the same as its colour
NEAR, NEAR_ON_DARK = QColor(0, 114, 178), QColor(86, 180, 233)
FAR, FAR_ON_DARK = QColor(213, 94, 0), QColor(230, 159, 0)


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the gauge: distances where 1 is home's median field, None where nobody knows.

    Parameters
    ----------
    name : str
        ``"slide"``, ``"view"``.
    before : float or None
        As the scanner shows it.
    after : float or None
        Through a method.
    """

    name: str
    before: float | None
    after: float | None = None

    @property
    def words(self) -> str:
        """The numbers as they are read: ``"2.3 → 0.9"``."""
        known = [one_decimal(value) for value in (self.before, self.after) if value is not None]
        return " → ".join(known) or "–"


class GaugeScale(QWidget):
    """Paints lanes over a common scale from 0 to 8, each distance at ``log2(1 + distance)``.

    So the usual has room, and what is far is still told apart; beyond 8, a mark stays at the end and its number says
    more.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lanes: tuple[Lane, ...] = ()
        self._usual = (0.0, 1.0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lanes(self, usual: tuple[float, float], *lanes: Lane) -> None:
        """Show the band of what is usual, and lanes, top first."""
        self._usual = usual
        more = len(lanes) != len(self._lanes)
        self._lanes = lanes
        self.setAccessibleDescription("; ".join(f"{lane.name} {lane.words}" for lane in lanes))
        if more:
            self.updateGeometry()
        self.update()

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The lanes shown."""
        return self._lanes

    def sizeHint(self) -> QSize:
        return QSize(280, math.ceil(LANE * max(len(self._lanes), 1) + 2 * self._line()))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    def place(self, distance: float) -> float:
        """Return the x at which a distance is painted, in pixels of the widget."""
        left, right = self._ends()
        share = math.log2(1 + min(max(distance, 0.0), FARTHEST)) / math.log2(1 + FARTHEST)
        return left + share * (right - left)

    def middle(self, index: int) -> float:
        """Return the y of a lane's middle, in pixels of the widget."""
        return self._line() + (index + 0.5) * LANE

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._small())
        self._paint_band(painter)
        for index, lane in enumerate(self._lanes):
            self._paint_lane(painter, lane, self.middle(index))

    def _paint_band(self, painter: QPainter) -> None:
        text, line = self.palette().windowText().color(), self._line()
        band = QColor(self._mark(0.0))
        band.setAlpha(BAND_ALPHA)
        left, limit, height = self.place(self._usual[0]), self.place(self._usual[1]), LANE * len(self._lanes)
        painter.fillRect(QRectF(left, line, limit - left, height), band)
        text.setAlpha(TRACK_ALPHA)
        painter.setPen(QPen(text, 1.0))
        for tick in TICKS:
            painter.drawLine(QPointF(self.place(tick), line), QPointF(self.place(tick), line + height + 2))
        text.setAlpha(190)
        painter.setPen(text)
        painter.drawText(QRectF((left + limit) / 2 - 40, 0, 80, line), Qt.AlignmentFlag.AlignCenter, "usual")
        for tick in TICKS:
            box = QRectF(self.place(tick) - 15, line + height + 1, 30, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(tick))

    def _paint_lane(self, painter: QPainter, lane: Lane, y: float) -> None:
        text = self.palette().windowText().color()
        left, right = self._ends()
        painter.setPen(text)
        name = QRectF(INDENT, y - LANE / 2, left - RADIUS - GAP - INDENT, LANE)
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, lane.name)
        numbers = QRectF(right + RADIUS + GAP, y - LANE / 2, self.width() - right - RADIUS - GAP, LANE)
        painter.drawText(numbers, Qt.AlignmentFlag.AlignVCenter, lane.words)
        text.setAlpha(TRACK_ALPHA)
        painter.setPen(QPen(text, 1.0))
        painter.drawLine(QPointF(left, y), QPointF(right, y))
        if lane.before is not None and lane.after is not None:
            painter.setPen(QPen(self._mark(lane.after), 2.0))
            painter.drawLine(QPointF(self.place(lane.before), y), QPointF(self.place(lane.after), y))
        for distance, hollow in ((lane.before, False), (lane.after, True)):
            if distance is not None:
                color = self._mark(distance)
                painter.setPen(QPen(color, 2.0))
                painter.setBrush(self.palette().window().color() if hollow else color)
                painter.drawEllipse(QPointF(self.place(distance), y), RADIUS - 1, RADIUS - 1)

    def _mark(self, distance: float) -> QColor:
        dark = self.palette().window().color().lightness() < 128
        near, far = (NEAR_ON_DARK, FAR_ON_DARK) if dark else (NEAR, FAR)
        return near if distance <= self._usual[1] else far

    def _ends(self) -> tuple[float, float]:
        """Return where the scale begins and ends; the words beside it keep their room, whatever they say."""
        metrics = QFontMetricsF(self._small())
        left = INDENT + metrics.horizontalAdvance("slide") + GAP + RADIUS
        right = self.width() - metrics.horizontalAdvance("88.8 → 88.8") - GAP - RADIUS
        return left, max(right, left + 1)

    def _line(self) -> float:
        return QFontMetricsF(self._small()).height()

    def _small(self) -> QFont:
        font = self.font()
        if font.pointSizeF() > 0:
            font.setPointSizeF(font.pointSizeF() * 0.9)
        return font


def one_decimal(distance: float) -> str:
    """Say a distance: ``"2.3"``; from 100 on, ``"> 99"``."""
    return f"{distance:.1f}" if distance < 99.95 else "> 99"
