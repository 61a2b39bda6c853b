"""How far two readers agree, class by class, and how many disagreements are left to settle."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget
from superqt import QElidingLabel

from cytoshift.study.agreement import blinded_readers
from napari_cytoshift.widgets.dock import aside, button, listen, sentence
from napari_cytoshift.widgets.review_settling import COMMON

if TYPE_CHECKING:
    from cytoshift.metrics.kappa import Kappa
    from cytoshift.study.agreement import Agreement
    from napari_cytoshift.widgets.review_work import Review

WIDEST = 130
"""Screen pixels a class's name may take before it is cut."""


class AgreementPanel(QWidget):
    """Shows the agreement that a `Review` has at hand; hidden while it has none."""

    def __init__(self, work: Review) -> None:
        super().__init__()
        self._work = work
        self.pair, self._table = QComboBox(), QGridLayout()
        self.pair.setToolTip("Which two readers are compared")
        self.left = sentence("", in_passing=True)
        tip = "Go through the disagreements: the keys that decide then settle, and the event names both readers"
        self.settle = button("Settle", tip, self._on_settle)
        self.settle.setCheckable(True)
        self._table.setHorizontalSpacing(10)
        self._table.setVerticalSpacing(1)
        self._table.setColumnStretch(0, 1)
        below = QHBoxLayout()
        below.addWidget(self.left, 1)
        below.addWidget(self.settle)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pair)
        layout.addLayout(self._table)
        layout.addLayout(below)
        layout.addStretch(1)
        self.setVisible(False)
        self.pair.activated.connect(self._on_pair)
        listen(work.settling.compared, self._show)

    def _on_pair(self) -> None:
        first, second = self.pair.currentData()
        self._work.settling.compare((first, second))

    def _on_settle(self) -> None:
        self._work.settling.set_on(self.settle.isChecked())

    def _show(self) -> None:
        settling = self._work.settling
        found = settling.found
        self.setVisible(found is not None)
        self.settle.setChecked(settling.on)
        if found is None:
            return
        self.pair.clear()
        for pair in combinations(["", *blinded_readers(self._work.workspace.study)], 2):
            self.pair.addItem(f"{pair[0] or COMMON} and {pair[1]}", pair)
            if pair == found.readers:
                self.pair.setCurrentIndex(self.pair.count() - 1)
        here, left = len(settling.here), len(found.disagreements)
        self.settle.setText(f"Settle {here}")
        self.settle.setEnabled(bool(here) or settling.on)
        elsewhere = f"{left - here} more to settle on other slides. " if left > here else ""
        unsure = f" {found.unsure} left out, where one was unsure." if found.unsure else ""
        self.left.setText(f"{elsewhere}{found.kappa.cells} cells read by both.{unsure}")
        self._fill(found)

    def _fill(self, found: Agreement) -> None:
        while self._table.count():
            item = self._table.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        rows = [("", "κ", "95 % interval", "agreed"), ("All classes", *_row(found.kappa))]
        rows += [(name, *_row(found.kappa_of(name))) for name in found.classes]
        for at, (name, *numbers) in enumerate(rows):
            title = QElidingLabel(name)
            title.setMaximumWidth(WIDEST)
            self._table.addWidget(title, at, 0)
            for column, text in enumerate(numbers, start=1):
                label = QLabel(text) if at else aside(QLabel(text))
                self._table.addWidget(label, at, column, Qt.AlignmentFlag.AlignRight)


def _row(kappa: Kappa) -> tuple[str, str, str]:
    agreed = f"{kappa.observed:.0%}" if kappa.cells else "–"
    if kappa.value != kappa.value:
        return "–", "–", agreed
    return f"{kappa.value:.2f}", f"{kappa.low:.2f} to {kappa.high:.2f}", agreed
