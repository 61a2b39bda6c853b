"""Numbers of a model and its parent, side by side, each with its interval below it."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from cytoshift.jobs.gain import Ends, Number
from cytoshift.study.palette import spelled

TITLES = {
    "mAP50": ("mAP50", "Average precision at half overlap, mean over the classes"),
    "AP50_any": ("AP50, any", "Average precision of finding a cell at all, whatever its class"),
    "precision": ("Precision", "Share of what is found that is a cell, of any class, at the model's threshold"),
    "recall": ("Recall", "Share of the cells that are found, as any class, at the model's threshold"),
    "balanced accuracy": (
        "Balanced",
        "Balanced accuracy: mean of sensitivity and specificity, at the model's threshold",
    ),
    "sensitivity": ("Sensitivity", "Share of the atypical mitoses that are called atypical"),
    "specificity": ("Specificity", "Share of the normal mitoses that are called normal"),
    "ROC AUC": ("ROC AUC", "How often an atypical mitosis scores above a normal one, whatever the threshold"),
}
"""Titles and tooltips; a job shows those that it measured."""

OF_CLASS = "AP50 "
"""What the name of a number of one class begins with."""

ROWS = 20
"""More than a table has: what is below them takes the room that is left."""

SAME = 0.005
"""Difference below which two numbers are called the same."""


class NumberTable(QWidget):
    """Shows numbers before and after, and their change."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 4, 0, 0)
        self._grid.setColumnStretch(0, 1)
        self._grid.setRowStretch(ROWS, 1)
        self._grid.setHorizontalSpacing(4)
        self._grid.setVerticalSpacing(0)
        self.cells: dict[tuple[str, str], QLabel] = {}
        """By name and ``title``, ``before``, ``after`` or ``change``."""
        for column, title in enumerate(("", "before", "after", "change")):
            self._grid.addWidget(_right(title), 0, column)

    def show_numbers(self, numbers: Mapping[str, Number], drawn: str = "") -> None:
        """Show numbers by name.

        Parameters
        ----------
        numbers : mapping of str to Number
        drawn : str
            What was drawn again for the intervals; ``""`` where there are none.
        """
        for label in self.cells.values():
            self._grid.removeWidget(label)
            label.hide()  # until it is gone it would be drawn below the new ones
            label.deleteLater()
        self.cells = {}
        for row, (name, number) in enumerate(numbers.items(), start=1):
            title, tip = titled(name)
            self._put(row, 0, name, "title", QLabel(title), tip)
            tip = f"Below: 95 % interval, {drawn} drawn again" if drawn else ""
            for column, (part, text) in enumerate(
                (
                    ("before", _cell(f"{number.before:.2f}", number.before_ends)),
                    ("after", _cell(f"{number.after:.2f}", number.after_ends)),
                    ("change", _cell(changed(number), number.change_ends, "+.2f", "…")),
                ),
                start=1,
            ):
                unsure = bool(drawn) and number.change_ends is None
                few = "Too few cells for an interval"
                self._put(row, column, name, part, _right(text), few if unsure else tip)

    def _put(self, row: int, column: int, name: str, part: str, label: QLabel, tip: str) -> None:
        label.setToolTip(tip)
        self.cells[name, part] = label
        self._grid.addWidget(label, row, column, Qt.AlignmentFlag.AlignTop)


def titled(name: str) -> tuple[str, str]:
    """Return the title of a number, and what it is."""
    if name in TITLES:
        return TITLES[name]
    title = spelled(name.removeprefix(OF_CLASS))
    return title, f"Average precision at half overlap of {title}"


def changed(number: Number) -> str:
    """Write how a number changed, with a mark for better or worse."""
    if abs(number.change) < SAME:
        return "same"
    return f"{'▲' if number.change > 0 else '▼'} {number.change:+.2f}"


def _cell(text: str, ends: Ends | None, form: str = ".2f", to: str = "–") -> str:
    if ends is None:
        return text
    return f"{text}<br><small>{ends[0]:{form}}{to}{ends[1]:{form}}</small>"


def _right(text: str) -> QLabel:
    label = QLabel(text)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
    return label
