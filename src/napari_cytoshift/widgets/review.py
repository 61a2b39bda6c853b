"""The Review dock: what do I decide, next."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QHideEvent, QIcon, QShowEvent
from qtpy.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from cytoshift.study.change import State
from cytoshift.study.palette import color_of, in_order
from napari_cytoshift import wording
from napari_cytoshift.sample_data import HOME
from napari_cytoshift.view import look_at, magnification
from napari_cytoshift.widgets.dock import Dock, button, sentence
from napari_cytoshift.widgets.find_classes import swatch
from napari_cytoshift.widgets.review_clicks import Clicks
from napari_cytoshift.widgets.review_crop import CellCrop
from napari_cytoshift.widgets.review_keys import Key, ReviewKeys, show_sheet
from napari_cytoshift.widgets.review_order import ORDERS
from napari_cytoshift.widgets.review_work import DIGITS, Review

if TYPE_CHECKING:
    from napari import Viewer

POWER = 40.0
"""Magnification at which cells are shown until a person zooms."""

WORDS = {
    State.PREDICTED: "not decided",
    State.ACCEPTED: "accepted",
    State.REJECTED: "rejected",
    State.UNSURE: "unsure",
    State.ADDED: "added by hand",
}
ARRANGE_MS = 200
ALL = "All classes"


class ReviewDock(Dock):
    """Leads through the cells one by one and stores what a person decides."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.work = Review(self.workspace)
        self.set_start(
            "Open a slide and find cells first; then decide on them here, one key each.",
            button("Open the sample slide", "A drawn Pap smear, made on this computer", self._open_sample),
        )
        self.crop = CellCrop(self.workspace)
        self.place, self.label, self.state, self.regions = QLabel(), QLabel(), QLabel(), QLabel()
        self.order, self.only = QComboBox(), QComboBox()
        self.classes: list[QPushButton] = []
        self.go_on = QCheckBox("Go on after each decision")
        self.rejected = QCheckBox("Show rejected")
        self.keys = ReviewKeys(self, self._keys())
        self.clicks = Clicks(self._on_click)
        self._zoom: float | None = None
        self._source: tuple[str, str] | None = None
        self._later = QTimer(self, singleShot=True, interval=ARRANGE_MS)
        self._lay_out()
        self._connect()
        self.refresh()

    def _keys(self) -> tuple[Key, ...]:
        work = self.work
        return (
            Key("N", "Next cell", partial(work.step, 1)),
            Key("Shift+N", "Previous cell", partial(work.step, -1)),
            Key("A", "Accept", work.accept),
            Key("X", "Reject", work.reject),
            Key("U", "Unsure", work.unsure),
            *(Key(str(i), f"Class {i}", partial(work.relabel, i)) for i in range(1, DIGITS + 1)),
            Key(".", "Add cells by clicking, on and off", self.toggle_add),
            Key("D", "Hide or show all cells", self.workspace.cell_layers.toggle),
            Key("Shift+C", "This view is completely annotated", self.mark_complete),
            Key("Ctrl+Z", "Undo", work.undo),
            Key("Ctrl+Shift+Z", "Redo", work.redo),
            Key("?", "These keys", self.show_keys),
        )

    # Layout

    def _lay_out(self) -> None:
        for name, (title, tip) in ORDERS.items():
            self.order.addItem(title, name)
            self.order.setItemData(self.order.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.order.setCurrentIndex(self.order.findData(self.work.order))
        self.order.setToolTip("In which order the cells come")
        self.only.setToolTip("Which cells come")
        chosen = QHBoxLayout()
        chosen.addWidget(self.order, 1)
        chosen.addWidget(self.only, 1)
        self.label.setTextFormat(Qt.TextFormat.RichText)
        facts = QVBoxLayout()
        for widget in (self.label, self.state):
            facts.addWidget(widget)
        facts.addStretch(1)
        for text, tip, action in (
            ("Next", "Next cell that nobody decided on (N)", partial(self.work.step, 1)),
            ("Back", "The cell before (Shift+N)", partial(self.work.step, -1)),
        ):
            facts.addWidget(button(text, tip, action))
        cell = QHBoxLayout()
        cell.addWidget(self.crop)
        cell.addLayout(facts, 1)
        self.content.addLayout(chosen)
        self.content.addWidget(self.place)
        self.content.addLayout(cell)
        self.content.addLayout(self._decisions())
        self.content.addLayout(self._tools())
        self.content.addStretch(1)

    def _decisions(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        for column, (text, key, tip, action) in enumerate(
            (
                ("Accept", "A", "The cell is right", self.work.accept),
                ("Reject", "X", "This is no such cell", self.work.reject),
                ("Unsure", "U", "It cannot be told; training leaves it out", self.work.unsure),
            )
        ):
            grid.addWidget(button(f"{text}  {key}", f"{tip} ({key})", action), 0, column)
        for at in range(DIGITS):
            one = button("", "", partial(self.work.relabel, at + 1))
            self.classes.append(one)
            grid.addWidget(one, 1 + at // 3, at % 3)
        return grid

    def _tools(self) -> QVBoxLayout:
        self.add = button("Add cells", "Click on the slide to add a cell of the last class given (.)", self.toggle_add)
        self.add.setCheckable(True)
        self.undo = button("Undo", "Take the last correction back (Ctrl+Z)", self.work.undo)
        self.redo = button("Redo", "Put back what was taken back (Ctrl+Shift+Z)", self.work.redo)
        self.complete = button(
            "This view is completely annotated",
            "Every cell in the view is right as it is shown: training may learn from it (Shift+C)",
            self.mark_complete,
        )
        self.go_on.setChecked(self.workspace.state.get("review_go_on", True))
        self.go_on.setToolTip("Select the next cell as soon as this one is decided on")
        self.rejected.setToolTip("Draw rejected cells too, dimmed")
        row = QHBoxLayout()
        for widget in (self.add, self.undo, self.redo, button("?", "The keys of the review (?)", self.show_keys)):
            row.addWidget(widget, 0 if widget.text() == "?" else 1)
        checks = QHBoxLayout()
        checks.addWidget(self.go_on)
        checks.addWidget(self.rejected)
        checks.addStretch(1)
        tools = QVBoxLayout()
        tools.addLayout(row)
        tools.addLayout(checks)
        tools.addSpacing(8)
        tools.addWidget(self.complete)
        tools.addWidget(self.regions)
        self.hint = sentence("", faint=True)
        tools.addWidget(self.hint)
        return tools

    def _connect(self) -> None:
        shown, work = self.workspace.cells, self.work
        self.order.currentIndexChanged.connect(lambda _: work.set_order(self.order.currentData()))
        self.only.currentIndexChanged.connect(lambda _: work.set_only(self.only.currentData() or ""))
        self.rejected.toggled.connect(shown.set_show_rejected)
        self.go_on.toggled.connect(lambda on: self.workspace.state.set("review_go_on", on))
        self._later.timeout.connect(work.arrange)
        for signal, slot in (
            (shown.changed, self._on_cells),
            (shown.filtered, self._arrange_later),
            (shown.selected_changed, self._on_selected),
            (work.arranged, self._show_cell),
            (work.said, self.message.say),
            (work.decided, self._on_decided),
        ):
            self.listen(signal, slot)

    # What a person does

    def begin(self, order: str) -> None:
        """Start a review in an order (a key of `ORDERS`) with its first cell that nobody decided on."""
        if order == self.order.currentData():
            self.work.arrange()
        self.order.setCurrentIndex(self.order.findData(order))
        self.workspace.cells.select("")
        self.work.step(1)

    def toggle_add(self) -> None:
        """Let clicks add cells, or select them again."""
        if self.sender() is not self.add:
            self.add.setChecked(not self.add.isChecked())
        self._show_tools()

    def mark_complete(self) -> None:
        """Mark the view as completely annotated."""
        slide = self.workspace.active
        view = None if slide is None else self.workspace.view_box(slide)
        if view is not None:
            self.work.mark_complete(view)

    def show_keys(self) -> None:
        """Show the keys."""
        names = self.work.classes
        keys = (k._replace(words=names[int(k.sequence) - 1]) if _is_class(k, names) else k for k in self.keys.keys)
        show_sheet(self, tuple(keys))

    # Following

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._set_on()
        self.work.arrange()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._set_on()

    def _set_on(self) -> None:
        on = self.isVisible() and self.workspace.active is not None
        self.keys.set_on(on)
        viewer = self.workspace.viewer
        if viewer is not None:
            self.clicks.set_on(viewer, on)

    def refresh(self, *_: object) -> None:
        """Show the active slide's review."""
        self.show_start(self.workspace.active is None)
        self._zoom = None
        self._set_on()
        self._on_cells()

    def _on_cells(self) -> None:
        self._name_classes()
        source = (self.workspace.cells.identity, self.workspace.cells.run)
        if source != self._source and not self.isVisible():
            self.work.forget()
        elif source != self._source or (self.isVisible() and not len(self.work.queue)):
            self.work.arrange()
        self._source = source
        self._show_cell()

    def _arrange_later(self) -> None:
        if self.isVisible():
            self._later.start()

    def _on_decided(self, _: str) -> None:
        if self.go_on.isChecked():
            self.work.step(1)

    def _on_selected(self, identifier: str) -> None:
        position = self.work.current
        slide, viewer = self.workspace.active, self.workspace.viewer
        if position is not None and slide is not None and viewer is not None and not self.add.isChecked():
            x0, y0, x1, y1 = self.work.cells.boxes[position].tolist()
            first = self._zoom is None
            if first and magnification(viewer, slide.frame) != POWER:
                look_at(viewer, slide.frame, (x0 + x1) / 2, (y0 + y1) / 2, magnification=POWER)
            else:
                look_at(viewer, slide.frame, (x0 + x1) / 2, (y0 + y1) / 2)
            self._zoom = viewer.scene.camera.zoom
        self._show_cell()

    def _on_click(self, y: float, x: float) -> None:
        slide = self.workspace.active
        if slide is None:
            return
        at = slide.frame.level0_from_world([y, x])
        if self.add.isChecked():
            self.work.add(float(at[0]), float(at[1]))
            return
        hit = self.workspace.cells.at(float(at[0]), float(at[1]))
        if hit:
            self.workspace.cells.select(hit)

    # What the dock shows

    def _name_classes(self) -> None:
        for at, one in enumerate(self.classes):
            known = at < len(self.work.classes)
            one.setVisible(known)
            if known:
                name = self.work.classes[at]
                one.setText(f"{at + 1}  {name}")
                one.setIcon(QIcon(swatch(name)))
                one.setToolTip(f"The cell is {name} ({at + 1})")
        names = (ALL, *in_order(set(self.work.cells.classes)))
        if names != tuple(self.only.itemText(i) for i in range(self.only.count())):
            self.only.blockSignals(True)
            self.only.clear()
            for name in names:
                self.only.addItem(name, "" if name == ALL else name)
            self.work.only = ""
            self.only.blockSignals(False)

    def _show_cell(self) -> None:
        slide, work, position = self.workspace.active, self.work, self.work.current
        self._show_tools()
        at = work.queue.place(work.cells, work.shown.selected)
        if not len(work.queue):
            self.place.setText("No cells to review: find some, or lower the threshold (Find).")
        else:
            parts = [f"{'–' if at is None else at + 1} of {len(work.queue)}", f"{work.undecided} undecided"]
            parts += [wording.about(work.remaining)] if work.remaining is not None else []
            self.place.setText("  ·  ".join(parts))
        if slide is None or position is None:
            self.crop.clear()
            self.label.setText("")
            self.state.setText("Press N to begin" if len(work.queue) else "")
            return
        cells: Any = work.cells
        name, state = cells.label(position), State(int(cells.states[position]))
        self.label.setText(f"<b>{name}</b>" if state == State.ADDED else f"<b>{name}</b>  {cells.scores[position]:.2f}")
        self.state.setText(WORDS[state])
        self.crop.show_box(slide, tuple(cells.boxes[position].tolist()), color_of(name))

    def _show_tools(self) -> None:
        work, adding = self.work, self.add.isChecked()
        label = work.new_label or work.classes[0]
        self.workspace.cell_layers.new_label = label
        self.hint.setText(f"Each click on the slide adds a cell of class {label}." if adding else "")
        self.hint.setVisible(adding)
        slide = self.workspace.active
        if slide is None:
            return
        self.undo.setEnabled(self.workspace.study.can_undo(slide.info.identity))
        self.redo.setEnabled(self.workspace.study.can_redo(slide.info.identity))
        number = len(self.workspace.cells.regions)
        self.regions.setText(f"{number} {'field' if number == 1 else 'fields'} complete on this slide")

    def _open_sample(self) -> None:
        self.busy.follow(self.workspace.open_sample(HOME))


def _is_class(key: Key, names: tuple[str, ...]) -> bool:
    return key.sequence.isdecimal() and int(key.sequence) <= len(names)
