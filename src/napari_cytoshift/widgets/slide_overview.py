"""The slide at a glance: its coarsest level, what has been seen of it, and where the view is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from cytoshift.slides.slide import RGB
from cytoshift.study.coverage import Look
from napari_cytoshift.view import Box

VIEW_COLOR = QColor(0, 114, 178)
TINTS = {
    Look.GLASS: QColor(0, 0, 0, 0),
    Look.UNSEEN: QColor(90, 90, 90, 120),
    Look.BELOW: QColor(230, 159, 0, 110),
    Look.SCREENED: QColor(86, 180, 233, 90),
}
"""Grey, and Okabe and Ito's orange and sky blue: told apart by every eye, and thin enough to see the tissue."""

SMALLEST_VIEW = 7.0


class Overview(QWidget):
    """Paints a small image of the slide with a rectangle for the view.

    Attributes
    ----------
    moved : Signal(float, float)
        The level-0 point x, y that a click or a drag asks to be the centre of the view.
    """

    moved = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._looks: QImage | None = None
        self._reach = (1.0, 1.0)
        self._size = (1.0, 1.0)
        self._view: Box | None = None
        self.setMinimumHeight(130)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setToolTip("Click or drag to move the view")

    def show_slide(self, pixels: RGB | None, width: int, height: int) -> None:
        """Show an image of a slide of ``width`` by ``height`` level-0 pixels; None while it is being read."""
        self._size = (float(width), float(height))
        self._looks = None
        self._image = None if pixels is None else _image(pixels)
        self.update()

    def show_view(self, box: Box | None) -> None:
        """Show where the view is, in level-0 pixels."""
        self._view = box
        self.update()

    def show_looks(self, looks: npt.NDArray[np.uint8] | None, reach: tuple[float, float] = (1.0, 1.0)) -> None:
        """Show how closely each field was looked at, a grid of `Look`; None hides it.

        ``reach`` is how far the grid goes across and down, in sides of the slide: its last fields may lie beyond it.
        """
        self._looks = None
        if looks is not None:
            rows, columns = looks.shape
            pixels = np.zeros((rows, -(-columns // 4) * 4), np.uint8)  # Qt wants lines of whole words
            pixels[:, :columns] = looks
            data = pixels.tobytes()
            image = QImage(data, columns, rows, pixels.shape[1], QImage.Format.Format_Indexed8)
            image.setColorTable([TINTS[look].rgba() for look in Look])
            self._looks = image.copy()
            self._reach = reach
        self.update()

    def target(self) -> QRectF:
        """Return the rectangle of the widget in which the slide is painted."""
        width, height = self._size
        scale = min(self.width() / width, self.height() / height)
        w, h = width * scale, height * scale
        return QRectF((self.width() - w) / 2, (self.height() - h) / 2, w, h)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        target = self.target()
        if self._image is None:
            painter.setOpacity(0.5)
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Reading the overview…")
            return
        painter.drawImage(target, self._image)
        if self._looks is not None:
            across, down = self._reach
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.setClipRect(target)
            painter.drawImage(
                QRectF(target.x(), target.y(), target.width() * across, target.height() * down), self._looks
            )
            painter.setClipping(False)
        if self._view is not None:
            self._paint_view(painter, target, self._view)

    def _paint_view(self, painter: QPainter, target: QRectF, box: Box) -> None:
        scale = target.width() / self._size[0]
        rect = QRectF(
            target.left() + box[0] * scale,
            target.top() + box[1] * scale,
            (box[2] - box[0]) * scale,
            (box[3] - box[1]) * scale,
        )
        if rect.width() < SMALLEST_VIEW or rect.height() < SMALLEST_VIEW:
            center, size = rect.center(), SMALLEST_VIEW
            rect = QRectF(center.x() - size / 2, center.y() - size / 2, size, size)
        rect = rect.intersected(target.adjusted(1, 1, -1, -1))
        for color, width in ((QColor(255, 255, 255, 200), 4.0), (VIEW_COLOR, 2.0)):
            pen = QPen(color, width)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(rect)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._go(event)

    def _go(self, event: QMouseEvent) -> None:
        if self._image is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        target, at = self.target(), QPointF(event.position())
        x = (at.x() - target.left()) / target.width() * self._size[0]
        y = (at.y() - target.top()) / target.height() * self._size[1]
        self.moved.emit(min(max(x, 0.0), self._size[0]), min(max(y, 0.0), self._size[1]))


def _image(pixels: RGB) -> QImage:
    height, width, _ = pixels.shape
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
