"""What comes in a review, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from cytoshift.study.palette import in_order
from napari_cytoshift.widgets.dock import listen
from napari_cytoshift.widgets.find_history import when
from napari_cytoshift.widgets.review_order import DIFFERS, ORDERS, SCORES, SIMILAR, STATES, Narrowed, more_orders
from napari_cytoshift.widgets.review_ranks import comparable

if TYPE_CHECKING:
    from cytoshift.study import Study
    from napari_cytoshift.background import Work
    from napari_cytoshift.widgets.review_work import Review

MOST_RUNS = 5
"""Other searches, the newest, that the cells can be compared with."""

ALL = ""
EVERYWHERE = ("All slides", "The cells of all slides of the study, in one order; the view follows from slide to slide")

LIKE = ("Like the selected cell", "By what the model makes of each cell; choose it again for another cell")


class Filters(QWidget):
    """Order, class, state and score of the cells that come, and the slide.

    Attributes
    ----------
    slide_chosen : Signal(str)
        A person chose another slide of the study, by its identity.
    """

    slide_chosen = Signal(str)

    def __init__(self, work: Review) -> None:
        super().__init__()
        self._work = work
        self._others: dict[str, tuple[str, str]] = {}
        self._wish = 0
        self.order, self.slide = QComboBox(), QComboBox()
        self.label, self.state, self.score = QComboBox(), QComboBox(), QComboBox()
        for box, tip in (
            (self.order, "In which order the cells come"),
            (self.slide, "The slides of the study: the cells of one, or of all"),
            (self.label, "Cells of which class come"),
            (self.state, "Cells that were decided on, or not"),
            (self.score, "Cells of which score come"),
        ):
            box.setToolTip(tip)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(4)
        for parts in ((self.order, self.slide), (self.label, self.state, self.score)):
            row = QHBoxLayout()
            row.setSpacing(4)
            for box in parts:
                row.addWidget(box, 2 if box is self.order else 1)
            rows.addLayout(row)
        _fill(self.state, STATES)
        _fill(self.score, {key: (title, title) for key, (title, _, _) in SCORES.items()})
        self.name_classes()
        self.list_orders()
        self.order.activated.connect(lambda _: work.set_order(self.order.currentData()))
        self.slide.activated.connect(lambda _: self._choose_slide(self.slide.currentData()))
        for box in (self.label, self.state, self.score):
            box.currentIndexChanged.connect(lambda _: self._narrow())
        listen(work.workspace.slides_changed, self.list_slides)

    def choose(self, order: str) -> None:
        """Choose an order."""
        self.order.setCurrentIndex(self.order.findData(order))
        self._work.set_order(order)

    def toggle_everywhere(self) -> None:
        """Let the cells of all slides come, or those of the active slide only."""
        self._choose_slide(self._work.shown.identity if self._work.everywhere else ALL)
        self.list_slides()

    def name_classes(self) -> None:
        """List the classes there are."""
        names = in_order({*self._work.cells.classes, *self._work.queue.classes})
        _fill(self.label, {"": ("Class", "Cells of every class"), **{name: (name, name) for name in names}})

    def list_orders(self) -> None:
        """List the orders that the cells have; the other searches are read in a thread."""
        self._wish += 1
        wish, shown, study = self._wish, self._work.shown, self._work.workspace.study
        self._others = {} if not shown.run else self._others
        self._list_orders()
        if not shown.run:
            return
        identity, run = shown.identity, shown.run

        def take(others: dict[str, tuple[str, str]]) -> None:
            if wish == self._wish:
                self._others = others
                self._list_orders()

        def read(work: Work) -> dict[str, tuple[str, str]]:
            return _other_runs(study, identity, run)

        self._work.workspace.start("Reading the searches", read, done=take, in_activity=False)

    def list_slides(self) -> None:
        """List the slides of the study; hidden while there is only one."""
        workspace = self._work.workspace
        names = {record.identity: record.name for record in workspace.study.slides()}
        names.update({slide.info.identity: slide.name for slide in workspace.slides})
        _fill(self.slide, {ALL: EVERYWHERE, **{identity: (name, name) for identity, name in names.items()}})
        self.slide.setCurrentIndex(self.slide.findData(ALL if self._work.everywhere else self._work.shown.identity))
        self.slide.setVisible(len(names) > 1)

    def _choose_slide(self, identity: str) -> None:
        everywhere = identity == ALL
        if everywhere != self._work.everywhere:
            self._work.set_everywhere(everywhere)
            self._list_orders()
        if not everywhere:
            self.slide_chosen.emit(identity)

    def _list_orders(self) -> None:
        here = {**more_orders(self._work.cells), SIMILAR: LIKE, **self._others}
        orders = ORDERS if self._work.everywhere else ORDERS | here
        _fill(self.order, orders)
        self.order.setCurrentIndex(max(0, self.order.findData(self._work.order)))

    def _narrow(self) -> None:
        label, state, score = (box.currentData() or "" for box in (self.label, self.state, self.score))
        narrowed = Narrowed(label, state, score)
        if narrowed != self._work.narrowed:
            self._work.narrow(narrowed)


def _other_runs(study: Study, identity: str, run: str) -> dict[str, tuple[str, str]]:
    """Return orders by how other searches differ from a run, by key, with title and tip."""
    searches = {one: made for one, made, _ in study.searches(identity)}
    orders = {}
    for other in comparable(study, identity, run)[:MOST_RUNS]:
        made = searches[other]
        through = "other colours" if made.through else "original"
        title = f"Unlike {made.model}, {through}, {when(made.made)}"
        orders[DIFFERS + other] = (title, "Cells first that this other search called otherwise, or did not see")
    return orders


def _fill(box: QComboBox, items: Mapping[str, tuple[str, str]]) -> None:
    """List items, by key with title and tip, and keep the one that is chosen; nothing is told."""
    if list(items) == [box.itemData(at) for at in range(box.count())]:
        return
    chosen = box.currentData()
    box.blockSignals(True)
    box.clear()
    for key, (title, tip) in items.items():
        box.addItem(title, key)
        box.setItemData(box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    box.blockSignals(False)
