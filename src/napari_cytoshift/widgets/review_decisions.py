"""The buttons that decide: accept, reject, unsure, and one for each class."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_cytoshift.widgets.dock import button
from napari_cytoshift.widgets.find_classes import swatch
from napari_cytoshift.widgets.review_work import DIGITS

if TYPE_CHECKING:
    from napari_cytoshift.widgets.review_keys import ReviewKeys
    from napari_cytoshift.widgets.review_work import Review

SHORT = 8
"""Characters of the longest class name with which three buttons fit beside each other."""


class Decisions(QWidget):
    """Decides on the selected cells of a `Review`."""

    def __init__(self, work: Review, keys: ReviewKeys) -> None:
        super().__init__()
        self._work, self._keys = work, keys
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        for column, (text, name, tip, action) in enumerate(
            (
                ("Accept", "accept_cell", "The cell is right", work.accept),
                ("Reject", "reject_cell", "This is no such cell", work.reject),
                ("Unsure", "unsure_cell", "It cannot be told; training leaves it out", work.unsure),
            )
        ):
            made = button(text, tip, action)
            keys.label(made, text, tip, name)
            self._grid.addWidget(made, 0, 2 * column, 1, 2)
        self.classes: list[QPushButton] = [button("", "", partial(work.relabel, at + 1)) for at in range(DIGITS)]
        self._names: tuple[str, ...] = ()
        for one in self.classes:
            one.setVisible(False)

    def name_classes(self) -> None:
        """Write the classes that can be given onto the buttons."""
        names = self._work.classes[:DIGITS]
        if names == self._names:
            return
        self._names = names
        columns = 3 if max(map(len, names), default=0) <= SHORT else 2
        span = 6 // columns
        for at, one in enumerate(self.classes):
            one.setVisible(at < len(names))
            if at < len(names):
                one.setText(f"{at + 1}  {names[at]}")
                one.setIcon(QIcon(swatch(names[at])))
                one.setToolTip(f"The cell is {names[at]} ({self._keys.of(f'give_class_{at + 1}')})")
                self._grid.addWidget(one, 1 + at // columns, span * (at % columns), 1, span)
