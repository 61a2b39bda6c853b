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

COLUMNS = 3


class Method(NamedTuple):
    """A method as a person reads it."""

    title: str
    says: str
    tip: str


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
    ),
}


class Learned(NamedTuple):
    """Methods that are models, all of one task, as a person reads them."""

    title: str
    tip: str
    says: str
    missing: str


LEARNED = {
    "stain": Learned(
        "Restyled",
        "See the slide through a learned stain model",
        "a learned method; look whether the nuclei are the same nuclei.",
        "There is no learned stain model on this computer yet: train or import one",
    ),
    "translation": Learned(
        "Translated",
        "See the slide as another laboratory's scanner would show it; beside a normalization, in the third pane",
        "a learned method that redraws; look whether the nuclei are the same nuclei.",
        "There is no translator on this computer yet: teach one in Adapt, or import one",
    ),
}
"""By the task of the models."""


def task_of(name: str, cards: Sequence[Card]) -> str:
    """Return the task of the model that a method is; ``""`` for a classical one, or a model that is not among these."""
    return next((card.task for card in cards if MODEL + card.id == name), "")


class MethodChooser(QWidget):
    """A button for each method, one for each kind of learned ones, and a line that says what the chosen one does.

    Attributes
    ----------
    chosen : Signal(str)
        The name of a method that a person chose; ``""`` for the original.
    translation_chosen : Signal(str)
        The name of a translator; ``""`` for none any more.
    """

    chosen = Signal(str)
    translation_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, QPushButton] = {}
        self.says = sentence()
        self._cards: Sequence[Card] = ()
        self._translator = ""
        self._group = QButtonGroup(self)
        grid = QGridLayout()
        grid.setSpacing(3)
        for place, (name, method) in enumerate(METHODS.items()):
            one = choice(method.title, method.tip)
            one.clicked.connect(lambda checked, name=name: self.chosen.emit(name))
            self._group.addButton(one)
            grid.addWidget(one, *divmod(place, COLUMNS))
            self.buttons[name] = one
        self.restyled, self.translated = (choice(f"{kind.title} ▾", kind.tip) for kind in LEARNED.values())
        self._menus = {task: QMenu(self) for task in LEARNED}
        self._group.addButton(self.restyled)  # the other one may be pressed beside a method
        for place, (made, pressed) in enumerate(
            ((self.restyled, self._on_restyled), (self.translated, self._on_translated)), len(METHODS)
        ):
            made.clicked.connect(pressed)
            grid.addWidget(made, *divmod(place, COLUMNS))
        self._menus["stain"].triggered.connect(lambda action: self.chosen.emit(action.data()))
        self._menus["translation"].triggered.connect(lambda action: self.translation_chosen.emit(action.data()))
        for menu in self._menus.values():
            menu.aboutToHide.connect(self._show_translator)
        for k in range(COLUMNS):
            grid.setColumnStretch(k, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self.says)

    def set_models(self, cards: Sequence[Card]) -> None:
        """Offer stain models and translation models."""
        self._cards = cards
        for task, menu in self._menus.items():
            menu.clear()
            if task == "translation":
                menu.addAction("Not translated").setData("")
            for card in self._of(task):
                menu.addAction(f"{LEARNED[task].title}: {card.title}").setData(MODEL + card.id)

    def show_method(self, name: str, *, beside: str = "", brightfield: bool = True) -> None:
        """Show which method is chosen, and which one beside it, and which can be."""
        names = (name, beside)
        self._translator = next((one for one in names if task_of(one, self._cards) == "translation"), "")
        for one, made in self.buttons.items():
            made.setEnabled(not one or brightfield)
        for task, made, shown in (("stain", self.restyled, name), ("translation", self.translated, self._translator)):
            there = bool(self._of(task))
            made.setEnabled(there and brightfield)
            card = self._card(shown, task)
            tip = LEARNED[task].tip if there else LEARNED[task].missing
            made.setToolTip(tip if card is None else f"{card.title}. {tip}")
            metrics, arrow = QFontMetrics(made.font()), " ▾"
            room = max(made.width() - 12, 84) - metrics.horizontalAdvance(arrow)
            title = LEARNED[task].title if card is None else card.title
            made.setText(metrics.elidedText(title, Qt.TextElideMode.ElideRight, room) + arrow)
        first = self.restyled if task_of(name, self._cards) == "stain" else self.buttons.get(name)
        self._group.setExclusive(False)
        for made in (*self.buttons.values(), self.restyled):
            made.setChecked(made is first)
        self._group.setExclusive(True)
        self._show_translator()
        self.says.setText(self._words(self._translator or name))

    def _words(self, name: str) -> str:
        if name in METHODS:
            return METHODS[name].says
        card = next((card for card in self._cards if MODEL + card.id == name), None)
        return "A learned method." if card is None else f"{card.title}: {LEARNED[card.task].says}"

    def _of(self, task: str) -> list[Card]:
        return [card for card in self._cards if card.task == task]

    def _card(self, name: str, task: str) -> Card | None:
        return next((card for card in self._of(task) if MODEL + card.id == name), None)

    def _show_translator(self) -> None:
        self.translated.setChecked(bool(self._translator))

    def _on_restyled(self) -> None:
        if len(self._of("stain")) == 1:
            self.chosen.emit(MODEL + self._of("stain")[0].id)
        else:
            self._pop_up("stain", self.restyled)

    def _on_translated(self) -> None:
        if len(self._of("translation")) == 1:
            self.translation_chosen.emit("" if self._translator else MODEL + self._of("translation")[0].id)
        else:
            self._pop_up("translation", self.translated)

    def _pop_up(self, task: str, under: QPushButton) -> None:
        self._menus[task].popup(under.mapToGlobal(under.rect().bottomLeft()))


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
        combo.addItem(f"{LEARNED[card.task].title}: {card.title}", MODEL + card.id)
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
