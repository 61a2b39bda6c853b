"""What a job was worth: before and after, on fields or mitoses that neither model learnt from."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from cytoshift.jobs import JobResult
from napari_cytoshift.widgets.dock import sentence

NUMBERS = {
    "mAP50": ("mAP50", "Average precision at half overlap, mean over the classes"),
    "AP50_any": ("AP50, any class", "Average precision of finding a cell at all, whatever its class"),
    "precision": ("Precision", "Share of what is found that is a cell, of any class, at the model's threshold"),
    "recall": ("Recall", "Share of the cells that are found, as any class, at the model's threshold"),
    "balanced accuracy": ("Balanced accuracy", "Mean of sensitivity and specificity, at the model's threshold"),
    "sensitivity": ("Sensitivity", "Share of the atypical mitoses that are called atypical"),
    "specificity": ("Specificity", "Share of the normal mitoses that are called normal"),
    "ROC AUC": ("ROC AUC", "How often an atypical mitosis scores above a normal one, whatever the threshold"),
}
"""Titles and tooltips; a job shows those that it measured."""

SAME = 0.005
"""Difference below which two numbers are called the same."""


class OutcomeTable(QWidget):
    """Shows a `JobResult`: the numbers that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.verdict = sentence()
        self._grid = QGridLayout()
        self._grid.setColumnStretch(0, 1)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(2)
        self.cells: dict[tuple[str, str], QLabel] = {}
        """By name and ``title``, ``before``, ``after`` or ``change``."""
        for column, title in enumerate(("", "before", "after", "")):
            self._grid.addWidget(_right(title), 0, column)
        for row, (name, (title, tip)) in enumerate(NUMBERS.items(), start=1):
            self.cells[name, "title"] = QLabel(title)
            self.cells[name, "title"].setToolTip(tip)
            self.cells[name, "title"].setWordWrap(True)
            self._grid.addWidget(self.cells[name, "title"], row, 0)
            for column, part in enumerate(("before", "after", "change"), start=1):
                self.cells[name, part] = _right("")
                self._grid.addWidget(self.cells[name, part], row, column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.verdict)
        layout.addLayout(self._grid)

    def show_result(self, result: JobResult) -> None:
        """Show before and after."""
        for name in NUMBERS:
            before, after = result.before.get(name), result.after.get(name)
            self.cells[name, "before"].setText(_number(before))
            self.cells[name, "after"].setText(_number(after))
            self.cells[name, "change"].setText(_change(before, after))
            for part in ("title", "before", "after", "change"):
                self.cells[name, part].setVisible(before is not None or after is not None)
        self.verdict.setText(verdict(result))


def verdict(result: JobResult) -> str:
    """Say in one sentence where a new model is better and where it is worse."""
    better: list[str] = []
    worse: list[str] = []
    for name, (title, _) in NUMBERS.items():
        before, after = result.before.get(name), result.after.get(name)
        if before is None or after is None or abs(after - before) < SAME:
            continue
        (better if after > before else worse).append(title)
    where = _held_back(result)
    if not better and not worse:
        return f"{where} the new model is as good as the old one."
    if not worse:
        return f"{where} the new model is better: {', '.join(better)}."
    if not better:
        return f"{where} the new model is worse: {', '.join(worse)}."
    return f"{where} it is better in {', '.join(better)}, worse in {', '.join(worse)}."


def _held_back(result: JobResult) -> str:
    """Say on what was measured; of mitoses how many, since they are few."""
    mitoses, atypical = result.after.get("patches"), result.after.get("atypical")
    if mitoses is None or atypical is None:
        return "On the fields held back"
    return f"On the {mitoses:.0f} mitoses held back, {atypical:.0f} of them atypical,"


def translator_verdict(result: JobResult) -> str:
    """Say in one sentence how near a translator came to the look that was wanted, and what it left as it was."""
    colour, structure = result.after.get("colour"), result.after.get("structure")
    if colour is None or structure is None:
        return ""
    return (
        f"On crops it learnt from: colours {colour:.2f} from B's (0 is the same), structure kept {structure:.2f}"
        " (1 is all). Look at the tiles, and at slides it has not seen."
    )


def _right(text: str) -> QLabel:
    label = QLabel(text)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return label


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.2f}"


def _change(before: Any, after: Any) -> str:
    if before is None or after is None:
        return ""
    difference = after - before
    return "same" if abs(difference) < SAME else f"{'▲' if difference > 0 else '▼ worse'} {difference:+.2f}"
