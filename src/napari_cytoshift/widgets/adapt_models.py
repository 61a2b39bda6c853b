"""The models of this computer as a tree: which comes from which, what each is worth, and which is in use."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from cytoshift.models import Card, Registry
from cytoshift.models.lineage import Kin, trees, worth
from napari_cytoshift.widgets.adapt_fold import Fold
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.workspace import Workspace

TASKS = {
    "detector": "Detectors",
    "mitosis": "Classifiers of mitoses",
    "translation": "Translators",
    "stain": "Colours",
}
"""Headings, in the order in which they are shown."""

HEIGHT = 150
"""Of the tree in screen pixels; the rest is scrolled to, so that the dock never grows."""

WORDS_HEIGHT = 84
"""Of what is said of the chosen model; the tooltip says all."""

NAME = int(Qt.ItemDataRole.UserRole)


class Seen(NamedTuple):
    """What a thread saw: the trees, which model is in use for each task, and which ones ever were adopted."""

    roots: tuple[Kin, ...]
    in_use: dict[str, str | None]
    adopted: frozenset[str]


class ModelsFold(Fold):
    """Shows the models, and uses the one that a person chooses.

    Attributes
    ----------
    decided : Signal(object, str)
        What is to be done with the models, and the words for it.
    said : Signal(str)
        A sentence for a person.
    failed : Signal(BaseException)
    """

    decided = Signal(object, str)
    said = Signal(str)
    failed = Signal(object)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("Models", "Which model comes from which, what each is worth, and which is in use")
        self.workspace = workspace
        self.tree, self.about = QTreeWidget(), sentence()
        self.about.setTextFormat(Qt.TextFormat.RichText)
        self.tree.setFixedHeight(HEIGHT)
        self.about.setFixedHeight(WORDS_HEIGHT)  # before it is laid out Qt believes it much taller
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.tree.setColumnCount(2)
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(12)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # where it was taught stands at the end
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.setToolTip("Indented below a model are those that were taught from it; the one in use is bold")
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.use = button("Adopt", "Use the chosen model from now on; it can be taken back", self.use_chosen)
        for widget in (self.tree, self.about, self.use):
            self.inside.addWidget(widget)
        self._seen = Seen((), {}, frozenset())
        self._wanted, self._wish = "", 0
        self.tree.currentItemChanged.connect(lambda *_: self._describe())
        self.turned.connect(lambda on: self.refresh())

    # What a person does

    def use_chosen(self) -> None:
        """Use the chosen model from now on."""
        name = self.chosen
        if name:
            again = name in self._seen.adopted
            words = "The model that was used before is in use again." if again else "The model is in use."
            self.decided.emit(lambda: self.workspace.registry.adopt(name), words)

    def show_model(self, name: str) -> None:
        """Choose a model by its id, and open the card; where it is gone, say so."""
        self._wanted = name
        self.set_open(True)
        self.refresh()

    # What the card shows

    @property
    def chosen(self) -> str:
        """Id of the chosen model; ``""`` where none is chosen, or one that is not here any more."""
        item = self.tree.currentItem()
        kin = None if item is None else item.data(0, NAME)
        return kin.id if isinstance(kin, Kin) and kin.card is not None else ""

    def refresh(self, *_: object) -> None:
        """Read the models in a thread, while the card is open."""
        if not self.open:
            return
        self._wish += 1
        wish, registry = self._wish, self.workspace.registry

        def take(seen: Seen) -> None:
            if wish == self._wish:
                self._fill(seen)

        self.workspace.start(
            "Reading the models", lambda work: _look(registry), done=take, failed=self.failed.emit, in_activity=False
        )

    def _fill(self, seen: Seen) -> None:
        self._seen = seen
        chosen = self._wanted or self.chosen
        self.tree.clear()
        for task, title in TASKS.items():
            roots = [root for root in seen.roots if _task(root) == task]
            if roots:
                heading = QTreeWidgetItem([title])
                heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
                self.tree.addTopLevelItem(heading)
                heading.setFirstColumnSpanned(True)
                for root in roots:
                    self._hang(heading, root)
        self.tree.expandAll()
        here = self._item_of(chosen or seen.in_use.get("detector") or "")
        if here is not None:
            self.tree.setCurrentItem(here)
            self.tree.scrollToItem(here)
        elif self._wanted:
            self.said.emit(
                f"The model {self._wanted} is not here any more; import it again to see where it comes from."
            )
        self._wanted = ""
        self._describe()

    def _hang(self, above: QTreeWidgetItem, kin: Kin) -> None:
        item = QTreeWidgetItem([_title(kin), "" if kin.card is None else worth(kin.card, brief=True)])
        item.setData(0, NAME, kin)
        item.setToolTip(0, kin.id)
        item.setToolTip(1, "" if kin.card is None else worth(kin.card))
        font = item.font(0)
        font.setBold(kin.id in self._seen.in_use.values())
        font.setItalic(kin.card is None)
        item.setFont(0, font)
        above.addChild(item)
        for child in kin.children:
            self._hang(item, child)

    def _item_of(self, name: str) -> QTreeWidgetItem | None:
        stack = [self.tree.topLevelItem(k) for k in range(self.tree.topLevelItemCount())]
        while stack:
            item = stack.pop()
            if item is None:
                continue
            kin = item.data(0, NAME)
            if isinstance(kin, Kin) and kin.id == name:
                return item
            stack += [item.child(k) for k in range(item.childCount())]
        return None

    def _describe(self) -> None:
        item = self.tree.currentItem()
        kin = None if item is None else item.data(0, NAME)
        card = kin.card if isinstance(kin, Kin) else None
        in_use = card is not None and self._seen.in_use.get(card.task) == card.id
        words = "" if card is None else details(card)
        self.about.setText(words)
        self.about.setToolTip(words)
        self.use.setEnabled(card is not None and not in_use)
        again = card is not None and card.id in self._seen.adopted
        self.use.setText("In use" if in_use else "Go back there" if again else "Adopt")


def details(card: Card) -> str:
    """Say where a model comes from: a few lines of rich text."""
    data = "; ".join(dict.fromkeys(each.name for each in card.trained_on)) or "data that its card does not name"
    recipe = str(card.recipe.get("id", "")) or "no recipe"
    lines = [
        f"<b>{escape(card.title)}</b>",
        escape(worth(card)),
        f"{card.made[:10]}, learnt from {escape(data)}",
        f"{escape(recipe)}, seed {card.seed}" + (f", code {escape(card.code_version)}" if card.code_version else ""),
        escape(card.id) + (f", from {escape(card.parent)}" if card.parent else ""),
    ]
    return "<br>".join(line for line in lines if line)


def _look(registry: Registry) -> Seen:
    adopted = frozenset(decision.model for decision in registry.history() if decision.action == "adopt")
    return Seen(trees(registry.list()), registry.in_use(), adopted)


def _task(root: Kin) -> str:
    """Return the task of a tree; of a root that is gone, what its children are for."""
    return next((kin.card.task for _, kin in root.line() if kin.card is not None), "")


def _title(kin: Kin) -> str:
    return f"{kin.id} (no longer here)" if kin.card is None else kin.card.title
