"""What searches: the detector and its card, and for mitoses what tells the atypical ones."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel

from cytoshift.errors import ModelError
from cytoshift.mitosis.classes import MITOSIS
from cytoshift.models.finders import find_mitosis_detector
from cytoshift.models.found_by import WITH
from napari_cytoshift.widgets.find_card import ModelCard, details

if TYPE_CHECKING:
    from cytoshift.models import Model
    from cytoshift.models.card import Card
    from napari_cytoshift.workspace import Workspace

NO_DETECTOR = "There is no detector yet; teach one, or import one with: cytoshift models import FOLDER"
NO_CLASSIFIER = "No classifier of mitoses is here yet, so normal and atypical ones are not told apart."


class FindModels(QObject):
    """The rows of the Find dock in which models are chosen.

    Attributes
    ----------
    changed : Signal()
        Another model is chosen.
    model, classify : QComboBox
        The detectors, and the classifiers of mitoses; the latter is shown for detectors of mitoses.
    card : ModelCard
        That of the detector.
    """

    changed = Signal()

    def __init__(self, parent: QObject, workspace: Workspace) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.model, self.classify, self.card = QComboBox(), QComboBox(), ModelCard()
        self._title = QLabel("Classify")
        for box in (self.model, self.classify):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.currentIndexChanged.connect(self._on_chosen)

    def add_to(self, form: QFormLayout) -> None:
        """Add the rows to a form."""
        form.addRow("Model", self.model)
        form.addRow(self.card)
        form.addRow(self._title, self.classify)

    def fill(self) -> None:
        """List the models, those in use first."""
        cards = self._fill(self.model, "detector")
        titles = Counter(card.title for card in cards)
        for at, card in enumerate(cards):
            if titles[card.title] > 1:
                made = f" · {card.made[:16].replace('T', ' ')}"
                self.model.setItemText(at, self.model.itemText(at).replace(card.title, card.title + made, 1))
        self._fill(self.classify, "mitosis", none="Nothing: mitoses only")
        self._on_chosen()

    def detector(self) -> Model:
        """Return the chosen detector; raises ModelError."""
        name = self.model.currentData()
        if not name:
            raise ModelError(NO_DETECTOR)
        return self._workspace.registry.find(name, "detector")

    def classifier(self) -> Model | None:
        """Return the chosen classifier of mitoses, None for detectors of other cells; raises ModelError."""
        name, card = self.classify.currentData(), self.detector_card
        if not name or card is None or MITOSIS not in card.classes:
            return None
        return self._workspace.registry.find(name, "mitosis")

    @property
    def detector_card(self) -> Card | None:
        """The card of the chosen detector; None where there is none."""
        return self._card("detector", self.model.currentData())

    @property
    def name(self) -> str:
        """What findings of the chosen models say has found them."""
        card, classifier = self.detector_card, self.classify.currentData()
        if card is None:
            return ""
        return f"{card.id}{WITH}{classifier}" if classifier and MITOSIS in card.classes else str(card.id)

    def choose_mitoses(self) -> str:
        """Choose a detector of mitoses and a classifier, unless they are: those in use, else those that come first.

        Returns what a person must know of the choice, ``""`` for nothing.

        Raises
        ------
        ModelError
            There is no detector of mitoses.
        """
        card = self.detector_card
        if card is None or MITOSIS not in card.classes:
            found = find_mitosis_detector(self._workspace.registry)
            self.model.setCurrentIndex(self.model.findData(found.card.id))
        if not self.classify.currentData() and self.classify.count() > 1:
            self.classify.setCurrentIndex(0)
        return "" if self.classify.currentData() else NO_CLASSIFIER

    def _card(self, task: str, name: str | None) -> Card | None:
        return next((card for card in self._workspace.registry.list(task) if card.id == name), None)

    def _fill(self, box: QComboBox, task: str, none: str = "") -> list[Card]:
        registry, before, known = self._workspace.registry, box.currentData(), box.count() > 0
        cards, used = registry.list(task), registry.adopted(task)
        cards.sort(key=lambda card: card.id != used)
        box.blockSignals(True)
        box.clear()
        for card in cards:
            box.addItem(f"{card.title}{' · in use' if card.id == used else ''}", card.id)
        if none:
            box.addItem(none, "")
        kept = box.findData(before) if known and used is None else 0
        box.setCurrentIndex(max(kept, 0))
        box.blockSignals(False)
        return cards

    def _on_chosen(self, *_: object) -> None:
        card = self.detector_card
        self.card.show_card(card)
        self.model.setToolTip("Which detector searches" if card is None else details(card))
        of_mitoses = card is not None and MITOSIS in card.classes
        for widget in (self._title, self.classify):
            widget.setVisible(of_mitoses)
        tells = self._card("mitosis", self.classify.currentData())
        what = "What tells atypical mitoses from normal ones"
        self.classify.setToolTip(what if tells is None else f"{what}:{details(tells)}")
        self.changed.emit()
