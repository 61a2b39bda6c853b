"""A card of the Adapt dock: one line while it is folded, what it needs and its buttons while it is open."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget


class Fold(QFrame):
    """A title that opens and folds what is below it.

    Attributes
    ----------
    turned : Signal(bool)
        It is about to open, or was folded: what needs the room is hidden before, and shown after.
    """

    turned = Signal(bool)

    def __init__(self, title: str, tip: str) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.head = QToolButton()
        self.head.setText(title)
        self.head.setToolTip(tip)
        self.head.setCheckable(True)
        self.head.setAutoRaise(True)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._inside = QWidget()
        self.inside = QVBoxLayout(self._inside)
        self.inside.setContentsMargins(6, 0, 6, 6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(2)
        layout.addWidget(self.head)
        layout.addWidget(self._inside)
        self.head.setArrowType(Qt.ArrowType.RightArrow)
        self._inside.hide()
        self.head.toggled.connect(self._turn)

    @property
    def open(self) -> bool:
        """Whether what is below the title can be seen."""
        return self.head.isChecked()

    def set_open(self, on: bool) -> None:
        """Open or fold it."""
        self.head.setChecked(on)

    def _turn(self, on: bool) -> None:
        self.head.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        if on:
            self.turned.emit(True)
        self._inside.setVisible(on)
        if not on:
            self.turned.emit(False)
