"""How one cell of the gallery looks: its picture, its class as a frame, its state as a mark, its score."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRect, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPalette, QPen

from cytoshift.study.change import State
from cytoshift.study.palette import RGBColor

FRAME = 3.0
MARK = 15.0
"""Side of the mark of a state in screen pixels."""

DIMMED = 0.35
_MARKS = {
    State.ACCEPTED: [[(0.25, 0.52), (0.43, 0.70), (0.76, 0.32)]],
    State.REJECTED: [[(0.3, 0.3), (0.7, 0.7)], [(0.7, 0.3), (0.3, 0.7)]],
    State.ADDED: [[(0.5, 0.24), (0.5, 0.76)], [(0.24, 0.5), (0.76, 0.5)]],
}
"""Strokes of the marks, in shares of their side; the mark of unsure is a question mark."""


@dataclass(frozen=True)
class Look:
    """What a tile shows besides the picture.

    Parameters
    ----------
    color : tuple of int
        Of the class.
    state : State
    caption : str
        A few characters in the lower left corner.
    selected, current : bool
        Whether the cell is among those selected, and whether it is the one that is looked at.
    """

    color: RGBColor
    state: State
    caption: str
    selected: bool
    current: bool


def paint_tile(painter: QPainter, place: QRect, image: QImage | None, look: Look, palette: QPalette) -> None:
    """Paint a tile into a square; without a picture, an empty one."""
    inside = QRectF(place).adjusted(FRAME, FRAME, -FRAME, -FRAME)
    highlight = palette.color(QPalette.ColorRole.Highlight)
    if look.selected:
        painter.fillRect(place, highlight)
    if image is None:
        painter.fillRect(inside, palette.color(QPalette.ColorRole.Mid))
    else:
        painter.setOpacity(DIMMED if look.state == State.REJECTED else 1.0)
        painter.drawImage(inside, image)
        painter.setOpacity(1.0)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(*look.color), 2.0))
    painter.drawRect(inside.adjusted(1, 1, -1, -1))
    if look.current:
        painter.setPen(QPen(palette.color(QPalette.ColorRole.WindowText), 2.0))
        painter.drawRect(QRectF(place).adjusted(1, 1, -1, -1))
    _paint_mark(painter, inside, look.state)
    _paint_caption(painter, inside, look.caption)


def _paint_mark(painter: QPainter, inside: QRectF, state: State) -> None:
    if state == State.PREDICTED:
        return
    box = QRectF(inside.right() - MARK - 4, inside.top() + 4, MARK, MARK)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 190))
    painter.drawEllipse(box)
    painter.setPen(QPen(Qt.GlobalColor.white, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if state == State.UNSURE:
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "?")
    for stroke in _MARKS.get(state, []):
        painter.drawPolyline([QPointF(box.left() + x * MARK, box.top() + y * MARK) for x, y in stroke])


def _paint_caption(painter: QPainter, inside: QRectF, caption: str) -> None:
    if not caption:
        return
    font = painter.font()
    font.setPointSizeF(max(6.5, font.pointSizeF() * 0.8))
    painter.save()
    painter.setFont(font)
    size = painter.fontMetrics().size(0, caption)
    width = min(float(size.width() + 6), inside.width() - 4)
    box = QRectF(inside.left() + 2, inside.bottom() - size.height() - 2, width, size.height())
    painter.fillRect(box, QColor(0, 0, 0, 150))
    painter.setPen(Qt.GlobalColor.white)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, caption)
    painter.restore()
