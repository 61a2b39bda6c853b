"""The Review dock: what do I decide, next."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout

from napari_cytoshift import wording
from napari_cytoshift.keys import VIEWER_KEYS
from napari_cytoshift.sample_data import HOME
from napari_cytoshift.view import look_at, magnification
from napari_cytoshift.widgets.dock import Dock, button
from napari_cytoshift.widgets.gallery import Gallery
from napari_cytoshift.widgets.review_agreement import AgreementPanel
from napari_cytoshift.widgets.review_cell import CurrentCell
from napari_cytoshift.widgets.review_decisions import Decisions
from napari_cytoshift.widgets.review_exchange import ExchangeRow
from napari_cytoshift.widgets.review_filters import Filters
from napari_cytoshift.widgets.review_keys import Key, ReviewKeys, class_key, main_window
from napari_cytoshift.widgets.review_readers import Readers
from napari_cytoshift.widgets.review_report import ReportRow
from napari_cytoshift.widgets.review_sheet import KeySheet, Line
from napari_cytoshift.widgets.review_tools import Tools, tool_keys
from napari_cytoshift.widgets.review_work import DIGITS, Review

if TYPE_CHECKING:
    from napari import Viewer

ARRANGE_MS = 200


class ReviewDock(Dock):
    """Leads through the cells one by one and stores what a person decides."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.work = Review(self.workspace)
        self.set_start(
            "Open a slide and find cells first; then decide on them here, one key each.",
            button("Open the sample slide", "A drawn Pap smear, made on this computer", self._open_sample),
        )
        self.keys = ReviewKeys(self, self._keys(), self.workspace.state)
        self.tools = Tools(self.work, self.keys)
        self.filters = Filters(self.work)
        self.cell = CurrentCell(self.work, self.keys)
        self.gallery = Gallery(self.work, self.cell)
        self.decisions = Decisions(self.work, self.keys)
        self.readers, self.agreement = Readers(self.work), AgreementPanel(self.work)
        self.exchange = ExchangeRow(self.workspace, self.message.say)
        self.report = ReportRow(self.workspace)
        self.exchange.row.addWidget(self.report.make, 1)
        self.place, self.regions = QLabel(), QLabel()
        self.go_on = QCheckBox("Go on")
        self.rejected = QCheckBox("Show rejected")
        self._sheet: KeySheet | None = None
        self._zoom: float | None = None
        self._source: tuple[str, ...] | None = None
        self._later = QTimer(self, singleShot=True, interval=ARRANGE_MS)
        self._lay_out()
        self._connect()
        self.refresh()

    def _keys(self) -> tuple[Key, ...]:
        work = self.work
        return (
            Key("next_cell", "N", "Go", "Next undecided cell", partial(work.step, 1)),
            Key("previous_cell", "P", "Go", "The cell before", partial(work.step, -1)),
            Key("accept_cell", "A", "Decide", "Accept", work.accept),
            Key("reject_cell", "X", "Decide", "Reject: no cell", work.reject),
            Key("unsure_cell", "U", "Decide", "Unsure", work.unsure),
            *(class_key(at, work.relabel) for at in range(1, DIGITS + 1)),
            *tool_keys(lambda name: self.tools.choose(name), lambda: self.tools.keep()),
            Key("mark_complete", "Shift+C", "Mark", "The view is complete", self.mark_complete),
            Key("undo_correction", "Ctrl+Z", "Mark", "Undo", work.undo),
            Key("redo_correction", "Ctrl+Shift+Z", "Mark", "Redo", work.redo),
            Key("toggle_cells", "D", "Look", "Hide or show all cells", self.workspace.cell_layers.toggle),
            Key("show_keys", "?", "Look", "These keys", self.show_keys),
        )

    # Layout

    def _lay_out(self) -> None:
        for widget in (self.filters, self.place, self.cell):
            self.content.addWidget(widget)
        self.content.addWidget(self.gallery, 1)
        self.content.addWidget(self.agreement, 1)
        self.content.addWidget(self.decisions)
        self.content.addLayout(self._tools())

    def _tools(self) -> QVBoxLayout:
        keys, work = self.keys, self.work
        self.undo, self.redo = button("Undo", "", work.undo), button("Redo", "", work.redo)
        self.complete, self.help = button("View is complete", "", self.mark_complete), button("?", "", self.show_keys)
        keys.label(self.undo, "", "Take the last correction back", "undo_correction")
        keys.label(self.redo, "", "Put back what was taken back", "redo_correction")
        tip = "Every cell in the view is right as it is shown: training may learn from it"
        keys.label(self.complete, "", tip, "mark_complete")
        keys.label(self.help, "", "The keys of the review", "show_keys")
        self.go_on.setChecked(self.workspace.state.get("review_go_on", True))
        self.go_on.setToolTip("Select the next cell as soon as this one is decided on")
        self.rejected.setToolTip("Draw rejected cells too, dimmed")
        first, second = QHBoxLayout(), QHBoxLayout()
        for one in (self.undo, self.redo, self.complete):
            first.addWidget(one, 1)
        first.addWidget(self.help)
        second.addWidget(self.go_on)
        second.addWidget(self.rejected)
        second.addWidget(self.regions, 1, Qt.AlignmentFlag.AlignRight)
        self.help.setMaximumWidth(32)
        tools = QVBoxLayout()
        tools.addWidget(self.tools)
        for row in (first, second):
            tools.addLayout(row)
        tools.addWidget(self.readers)
        tools.addWidget(self.exchange)
        tools.addWidget(self.report)
        return tools

    def _connect(self) -> None:
        shown, work = self.workspace.cells, self.work
        self.filters.slide_chosen.connect(self._go_to_slide)
        self.listen(work.elsewhere, self._go_to_slide)
        self.cell.scaled.connect(self.gallery.viewport().update)
        self.cell.power_chosen.connect(self._on_power)
        self.cell.found.model_asked.connect(lambda name: self.go_to("Adapt").show_model(name))
        self.rejected.toggled.connect(shown.set_show_rejected)
        self.go_on.toggled.connect(lambda on: self.workspace.state.set("review_go_on", on))
        self._later.timeout.connect(work.arrange)
        for signal, slot in (
            (shown.changed, self._on_cells),
            (shown.filtered, self._arrange_later),
            (shown.selected_changed, self._on_selected),
            (work.arranged, self._on_arranged),
            (work.chosen, self._on_chosen),
            (work.said, self.message.say),
            (work.decided, self._on_decided),
            (work.settling.compared, self._on_compared),
            (work.settling.looked, self._on_disagreement),
        ):
            self.listen(signal, slot)

    @property
    def settled(self) -> bool:
        """Whether everything that was wished for is shown."""
        current = self.work.current is None or self.cell.crop.ready
        pictures = not (self.gallery.crops.waiting or self.gallery.slides.waiting)
        busy = self.work.sorting.work is not None or self.tools.placing.busy
        return not busy and pictures and current

    # What a person does

    def begin(self, order: str) -> None:
        """Start a review in an order (a key of `ORDERS`) with its first cell that nobody decided on."""
        self.workspace.cells.select("")
        self.work.sorting.then(partial(self.work.step, 1))
        self.filters.choose(order)

    def mark_complete(self) -> None:
        """Mark the view as completely annotated."""
        slide = self.workspace.active
        view = None if slide is None else self.workspace.view_box(slide)
        if view is not None:
            self.work.mark_complete(view)

    def show_keys(self) -> None:
        """Lay the sheet of keys over the canvas, or take it away."""
        if self._sheet is not None:
            self._sheet.close()
            return
        window = main_window(self)
        over = None if window is None else window.centralWidget()
        names = self.work.classes
        lines = [Line(key.group, self.keys.of(key.name), key.words) for key in self.keys.table]
        digits = [line for line in lines if line.words.startswith("Class ")]
        for at, line in enumerate(digits):
            where = lines.index(line)
            lines[where : where + 1] = [line._replace(words=names[at])] if at < len(names) else []
        lines += [Line("Look", one.key.replace("-", "+"), one.words) for one in VIEWER_KEYS]
        lines += [
            Line("Gallery", "Arrows", "Another cell"),
            Line("Gallery", "Shift, Ctrl", "Select several"),
            Line("Gallery", "Ctrl+A", "Select all"),
        ]
        note = "Live while the Review dock is in front. Change them in napari's Preferences, under Shortcuts."
        self._sheet = KeySheet(over or self, lines, note)
        self._sheet.destroyed.connect(self._forget_sheet)

    def _forget_sheet(self) -> None:
        self._sheet = None

    # Following

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._set_on()
        self.work.arrange()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.work.resume.keep()
        if self._sheet is not None:
            self._sheet.close()
        self._set_on()

    def _set_on(self) -> None:
        on = self.isVisible() and self.workspace.active is not None
        self.keys.set_on(on)
        if not on:
            self.tools.lay_down()
        viewer = self.workspace.viewer
        if viewer is not None:
            self.tools.clicks.set_on(viewer, on)

    def refresh(self, *_: object) -> None:
        """Show the active slide's review."""
        self.show_start(self.workspace.active is None)
        self._zoom = None
        self._set_on()
        self._on_cells()

    def _on_cells(self) -> None:
        self.decisions.name_classes()
        self.filters.name_classes()
        source = self._of()
        if source != self._source:
            self.filters.list_orders()
            self.filters.list_slides()
            if self._source is not None and source[:2] != self._source[:2]:
                self.work.start_over()
            self.work.forget()
            if self.isVisible():
                self.work.arrange()
        elif self.isVisible() and not len(self.work.queue) and self.work.sorting.work is None:
            self.work.arrange()
        self._source = source
        self.work.arrive()
        self._show_place()
        self.tools.draw_kept()
        self.gallery.viewport().update()

    def _of(self) -> tuple[str, ...]:
        """Return of what cells there is to be an order."""
        shown, study = self.workspace.cells, self.workspace.study
        of = () if self.work.everywhere else (shown.identity, shown.run, *shown.cells.ids.imports)
        return (str(study.folder), study.reader, *of)

    def _arrange_later(self) -> None:
        if self.isVisible():
            self._later.start()

    def _on_arranged(self) -> None:
        self._source = self._of()
        self.filters.name_classes()
        self.gallery.show_order()
        self._show_place()

    def _on_chosen(self) -> None:
        self.gallery.show_selection()
        self._show_place()

    def _on_decided(self, _: str) -> None:
        if self.go_on.isChecked():
            self.work.step(1)

    def _on_selected(self, identifier: str) -> None:
        position = self.work.current
        if position is not None and not self.tools.tool:
            x0, y0, x1, y1 = self.work.cells.boxes[position].tolist()
            self._follow((x0 + x1) / 2, (y0 + y1) / 2)
        self._show_place()

    def _on_compared(self) -> None:
        reviewing = self.work.settling.found is None  # else the table of many classes needs the room
        for widget in (self.gallery, self.go_on, self.rejected, self.regions, self.complete):
            widget.setVisible(reviewing)

    def _on_disagreement(self) -> None:
        cell = self.work.settling.current
        if cell is not None:
            self.workspace.cells.select(cell.target if self.workspace.cells.position(cell.target) is not None else "")
            x0, y0, x1, y1 = cell.box
            self._follow((x0 + x1) / 2, (y0 + y1) / 2)
        self._show_place()

    def _follow(self, x: float, y: float) -> None:
        """Move the view to a point of the slide; the first time, at the magnification that was chosen."""
        slide, viewer = self.workspace.active, self.workspace.viewer
        if slide is None or viewer is None:
            return
        power = self.cell.power
        first = self._zoom is None and magnification(viewer, slide.frame) != power
        look_at(viewer, slide.frame, x, y, magnification=power if first else None)
        self._zoom = viewer.scene.camera.zoom

    def _on_power(self) -> None:
        self._zoom = None
        self._on_selected(self.workspace.cells.selected)

    def _go_to_slide(self, identity: str) -> None:
        work = self.gallery.slides.go(identity, self._stay)
        if work is not None:
            self.busy.follow(work)

    def _stay(self, why: str) -> None:
        self.work.give_up(why)
        self.filters.list_slides()

    # What the dock shows

    def _show_place(self) -> None:
        work = self.work
        self._show_tools()
        self.place.setText(self._words())
        slides = self.work.queue.slides
        self.place.setToolTip(f"On {slides} slides" if slides > 1 else "")
        self.cell.show_cell(work.settling.current)
        if work.current is None and work.settling.current is None and len(work.queue):
            at = work.queue.place(work.resume.cell)
            next_key = self.keys.of("next_cell")
            self.cell.say(f"Press {next_key} to begin" if at is None else f"Press {next_key} to go on at {at + 1}")

    def _words(self) -> str:
        work = self.work
        if work.settling.on:
            here, current = work.settling.here, work.settling.current
            left = f"{here.index(current) + 1} of {len(here)} to settle" if current is not None else ""
            return left or "Nothing is left to settle on this slide."
        if not len(work.queue):
            sorting = work.sorting.work is not None
            return "Sorting the cells…" if sorting else "No cells to review: find some, or lower the threshold (Find)."
        at = work.queue.place(work.shown.selected)
        parts = [f"{'–' if at is None else at + 1} of {len(work.queue)}", f"{work.undecided} undecided"]
        parts += [f"{wording.about(work.remaining)} left"] if work.remaining is not None else []
        return "  ·  ".join(parts)

    def _show_tools(self) -> None:
        self.workspace.cell_layers.new_label = self.work.label_to_add
        self.tools.show_state()
        slide = self.workspace.active
        if slide is None:
            return
        self.undo.setEnabled(self.workspace.study.can_undo(self.work.reach))
        self.redo.setEnabled(self.workspace.study.can_redo(self.work.reach))
        number = len(self.workspace.cells.regions)
        self.regions.setText(f"{number} {'field' if number == 1 else 'fields'} complete")

    def _open_sample(self) -> None:
        self.busy.follow(self.workspace.open_sample(HOME))
