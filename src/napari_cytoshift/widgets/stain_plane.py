"""Stain vectors on the plane of colours: where each stain lies, what mixtures they make, what the slide holds.

A direction of optical density, divided by its sum, is a point of a triangle whose corners absorb red, green or blue
alone. What two stains make together lies on the line between them, whatever the amounts; what three make, within
their triangle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

Float = npt.NDArray[np.float64]
Vector = tuple[float, float, float]

SHOWN_DENSITY = 1.6
"""Length of the optical density (natural logarithm) at which a stain's colour is shown: clear, and not yet dark."""

FIELD_DENSITY = 0.55
MARGIN = 15.0
SIDE_MARGIN = 10.0
HEIGHT = np.sqrt(3) / 2  # of the triangle, in sides
RADIUS = 6.5
GRAB = 14.0
STEP = 0.004
FAR_STEP = 0.02
BINS = 128
CLOUD_INK = 190
SMALLEST_SUM = 1e-6

DARK, LIGHT = QColor(20, 20, 20), QColor(255, 255, 255)

_CORNERS = np.array([[0.0, HEIGHT], [0.5, 0.0], [1.0, HEIGHT]])  # absorbing red, green, blue; x, y in sides
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class StainPlane(QWidget):
    """Paints stain vectors as marks that can be dragged, over the density of a slide's stained pixels.

    Attributes
    ----------
    chosen : Signal(int)
        Another mark is the one that keys move.
    moving : Signal(int, object)
        A mark is on its way; its unit vector.
    moved : Signal(int, object)
        A mark has arrived; its unit vector.
    """

    chosen = Signal(int)
    moving = Signal(int, object)
    moved = Signal(int, object)

    def __init__(self) -> None:
        super().__init__()
        self._vectors: list[Vector] = []
        self._labels: list[str] = []
        self._current = 0
        self._before: Vector | None = None
        self._held = False
        self._field: QImage | None = None
        self._cloud: QImage | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(150, 140)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName("Stain vectors")
        self.setToolTip(
            "Corners absorb red, green or blue alone; dark: where the slide's pixels lie.\n"
            "Mixtures of two stains lie on the line between them.\n"
            "Drag a mark, or move it with the arrow keys (Shift: further; 1–3: choose; Esc: let go)."
        )

    def sizeHint(self) -> QSize:
        return QSize(190, 158)

    # What is shown

    def show_stains(self, labels: Sequence[str], vectors: Sequence[Vector]) -> None:
        """Show one mark for each vector, with a short label."""
        self._labels, self._vectors = list(labels), list(vectors)
        self._current = min(self._current, max(len(vectors) - 1, 0))
        self._before, self._held = None, False
        self.update()

    def show_cloud(self, density: npt.ArrayLike) -> None:
        """Show where pixels lie, given their optical densities ``(n, 3)``."""
        self._cloud = _ink(plane_of(density))
        self.update()

    def choose(self, index: int) -> None:
        """Make a mark the one that keys move."""
        if index != self._current and 0 <= index < len(self._vectors):
            self._current = index
            self.chosen.emit(index)
            self.update()

    def place(self, vector: Vector) -> QPointF:
        """Return where a vector is painted, in pixels of the widget."""
        x, y = plane_of([vector])[0]
        target = self.target()
        return QPointF(target.left() + x * target.width(), target.top() + y * target.width())

    def vector_at(self, at: QPointF) -> Vector:
        """Return the unit vector of a point of the widget; of the nearest one in the triangle where it is outside."""
        target = self.target()
        return _vector(np.array([at.x() - target.left(), at.y() - target.top()]) / target.width())

    def target(self) -> QRectF:
        """Return the rectangle that holds the triangle."""
        side = min(self.width() - 2 * SIDE_MARGIN, (self.height() - 2 * MARGIN) / HEIGHT)
        height = side * HEIGHT
        return QRectF((self.width() - side) / 2, (self.height() - height) / 2, side, height)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        target = self.target()
        side = max(round(target.width() * self.devicePixelRatioF()), 1)
        if self._field is None or self._field.width() != side:
            self._field = _field(side)
        painter.drawImage(target, self._field)
        if self._cloud is not None:
            painter.drawImage(target, self._cloud)
        self._paint_frame(painter, target)
        points = [self.place(vector) for vector in self._vectors]
        if len(points) > 1:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for color, width in ((QColor(255, 255, 255, 110), 2.6), (DARK, 1.0)):
                painter.setPen(QPen(color, width))
                painter.drawPolygon(QPolygonF(points))
        for index, point in enumerate(points):
            self._paint_mark(painter, index, point)

    def _paint_frame(self, painter: QPainter, target: QRectF) -> None:
        corners = [QPointF(target.left() + x * target.width(), target.top() + y * target.width()) for x, y in _CORNERS]
        line = self.palette().highlight().color() if self.hasFocus() else self.palette().windowText().color()
        painter.setPen(QPen(line, 2.0 if self.hasFocus() else 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolygon(QPolygonF(corners))
        small = painter.font()
        small.setPointSizeF(max(small.pointSizeF() * 0.85, 7.0))
        painter.setFont(small)
        painter.setPen(self.palette().windowText().color())
        for corner, word, below in zip(corners, ("red", "green", "blue"), (True, False, True), strict=True):
            top = corner.y() + 1 if below else corner.y() - MARGIN - 1
            box = QRectF(corner.x() - 30, top, 60, MARGIN)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)

    def _paint_mark(self, painter: QPainter, index: int, at: QPointF) -> None:
        red, green, blue = colour_of(self._vectors[index])
        radius = RADIUS + (1.5 if index == self._current else 0)
        painter.setBrush(QColor(red, green, blue))
        for color, width in ((DARK, 4.0), (LIGHT, 1.8)):
            painter.setPen(QPen(color, width))
            painter.drawEllipse(at, radius, radius)
        bold = painter.font()
        bold.setBold(index == self._current)
        painter.setFont(bold)
        painter.setPen(DARK if red + 2 * green + blue > 4 * 128 else LIGHT)
        box = QRectF(at.x() - radius, at.y() - radius, 2 * radius, 2 * radius)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._labels[index])

    # What a person does

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        near = self._near(event.position())
        if near is not None:
            self.choose(near)
            self._take()
            self._held = True

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held:
            self._go(self.vector_at(event.position()))
            return
        near = self._near(event.position()) is not None
        self.setCursor(Qt.CursorShape.OpenHandCursor if near else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._held:
            self._let_go()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        arrow = _ARROWS.get(Qt.Key(event.key()))
        if event.key() == Qt.Key.Key_Escape and self._before is not None:
            self._go(self._before)
            self._before, self._held = None, False
        elif arrow is not None and self._vectors:
            self._take()
            step = FAR_STEP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else STEP
            self._go(_vector(plane_of([self._vectors[self._current]])[0] + step * np.array(arrow)))
        elif Qt.Key.Key_1 <= event.key() <= Qt.Key.Key_3:
            self.choose(event.key() - Qt.Key.Key_1)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if Qt.Key(event.key()) in _ARROWS and not event.isAutoRepeat() and not self._held:
            self._let_go()
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._let_go()

    def _near(self, at: QPointF) -> int | None:
        """Return the mark under the mouse, the nearest one where they overlap."""
        distances = [(self.place(vector) - at).manhattanLength() for vector in self._vectors]
        near = min(range(len(distances)), key=distances.__getitem__, default=None)
        return near if near is not None and distances[near] <= GRAB else None

    def _take(self) -> None:
        if self._before is None:
            self._before = self._vectors[self._current]

    def _go(self, vector: Vector) -> None:
        self._vectors[self._current] = vector
        self.moving.emit(self._current, vector)
        self.update()

    def _let_go(self) -> None:
        """End a drag or a press of a key; what has not moved is not told."""
        before, self._before, self._held = self._before, None, False
        if before is not None and before != self._vectors[self._current]:
            self.moved.emit(self._current, self._vectors[self._current])


def colour_of(vector: Vector) -> tuple[int, int, int]:
    """Return the colour that a stain gives on white glass, RGB from 0 to 255."""
    red, green, blue = (255.0 * np.exp(-SHOWN_DENSITY * np.asarray(vector))).clip(0, 255).round().astype(int).tolist()
    return (red, green, blue)


def plane_of(density: npt.ArrayLike) -> Float:
    """Return where optical densities ``(n, 3)`` lie on the plane: x, y in sides of the triangle, y downwards."""
    parts = np.maximum(np.asarray(density, np.float64).reshape(-1, 3), 0.0)
    sums = parts.sum(axis=1, keepdims=True)
    shares = np.where(sums > SMALLEST_SUM, parts / np.maximum(sums, SMALLEST_SUM), 1 / 3)
    points: Float = shares @ _CORNERS
    return points


def _shares(points: Float) -> Float:
    """Return the shares of red, green and blue ``(..., 3)`` at points of the plane ``(..., 2)``."""
    green = 1.0 - points[..., 1] / HEIGHT
    blue = points[..., 0] - 0.5 * green
    return np.stack([1.0 - green - blue, green, blue], axis=-1)


def _vector(point: Float) -> Vector:
    shares = np.maximum(_shares(point), 0.0)
    red, green, blue = (shares / np.linalg.norm(shares)).tolist()
    return (red, green, blue)


def _field(side: int) -> QImage:
    """Paint the triangle in the colours that its directions give."""
    height = max(round(side * HEIGHT), 1)
    y, x = np.mgrid[0:height, 0:side]
    shares = _shares(np.stack([(x + 0.5) / side, (y + 0.5) / side], axis=-1))
    inside = (shares >= -0.5 / side).all(axis=-1)
    clipped = np.maximum(shares, 0.0)
    directions = clipped / np.linalg.norm(clipped, axis=-1, keepdims=True).clip(SMALLEST_SUM)
    pixels = np.zeros((height, side, 4), np.uint8)
    pixels[..., :3] = (255 * np.exp(-FIELD_DENSITY * directions)).round()
    pixels[..., 3] = 255 * inside
    return _image(pixels)


def _ink(points: Float) -> QImage:
    """Paint the density of points as ink; the square root keeps what is rare in sight."""
    counts, _, _ = np.histogram2d(
        points[:, 1], points[:, 0], bins=(round(BINS * HEIGHT), BINS), range=((0, HEIGHT), (0, 1))
    )
    smooth = _blurred(_blurred(counts).T).T
    pixels = np.zeros((*counts.shape, 4), np.uint8)
    pixels[..., 3] = CLOUD_INK * np.sqrt(smooth / max(float(smooth.max()), SMALLEST_SUM))
    return _image(pixels)


def _blurred(counts: Float) -> Float:
    """Blur along the first axis, so that single pixels do not speckle."""
    padded = np.pad(counts, ((1, 1), (0, 0)))
    blurred: Float = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return blurred


def _image(pixels: npt.NDArray[np.uint8]) -> QImage:
    height, width, _ = pixels.shape
    return QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
