"""The methods through which a slide can be seen, one click each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import QButtonGroup, QComboBox, QGridLayout, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_cytoshift.sights import MODEL
from napari_cytoshift.widgets.dock import sentence

if TYPE_CHECKING:
    from cytoshift.models import Card

COLUMNS = 6


class Method(NamedTuple):
    """A method as a person reads it."""

    title: str
    says: str
    tip: str
    width: int = 2


METHODS = {
    "": Method("Original", "As the scanner shows it. For cytology, begin with Reinhard.", "No change"),
    "white": Method(
        "White point", "Glass becomes white; the stains stay as they are.", "Divide by the colour of the empty glass"
    ),
    "reinhard": Method(
        "Reinhard",
        "Mean and spread of the tissue's colours are matched; suits any stain.",
        "Match mean and spread in CIE Lab (Reinhard 2001)",
    ),
    "histogram": Method(
        "Histogram",
        "The tissue's distribution of red, green and blue is matched.",
        "Match the histograms of the tissue, channel by channel",
    ),
    "macenko": Method(
        "Macenko",
        "Two stains are found and matched; for haematoxylin and eosin.",
        "Two stains from the extremes of optical density (Macenko 2009)",
    ),
    "vahadane": Method(
        "Vahadane",
        "Two stains are found with sparse mixing; for haematoxylin and eosin.",
        "Two stains by sparse non-negative factorization (Vahadane 2016)",
    ),
    "ruifrok": Method(
        "Ruifrok–Johnston",
        "Known stains are matched, three for Papanicolaou; they can be picked.",
        "Colour deconvolution with given stain vectors (Ruifrok and Johnston 2001)",
        3,
    ),
}


class MethodChooser(QWidget):
    """A button for each method, one for the learned ones, and a line that says what the chosen one does.

    Attributes
    ----------
    chosen : Signal(str)
        The name of a method that a person chose; ``""`` for the original.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, QPushButton] = {}
        self.restyled = choice("Restyled ▾", "See the slide through a learned stain model")
        self.says = sentence()
        self._cards: Sequence[Card] = ()
        self._menu = QMenu(self)
        self._menu.triggered.connect(lambda action: self.chosen.emit(action.data()))
        self._group = QButtonGroup(self)
        grid = QGridLayout()
        grid.setSpacing(3)
        row = column = 0
        for name, method in METHODS.items():
            one = choice(method.title, method.tip)
            one.clicked.connect(lambda checked, name=name: self.chosen.emit(name))
            self._group.addButton(one)
            grid.addWidget(one, row, column, 1, method.width)
            row, column = (row, column + method.width) if column + method.width < COLUMNS else (row + 1, 0)
            self.buttons[name] = one
        self._group.addButton(self.restyled)
        self.restyled.clicked.connect(self._on_restyled)
        grid.addWidget(self.restyled, row, column, 1, COLUMNS - column)
        for k in range(COLUMNS):
            grid.setColumnStretch(k, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self.says)

    def set_models(self, cards: Sequence[Card]) -> None:
        """Offer learned stain models."""
        self._cards = cards
        self._menu.clear()
        for card in cards:
            action = self._menu.addAction(f"Restyled: {card.title}")
            action.setData(MODEL + card.id)

    def show_method(self, name: str, *, brightfield: bool = True) -> None:
        """Show which method is chosen, and which can be."""
        for one, made in self.buttons.items():
            made.setEnabled(not one or brightfield)
        self.restyled.setEnabled(bool(self._cards) and brightfield)
        self.restyled.setToolTip(
            "See the slide through a learned stain model"
            if self._cards
            else "There is no learned stain model on this computer yet: train or import one"
        )
        card = next((card for card in self._cards if MODEL + card.id == name), None)
        self.buttons.get(name, self.restyled).setChecked(True)
        text = "Restyled ▾" if card is None else f"{card.title} ▾"
        metrics, room = QFontMetrics(self.restyled.font()), max(self.restyled.width() - 16, 100)
        self.restyled.setText(metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room))
        learned = "A learned method" if card is None else f"{card.title}: a learned method"
        says = METHODS[name].says if name in METHODS else f"{learned}; look whether the nuclei are the same nuclei."
        self.says.setText(says)

    def _on_restyled(self) -> None:
        if len(self._cards) == 1:
            self.chosen.emit(MODEL + self._cards[0].id)
            return
        self._menu.popup(self.restyled.mapToGlobal(self.restyled.rect().bottomLeft()))


def fill_methods(combo: QComboBox, cards: Sequence[Card], nothing: str) -> None:
    """Offer all methods in a combo box, under the name by which they are chosen; ``""`` stands for nothing."""
    chosen = combo.currentData()
    combo.blockSignals(True)
    combo.clear()
    combo.addItem(nothing, "")
    for name, method in METHODS.items():
        if name:
            combo.addItem(method.title, name)
            combo.setItemData(combo.count() - 1, method.says, Qt.ItemDataRole.ToolTipRole)
    for card in cards:
        combo.addItem(f"Restyled: {card.title}", MODEL + card.id)
    combo.setCurrentIndex(max(combo.findData(chosen), 0))
    combo.blockSignals(False)


def with_titles(text: str) -> str:
    """Return a sentence in which methods have the names that are on their buttons."""
    for name, method in METHODS.items():
        text = text.replace(f"'{name}'", method.title) if name else text
    return text


def choice(text: str, tip: str) -> QPushButton:
    """Return a button that stays pressed while what it stands for is chosen."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setCheckable(True)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return made
