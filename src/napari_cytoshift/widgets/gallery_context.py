"""A larger field around the cell of the gallery under the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from cytoshift.study.change import State
from cytoshift.study.palette import color_of
from napari_cytoshift.widgets.review_crop import CellCrop, Scale

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from cytoshift.study import Cells
    from napari_cytoshift.workspace import Workspace

SIDE = 260
TIMES = 4.0
"""How many times as far as in the gallery one sees."""

WORDS = {
    State.PREDICTED: "not decided",
    State.ACCEPTED: "accepted",
    State.REJECTED: "rejected",
    State.UNSURE: "unsure",
    State.ADDED: "added by hand",
}


class ContextCard(QFrame):
    """A small window beside a tile. The mouse goes through it, and it takes no keys."""

    def __init__(self, workspace: Workspace, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.ToolTip)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.crop = CellCrop(workspace, SIDE)
        self.words = QLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.crop)
        layout.addWidget(self.words)

    def show_cell(self, slide: Slide, cells: Cells, position: int, scale: Scale, beside: QPoint) -> None:
        """Show the surroundings of a cell to the left of a point of the screen, or where there is room."""
        name, state = cells.label(position), State(int(cells.states[position]))
        score = "" if state == State.ADDED else f"{cells.scores[position]:.2f}"
        x0, y0, x1, y1 = cells.boxes[position].tolist()
        self.crop.show_box(slide, (x0, y0, x1, y1), color_of(name), scale.wider(TIMES))
        self.words.setText(" · ".join(part for part in (name, score, WORDS[state], self.crop.size_in_words) if part))
        self.adjustSize()
        screen = self.screen().availableGeometry()
        x = beside.x() - self.width() - 8
        x = x if x >= screen.left() else beside.x() + SIDE // 2
        y = min(max(beside.y(), screen.top()), screen.bottom() - self.height())
        self.move(x, y)
        self.show()
