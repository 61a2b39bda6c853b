"""A grid of all cells of a review, each at the same physical scale, to look through and to select in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QPoint, QRect, Qt, QTimer
from qtpy.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy

from cytoshift.study.change import State
from cytoshift.study.palette import color_of
from napari_cytoshift.widgets.gallery_context import ContextCard
from napari_cytoshift.widgets.gallery_crops import Crop, Crops
from napari_cytoshift.widgets.gallery_tile import Look, paint_tile
from napari_cytoshift.widgets.review_order import PHASES, phase_of
from napari_cytoshift.widgets.review_slides import StudySlides

if TYPE_CHECKING:
    from napari_cytoshift.widgets.review_cell import CurrentCell
    from napari_cytoshift.widgets.review_study import Placed
    from napari_cytoshift.widgets.review_work import Review

SIDE = 92
"""Side in screen pixels that a tile has at least; as many columns as there is room for."""

GAP = 3
HOVER_MS = 250

_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class Gallery(QAbstractScrollArea):
    """Shows the queue of a `Review`. Only what is visible is read and painted.

    Parameters
    ----------
    work : Review
    cell : CurrentCell
        Says at which scale cells are shown.
    """

    def __init__(self, work: Review, cell: CurrentCell) -> None:
        super().__init__()
        self._work, self._cell = work, cell
        self.slides = StudySlides(work.workspace)
        self.crops = Crops(work.workspace, self.viewport().update)
        self.context = ContextCard(work.workspace, self)
        self._hovered: int | None = None
        self._hover = QTimer(self, singleShot=True, interval=HOVER_MS)
        self._hover.timeout.connect(self._show_context)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(SIDE + 2 * GAP)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName("Gallery of cells")
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)

    # Geometry

    @property
    def columns(self) -> int:
        """Tiles beside each other."""
        return max(1, (self.viewport().width() - GAP) // (SIDE + GAP))

    @property
    def side(self) -> int:
        """Side of a tile in screen pixels."""
        return max(16, (self.viewport().width() - GAP) // self.columns - GAP)

    def rectangle(self, place: int) -> QRect:
        """Return where the tile of a place of the order is painted, in the viewport."""
        row, column = divmod(place, self.columns)
        step = self.side + GAP
        return QRect(GAP + column * step, GAP + row * step - self.verticalScrollBar().value(), self.side, self.side)

    def place_at(self, point: QPoint) -> int | None:
        """Return the place of the order whose tile is under a point of the viewport."""
        step = self.side + GAP
        column = (point.x() - GAP) // step
        if not 0 <= column < self.columns:
            return None
        place = (point.y() - GAP + self.verticalScrollBar().value()) // step * self.columns + column
        inside = 0 <= place < len(self._work.queue) and self.rectangle(place).contains(point)
        return place if inside else None

    @property
    def visible_places(self) -> range:
        """The places of the order of which something is visible."""
        step, top = self.side + GAP, self.verticalScrollBar().value()
        first = max(0, (top - GAP) // step * self.columns)
        last = ((top + self.viewport().height()) // step + 1) * self.columns
        return range(min(first, len(self._work.queue)), min(last, len(self._work.queue)))

    # Following the review

    def show_order(self) -> None:
        """Show another order, at the current cell."""
        self._set_range()
        self.show_selection()

    def show_selection(self) -> None:
        """Scroll so that the current cell is visible."""
        place = self._work.selection.current
        if place is not None and place < len(self._work.queue):
            box, height = self.rectangle(place), self.viewport().height()
            bar = self.verticalScrollBar()
            if box.top() < GAP:
                bar.setValue(bar.value() + box.top() - GAP)
            elif box.bottom() > height - GAP:
                bar.setValue(bar.value() + box.bottom() - height + GAP)
        self.viewport().update()

    def _set_range(self) -> None:
        rows, step = -(-len(self._work.queue) // self.columns), self.side + GAP
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, rows * step + GAP - self.viewport().height()))
        bar.setPageStep(max(1, self.viewport().height() - step))
        bar.setSingleStep(max(1, step // 2))

    def _on_scrolled(self) -> None:
        self.context.hide()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.show_order()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        work = self._work
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        missing = []
        for place in self.visible_places:
            placed = work.queue.placed(place)
            if placed is None:  # an added cell that was taken back
                continue
            cells, position, crop = placed.cells, placed.position, self._crop(placed)
            image = None if crop is None else self.crops.get(crop)
            if crop is not None and image is None:
                missing.append(crop)
            look = Look(
                color_of(cells.label(position)),
                State(int(cells.states[position])),
                self.caption(placed),
                place in work.selection,
                place == work.selection.current,
            )
            paint_tile(painter, self.rectangle(place), image, look, self.palette())
        painter.end()
        self.crops.want(missing)

    def caption(self, placed: Placed) -> str:
        """Return what a tile says of its cell besides colour and state: score, and the phase where that orders them."""
        _, cells, position = placed
        score = "" if cells.states[position] == State.ADDED else f"{cells.scores[position]:.2f}"
        phase = phase_of(cells, position) if self._work.order == PHASES else ""
        return " ".join(part for part in (phase, score) if part)

    def _crop(self, placed: Placed) -> Crop | None:
        slide = self.slides.get(placed.slide, self.viewport().update)
        if slide is None:
            return None
        x0, y0, x1, y1 = placed.cells.boxes[placed.position].tolist()
        pixels = round(self.side * self.devicePixelRatioF())
        return Crop(slide, (x0, y0, x1, y1), self._cell.scale.extent(slide), pixels)

    # Mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place is not None:
            self._choose(place, event.modifiers())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position().toPoint())
        if place != self._hovered:
            self._hovered = place
            self.context.hide()
            self._hover.start()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hovered = None
        self._hover.stop()
        self.context.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        length, current = len(self._work.queue), self._work.selection.current
        if not length:
            return
        key = Qt.Key(event.key())
        page = max(1, self.viewport().height() // (self.side + GAP)) * self.columns
        here = 0 if current is None else current
        if key in _STEPS and current is not None:
            across, down = _STEPS[key]
            place = here + across + down * self.columns
        elif key in (Qt.Key.Key_Home, *_STEPS):
            place = 0
        elif key == Qt.Key.Key_End:
            place = length - 1
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            place = here + (page if key == Qt.Key.Key_PageDown else -page)
        elif key == Qt.Key.Key_A and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self._work.choose(lambda selection: selection.all())
            return
        else:
            super().keyPressEvent(event)
            return
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        self._choose(min(max(place, 0), length - 1), shift)

    def _choose(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._work.choose(lambda selection: selection.extend(place))
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            self._work.choose(lambda selection: selection.toggle(place))
        else:
            self._work.look_at(place)

    def _show_context(self) -> None:
        """Show a larger field around the cell under the mouse."""
        place, work = self._hovered, self._work
        if place is None or place >= len(work.queue) or not self.isVisible():
            return
        placed = work.queue.placed(place)
        slide = None if placed is None else self.slides.get(placed.slide, self.viewport().update)
        if placed is None or slide is None:
            return
        beside = self.rectangle(place)
        corner = self.viewport().mapToGlobal(beside.topLeft())
        self.context.show_cell(slide, placed.cells, placed.position, self._cell.scale, corner)
