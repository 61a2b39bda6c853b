"""A line across the view: left of it the original, right of it the layer above. It is dragged with the mouse.

What is left of the line is thrown away by the layer's fragment shader, so that the line moves with every frame and
nothing is computed or sliced for it. napari has no public way to a layer's visual: `_canvas` and `_node` are the only
places that know the private names.
"""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget
from vispy.visuals.filters import Filter

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image

WIDTH = 28
"""Screen pixels that can be grabbed."""

KNOB = 13.0
LINE, EDGE = QColor(255, 255, 255), QColor(0, 0, 0, 150)

_FRAGMENT = """
void keep_right_of_line() {
    if (gl_FragCoord.x < $line) discard;
}
"""


class RightOfLine(Filter):  # type: ignore[misc]
    """Draws of a visual only what lies right of a line.

    Parameters
    ----------
    line : float
        In pixels of the frame buffer, from its left edge.
    """

    def __init__(self, line: float) -> None:
        super().__init__(fcode=_FRAGMENT, fpos=9)
        self.line = line

    @property
    def line(self) -> float:
        """Where the line is, in pixels of the frame buffer."""
        return self._line

    @line.setter
    def line(self, line: float) -> None:
        self._line = line
        self.fshader["line"] = float(line)


class Handle(QWidget):
    """The line as a person sees and drags it.

    Attributes
    ----------
    dragged : Signal(float)
        Where the pointer is in the widget beneath, in its pixels.
    released : Signal()
        It is dragged no more.
    centred : Signal()
        A double click.
    """

    dragged = Signal(float)
    released = Signal()
    centred = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._beneath = parent
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setToolTip("Drag to swipe between the original, left, and what is seen, right; double-click to centre")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def place(self, x: float) -> None:
        """Put the line at a place in the widget beneath."""
        self.setGeometry(round(x - WIDTH / 2), 0, WIDTH, self._beneath.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.setAccepted(event.button() == Qt.MouseButton.LeftButton)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(self.mapToParent(event.position().toPoint()).x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.released.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.centred.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x, y = self.width() / 2, self.height() / 2
        painter.fillRect(QRectF(x - 2, 0, 4, self.height()), EDGE)
        painter.fillRect(QRectF(x - 1, 0, 2, self.height()), LINE)
        painter.setPen(QPen(EDGE, 1.5))
        painter.setBrush(LINE)
        painter.drawEllipse(QPointF(x, y), KNOB, KNOB)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(40, 40, 40))
        for side in (-1, 1):
            tip, back = x + side * 9, x + side * 3.5
            painter.drawPolygon(QPolygonF([QPointF(tip, y), QPointF(back, y - 5), QPointF(back, y + 5)]))


class Swipe(QObject):
    """A line across the view of a viewer.

    Parameters
    ----------
    viewer : Viewer
        With a window.
    share : float
        Where the line begins, 0 at the left edge to 1 at the right.

    Attributes
    ----------
    settled : Signal(float)
        Where the line was left.
    """

    settled = Signal(float)

    def __init__(self, viewer: Viewer, share: float = 0.5) -> None:
        canvas = _canvas(viewer)
        native: QWidget = canvas.native
        super().__init__(native)
        self._canvas = weakref.ref(canvas)  # which holds the viewer
        self._native = native
        self._share = share
        self._layer: Image | None = None
        self._node: Any = None
        self._filter = RightOfLine(0.0)
        self.handle = Handle(native)
        self.handle.hide()
        self.handle.dragged.connect(lambda x: self.move(x / max(native.width(), 1)))
        self.handle.centred.connect(lambda: self.move(0.5))
        self.handle.released.connect(lambda: self.settled.emit(self._share))
        native.installEventFilter(self)

    @property
    def share(self) -> float:
        """Where the line is, 0 at the left edge to 1 at the right."""
        return self._share

    def move(self, share: float) -> None:
        """Move the line; it stays within the view."""
        self._share = min(max(share, 0.0), 1.0)
        self._place()

    def show(self, layer: Image) -> None:
        """Show the line, and of a layer only what lies right of it."""
        if layer is not self._layer:
            self.hide()
            self._layer = layer
            layer.events.set_data.connect(self._follow_node)
        self._follow_node()
        self._place()
        self.handle.show()
        self.handle.raise_()

    def hide(self) -> None:
        """Take the line away, and show all of the layer."""
        if self._layer is not None:
            self._layer.events.set_data.disconnect(self._follow_node)
        if self._node is not None:
            self._node.detach(self._filter)
            self._node.update()
        self._layer = self._node = None
        self.handle.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show) and self._layer is not None:
            self._place()
        return False

    def _follow_node(self, event: object = None) -> None:
        """Move the filter to the node that draws the layer: napari takes another for images beyond a texture."""
        node = _node(self._canvas(), self._layer)
        if node is self._node:
            return
        if self._node is not None:
            self._node.detach(self._filter)
        if node is not None:
            node.attach(self._filter)
        self._node = node

    def _place(self) -> None:
        native = self._native
        self._filter.line = math.floor(self._share * native.width() * native.devicePixelRatioF())
        self.handle.place(self._share * native.width())
        if self._node is not None:
            self._node.update()


def _canvas(viewer: Viewer) -> Any:
    """Return napari's canvas of a viewer (0.9: ``window._qt_viewer.canvas``)."""
    return viewer.window._qt_viewer.canvas


def _node(canvas: Any, layer: Image | None) -> Any:
    """Return the vispy node that draws a layer; None where it is drawn no more (0.9: ``layer_to_visual``)."""
    visual = None if canvas is None or layer is None else canvas.layer_to_visual.get(layer)
    return None if visual is None else visual.node
