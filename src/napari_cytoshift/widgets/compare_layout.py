"""How original and seen slide are laid out, what is seen beside them, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_cytoshift.keys import FLIP_KEY, LAYOUT_KEY
from napari_cytoshift.layers.arrangement import Layout
from napari_cytoshift.widgets.compare_methods import choice, fill_methods
from napari_cytoshift.widgets.dock import button

if TYPE_CHECKING:
    from cytoshift.models import Card

REST_MS = 120
"""The slider rests this long before anything is computed."""

LAYOUTS: dict[Layout, tuple[str, str]] = {
    "side": ("Side by side", "Original left, seen right, with one camera"),
    "swipe": ("Swipe", "One view: drag the line to see the original left of it"),
    "over": ("Over", f"Only what is seen; hold {FLIP_KEY} for the original"),
}


class LayoutChooser(QWidget):
    """Three layouts, and a second method for the one with panes.

    Attributes
    ----------
    chosen : Signal(str)
        A layout.
    second_chosen : Signal(str)
        A method to be seen in the third pane; ``""`` for none.
    swapped : Signal()
        The second method is to be the first.
    """

    chosen = Signal(str)
    second_chosen = Signal(str)
    swapped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[Layout, QPushButton] = {}
        self.second = QComboBox()
        self.second.setToolTip("A second method in a third pane")
        self._second_row = QWidget()
        group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(3)
        for name, (title, tip) in LAYOUTS.items():
            one = choice(title, f"{tip} ({LAYOUT_KEY} for the next layout)")
            one.clicked.connect(lambda checked, name=name: self.chosen.emit(name))
            group.addButton(one)
            row.addWidget(one)
            self.buttons[name] = one
        beside = QHBoxLayout(self._second_row)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(QLabel("Beside it"))
        beside.addWidget(self.second, 1)
        self.swap = button("⇄", "Swap the two: finding, saving and the gauge follow the first", self.swapped.emit)
        self.swap.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        beside.addWidget(self.swap)
        self._second_row.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._second_row)
        self.set_models(())
        self.second.activated.connect(lambda index: self.second_chosen.emit(self.second.itemData(index)))

    def set_models(self, cards: Sequence[Card]) -> None:
        """Offer stain models and translation models as second methods."""
        fill_methods(self.second, cards, "Nothing more")

    def show_layout(self, layout: Layout, second: str, *, seen: bool) -> None:
        """Show the layout and the second method; ``seen`` is whether there is a first."""
        self.buttons[layout].setChecked(True)
        self._second_row.setVisible(layout == "side" and seen)
        self.second.setCurrentIndex(max(self.second.findData(second), 0))
        self.swap.setEnabled(bool(second))


class Strength(QWidget):
    """How much of the method is seen.

    Attributes
    ----------
    rested : Signal(float)
        The strength, 0 to 1, where the slider came to rest.
    """

    rested = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setPageStep(10)
        self.slider.setToolTip("From the original, left, to all of the method, right; arrow keys for one percent")
        self._number = QLabel()
        self._number.setMinimumWidth(self._number.fontMetrics().horizontalAdvance("100 %"))
        self._number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(lambda: self.rested.emit(self.value))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Strength"))
        row.addWidget(self.slider, 1)
        row.addWidget(self._number)
        self.slider.valueChanged.connect(self._on_value)
        self.show_value(1.0)

    @property
    def value(self) -> float:
        """The strength, 0 to 1."""
        return self.slider.value() / 100

    def show_value(self, strength: float) -> None:
        """Show a strength, unless a person is just setting another."""
        if self._rest.isActive() or self.slider.isSliderDown():
            return
        self.slider.blockSignals(True)
        self.slider.setValue(round(100 * strength))
        self.slider.blockSignals(False)
        self._say()

    def _on_value(self, value: int) -> None:
        self._say()
        self._rest.start()

    def _say(self) -> None:
        self._number.setText(f"{self.slider.value()} %")
