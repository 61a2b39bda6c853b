"""What the view through which cells were found has altered: gained, lost and changed cells, by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF
from qtpy.QtWidgets import QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from cytoshift.engine.delta import NOT_SEEN, Delta
from cytoshift.errors import Cancelled, CytoshiftError
from cytoshift.study.palette import CHANGES, in_order
from napari_cytoshift import notices
from napari_cytoshift.layers import delta_layer
from napari_cytoshift.layers.delta_layer import MARKS, MOST, Change, boxes_of, positions
from napari_cytoshift.view import look_at, magnification
from napari_cytoshift.widgets.dock import button, listen, sentence
from napari_cytoshift.widgets.find_classes import swatch
from napari_cytoshift.widgets.find_delta_run import Compared, Comparing, again, compare_with_original
from napari_cytoshift.widgets.find_history import KEY, Searched, remember

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from napari_cytoshift.background import Work
    from napari_cytoshift.workspace import Workspace

POWER = 20.0
"""Magnification at which a cell is shown, where the view is further away."""

RESTED_MS = 300
"""Thresholds rest this long before both searches are compared again."""

ICON = 12

NAME = 56
"""Pixels that a class's name has at least."""

OFFER, HIDE = "Compare with the original", "Hide the comparison"

TIPS: dict[Change, str] = {
    "gained": "Found only through the other colours; click to go to the next one",
    "lost": "Found only in the original; click to go to the next one",
    "changed": "Found in both, as another class; click to go to the next one",
}


class DeltaRows(QWidget):
    """Offers to compare cells found through other colours with those of the original, and shows what differs.

    Attributes
    ----------
    started : Signal(object)
        Work of a search or comparison began.
    stored : Signal()
        The study has a new run, of the original.
    said : Signal(str)
        Why there is nothing to compare; ``""`` takes it back.
    delta : Delta or None
        What is shown; None while nothing is.
    """

    started = Signal(object)
    stored = Signal()
    said = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.cells = workspace.cells
        self.delta: Delta | None = None
        self.offer = button(
            OFFER, "Search the same place of the original with the same model, and compare", self.toggle
        )
        self.note = sentence()
        self.numbers: dict[tuple[Change, str], QToolButton] = {}
        self._run = ""
        self._work: Work | None = None
        self._at: dict[tuple[Change, str], int] = {}
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(0)
        self._grid.setHorizontalSpacing(2)
        self._grid.setColumnMinimumWidth(1, NAME)
        self._grid.setColumnStretch(1, 1)
        self._table = QWidget()
        self._table.setLayout(self._grid)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for widget in (self.offer, self._table, self.note):
            layout.addWidget(widget)
        self._rest = QTimer(self, singleShot=True, interval=RESTED_MS)
        self._rest.timeout.connect(self._compare_again)
        listen(self.cells.changed, self._on_cells)
        listen(self.cells.filtered, self._on_filtered)
        self._on_cells()

    # What a person does

    def toggle(self) -> None:
        """Compare with the original, or stop showing what differs."""
        slide, run = self.cells.slide, self.cells.run
        if self.delta is not None:
            self._forget()
        elif slide is not None and self._through(run) and self._work is None:
            self._compare(slide, run)
        elif self._work is None:
            self.said.emit("These cells were found in the original: look through other colours first, then find again.")

    def go(self, change: Change, name: str = "") -> None:
        """Show the next cell that was gained, lost or changed, the surest first; of a class where one is named."""
        slide, viewer, delta = self.cells.slide, self.workspace.viewer, self.delta
        if slide is None or viewer is None or delta is None:
            return
        order = _surest_first(delta, change, name)
        if not len(order):
            return
        turn = self._at[change, name] = (self._at.get((change, name), -1) + 1) % len(order)
        x0, y0, x1, y1 = boxes_of(delta, change)[order[turn]].tolist()
        power = magnification(viewer, slide.frame)
        closer = POWER if power is not None and power < POWER else None
        look_at(viewer, slide.frame, (x0 + x1) / 2, (y0 + y1) / 2, magnification=closer)
        target = f"{self._run}:{positions(delta, change)[order[turn]]}"
        self.cells.select("" if change == "lost" or self.cells.position(target) is None else target)

    # The comparison

    def _compare(self, slide: Slide, run: str) -> None:
        searched = self.workspace.state.get(KEY, {})
        places = {known: str(kept[0]) for known, kept in searched.items()}
        study, registry = self.workspace.study, self.workspace.registry
        what = Comparing(slide, study, registry, run, places, self._thresholds())
        self._run = run
        self.said.emit("")
        self.offer.setEnabled(False)
        self._work = self.workspace.start(
            "Comparing with the original",
            lambda work: compare_with_original(what, work),
            done=lambda compared: self._take(slide, run, compared, places.get(run)),
            failed=self._on_failed,
        )
        self._work.finished.connect(self._on_finished)
        self.started.emit(self._work)

    def _compare_again(self) -> None:
        """Compare at the thresholds that are set now."""
        delta, slide, run = self.delta, self.cells.slide, self._run
        if delta is None or slide is None or self._work is not None:
            return
        thresholds = self._thresholds()
        self._work = self.workspace.start(
            "Comparing again",
            lambda work: again(delta.before, delta.after, thresholds),
            done=lambda found: self._show(slide, run, found),
            in_activity=False,
        )
        self._work.finished.connect(self._on_finished)

    def _take(self, slide: Slide, run: str, compared: Compared, place: str | None) -> None:
        if compared.new:
            if place is not None:
                remember(self.workspace.state, compared.run, Searched(place, compared.area_mm2))
            self.stored.emit()
        self._show(slide, run, compared.delta)

    def _on_failed(self, error: BaseException) -> None:
        if isinstance(error, CytoshiftError):
            self.said.emit("" if isinstance(error, Cancelled) else str(error))
        else:
            notices.complain(error)

    def _on_finished(self) -> None:
        self._work = None
        self.offer.setEnabled(True)

    def _thresholds(self) -> dict[str, float]:
        return {name: self.cells.thresholds.of(name) for name in self.cells.cells.classes}

    # Following the cells

    def _through(self, run: str) -> bool:
        """Tell whether the cells of a run were found through other colours."""
        return bool(run) and not self.cells.previewing and bool(self.workspace.study.provenance(run).through)

    def _on_cells(self) -> None:
        through = self._through(self.cells.run)
        self.setVisible(through)
        if self.cells.run != self._run or not through:
            self._forget()

    def _on_filtered(self) -> None:
        if self.delta is not None:
            self._rest.start()

    def _forget(self) -> None:
        self.delta, self._run = None, ""
        self._rest.stop()
        viewer = self.workspace.viewer
        if viewer is not None:
            delta_layer.hide(viewer)
        self.offer.setText(OFFER)
        self._table.setVisible(False)
        self.note.setVisible(False)

    # What is shown

    def _show(self, slide: Slide, run: str, delta: Delta) -> None:
        viewer = self.workspace.viewer
        if viewer is None or self.cells.run != run or self._run != run:
            return
        self.delta, self._at = delta, {}
        delta_layer.draw(viewer, slide, delta)
        self.offer.setText(HIDE)
        self._fill(delta)
        self.note.setText(_note(delta))
        self._table.setVisible(True)
        self.note.setVisible(True)

    def _fill(self, delta: Delta) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.numbers = {}
        rows = {row.name: row for row in delta.table() if row.gained or row.lost or row.was}
        self._add_row(0, "", {change: len(positions(delta, change)) for change in MARKS})
        for place, name in enumerate(in_order(set(rows)), start=1):
            row = rows[name]
            color, title = QLabel(), QElidingLabel(name)
            color.setPixmap(swatch(name))
            self._grid.addWidget(color, place, 0)
            self._grid.addWidget(title, place, 1)
            self._add_row(place, name, {"gained": row.gained, "lost": row.lost, "changed": row.was.total()})
            was = ", ".join(f"{count} {other}" for other, count in row.was.most_common())
            self.numbers["changed", name].setToolTip(f"Now {name}, before: {was}; click to go to the next one")

    def _add_row(self, row: int, name: str, counts: dict[Change, int]) -> None:
        for column, (change, count) in enumerate(counts.items(), start=2):
            made = QToolButton()
            made.setAutoRaise(True)
            made.setText(str(count) if count else "–")
            made.setEnabled(count > 0)
            made.setToolTip(TIPS[change])
            made.clicked.connect(lambda _, change=change, name=name: self.go(change, name))
            if not name:
                made.setIcon(_icon(change))
                made.setText(f"{change} {count}")
                made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            self.numbers[change, name] = made
            self._grid.addWidget(made, row, column, Qt.AlignmentFlag.AlignRight)


def _surest_first(delta: Delta, change: Change, name: str) -> npt.NDArray[np.int64]:
    """Return the order, by falling score, in which cells of a change are shown; of one class where it is named."""
    found = delta.before if change == "lost" else delta.after
    which = positions(delta, change)
    order = np.argsort(-found.scores[which], kind="stable")
    if name:
        order = order[found.labels[which][order] == found.classes.index(name)]
    return order


def _note(delta: Delta) -> str:
    """Say what the numbers alone would hide."""
    gained, lost = (int((seen != NOT_SEEN).sum()) for seen in (delta.gained_seen, delta.lost_seen))
    said = []
    if gained or lost:
        parts = [f"{gained} of the gained {'was' if gained == 1 else 'were'} seen before"] * bool(gained)
        parts += [f"{lost} of the lost {'is' if lost == 1 else 'are'} still seen"] * bool(lost)
        said.append(f"{' and '.join(parts)}, below the threshold: hollow marks.")
    change = delta.score_change
    if change is not None:
        how = (
            "as sure as before"
            if abs(change) < 0.005
            else f"{'surer' if change > 0 else 'less sure'} by {abs(change):.2f}"
        )
        said.append(f"{len(delta.kept)} kept, on average {how}.")
    if sum(len(positions(delta, kind)) for kind in MARKS) > MOST:
        said.append(f"{MOST} of the marks are drawn.")
    return " ".join(said)


def _icon(change: Change) -> QIcon:
    """Return the mark of a change."""
    side = float(ICON)
    corners = {
        "gained": [(side / 2, 1), (side - 1, side - 2), (1, side - 2)],
        "lost": [(1, 2), (side - 1, 2), (side / 2, side - 1)],
        "changed": [(side / 2, 0), (side, side / 2), (side / 2, side), (0, side / 2)],
    }[change]
    pixmap = QPixmap(ICON, ICON)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(*CHANGES[change]))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
    painter.end()
    return QIcon(pixmap)
