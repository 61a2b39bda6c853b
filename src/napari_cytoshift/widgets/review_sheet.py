"""The sheet of keys: it lies over the canvas, takes no focus, and goes away with the key that brought it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_cytoshift.widgets.dock import aside

COLUMNS = 2
MARGIN = 14


class Line(NamedTuple):
    """One line of the sheet: under which heading it stands, keys, and what they do."""

    group: str
    keys: str
    words: str


class KeySheet(QFrame):
    """Lines in columns, over a widget; a click on it closes it."""

    def __init__(self, over: QWidget, lines: Sequence[Line], note: str) -> None:
        super().__init__(over)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(3)
        _fill(grid, lines)
        words = aside(QLabel(note))
        words.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.addLayout(grid)
        layout.addSpacing(8)
        layout.addWidget(words)
        over.installEventFilter(self)
        self._center()
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._center()
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close()

    def _center(self) -> None:
        over = self.parentWidget()
        if over is not None:
            self.adjustSize()
            self.move((over.width() - self.width()) // 2, max(0, (over.height() - self.height()) // 2))


def _fill(grid: QGridLayout, lines: Sequence[Line]) -> None:
    """Put groups into columns, each group whole, as evenly as they go."""
    groups = {line.group: [one for one in lines if one.group == line.group] for line in lines}
    heights = [0] * COLUMNS
    for name, members in groups.items():
        column = heights.index(min(heights))
        row = heights[column]
        heading = QLabel(name)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        grid.addWidget(heading, row, 3 * column, 1, 2)
        for at, line in enumerate(members, start=row + 1):
            keys = QLabel(line.keys or "–")
            keys.setFont(font)
            grid.addWidget(keys, at, 3 * column, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(QLabel(line.words), at, 3 * column + 1)
        heights[column] = row + len(members) + 1
    for column in range(COLUMNS - 1):
        grid.setColumnMinimumWidth(3 * column + 2, 2 * MARGIN)
