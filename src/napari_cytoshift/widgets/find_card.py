"""A model's card at hand: one line, and everything a reader needs to judge the model folded behind it."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from cytoshift.models.card import Card, TrainingData
from cytoshift.study.palette import color_of
from napari_cytoshift.widgets.dock import sentence

FIGURES = {
    "mAP": "Average precision, IoU 0.5 to 0.95",
    "mAP50": "Average precision, IoU 0.5",
    "AP50_any": "The same, a cell of any class",
    "F1 mitosis": "F1 of mitoses, within 7.5 µm",
    "balanced accuracy": "Balanced accuracy",
    "ROC AUC": "Area under the ROC curve",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "precision": "Precision",
    "recall": "Recall",
}
"""Figures by their name on a card, in the order in which they are read."""

HEIGHT = 190
"""Height of an open card in screen pixels; the rest of it is scrolled to, so that the dock never grows."""

BOUNDS = ("low", "high")
"""How the bounds of a figure's interval are called behind its name."""


class ModelCard(QWidget):
    """One line about a model that opens to its card.

    Attributes
    ----------
    head : QToolButton
        The line.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head = QToolButton()
        self.head.setCheckable(True)
        self.head.setAutoRaise(True)
        self.head.setArrowType(Qt.ArrowType.RightArrow)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.head.setToolTip("Show the model's card: what it was taught, and how good it was measured to be")
        self.words = sentence()
        self.words.setTextFormat(Qt.TextFormat.RichText)
        self._inside = QScrollArea()
        self._inside.setWidget(self.words)
        self._inside.setWidgetResizable(True)
        self._inside.setFrameShape(QFrame.Shape.NoFrame)
        self._inside.setFixedHeight(HEIGHT)
        self._inside.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.head)
        layout.addWidget(self._inside)
        self.head.toggled.connect(self._turn)

    def show_card(self, card: Card | None) -> None:
        """Show a card; without one, that there is no detector."""
        self.head.setEnabled(card is not None)
        if card is None:
            self.head.setChecked(False)
        self.head.setText("No detector here yet" if card is None else summary(card))
        self.words.setText("" if card is None else details(card))

    def _turn(self, on: bool) -> None:
        self.head.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self._inside.setVisible(on)


def summary(card: Card) -> str:
    """Say in one line what a model tells apart, at which µm/px, and how well."""
    score, mitoses = card.metrics.get("mAP50"), card.metrics.get("F1 mitosis")
    parts = [f"{len(card.classes)} classes"]
    parts += [f"{card.mpp:g} µm/px"] if card.mpp is not None else []
    if mitoses is not None:
        parts.append(f"F1 {mitoses:.2f}")
    elif score is not None:
        parts.append(f"mAP50 {score:.2f}")
    return "  ·  ".join(parts)


def details(card: Card) -> str:
    """Return a card as rich text: a table of titles and what belongs to them."""
    rows = [
        ("Classes", "  ".join(_class(name) for name in card.classes)),
        ("Pixels", f"{card.mpp:g} µm/px" if card.mpp is not None else "any size"),
        ("Taught on", "<br>".join(_taught(data) for data in card.trained_on)),
        ("Taught from", escape(card.parent)),
        ("Measured", _measured(card)),
        ("Measured on", escape(card.validation)),
        ("Licence", escape(card.licence)),
        ("Use", escape(card.intended_use)),
        ("Made", f"{card.made[:10]} · {escape(card.id)}"),
    ]
    cells = "".join(
        f'<tr><td style="padding-right:8px"><b>{title}</b></td><td>{words}</td></tr>' for title, words in rows if words
    )
    return f'<table cellspacing="0" cellpadding="1">{cells}</table>'


def _class(name: str) -> str:
    red, green, blue = color_of(name)
    return f'<span style="color:rgb({red},{green},{blue})">■</span>&nbsp;{escape(name).replace(" ", "&nbsp;")}'


def _taught(data: TrainingData) -> str:
    licence = f" ({data.licence})" if data.licence else ""
    return escape(f"{data.name}{licence}: {data.images} images, {data.cells} cells")


def _measured(card: Card) -> str:
    lines = [f"{escape(words)}: <b>{figure(card, name)}</b>" for name, words in FIGURES.items() if name in card.metrics]
    classes = [f"{escape(name)} {figure(card, f'AP50 {name}')}" for name in card.classes if _known(card, name)]
    lines += [f"By class: {', '.join(classes)}"] if classes else []
    return "<br>".join(lines)


def _known(card: Card, name: str) -> bool:
    return f"AP50 {name}" in card.metrics


def figure(card: Card, name: str) -> str:
    """Say a figure of a card, with its 95 % interval where the card has one."""
    low, high = (card.metrics.get(f"{name} {bound}") for bound in BOUNDS)
    between = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
    return f"{card.metrics[name]:.2f}{between}"
