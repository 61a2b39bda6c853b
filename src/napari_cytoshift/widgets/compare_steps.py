"""How many steps a translator takes: one button for each."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_cytoshift.widgets.compare_methods import choice

MANY = "Closer to the target's look with every step, slower, and more may be invented"
ONE = "This translator takes one step"


class Steps(QWidget):
    """The steps of a translator. Hidden while nothing is translated, without effect where there is only one.

    Attributes
    ----------
    chosen : Signal(int)
        A number of steps that a person chose.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[QPushButton] = []
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(3)
        self._row.addWidget(QLabel("Steps"))
        self.hide()

    def show_steps(self, steps: int, most: int) -> None:
        """Show how many steps are taken, of how many; 0 steps where nothing is translated."""
        self.setVisible(steps > 0)
        if steps < 1:
            return
        while len(self.buttons) > most:
            gone = self.buttons.pop()
            self._group.removeButton(gone)
            gone.deleteLater()
        while len(self.buttons) < most:
            number = len(self.buttons) + 1
            made = choice(str(number), MANY)
            made.setMinimumWidth(24)
            made.clicked.connect(lambda checked, number=number: self.chosen.emit(number))
            self._group.addButton(made)
            self._row.addWidget(made)
            self.buttons.append(made)
        self.buttons[steps - 1].setChecked(True)
        self.setEnabled(most > 1)
        self.setToolTip(MANY if most > 1 else ONE)
        for made in self.buttons:
            made.setToolTip(f"{made.text()} of {most}. {MANY}" if most > 1 else ONE)
