"""The card *Carry the detector across*: by which translator, from which labelled fields, and the start."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QFormLayout, QHBoxLayout, QSizePolicy, QWidget
from superqt import QElidingLabel

from cytoshift.jobs import TrainSpec
from cytoshift.jobs.carrying import RECIPE, carrying_spec, fields_of
from cytoshift.jobs.contents import Contents, contents_of_carrying
from cytoshift.models import COLOUR_TASKS, Card
from cytoshift.models.registry import STARTER
from napari_cytoshift.widgets.adapt_card import JobCard
from napari_cytoshift.widgets.adapt_contents import Look
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.workspace import Workspace

BOTH_LOOKS = 'distillation.view="mixed"'
"""Shows the student half of its views as they are, in varied stains."""


class CarryCard(JobCard):
    """Starts teaching the detector in use another look, on labelled fields as a translator shows them."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            "Carry the detector across",
            "Teach the detector in use the look of other slides; none of them needs a label",
            kind="carry",
        )
        self.fields = ""
        self.about = sentence("Teaches the detector in use another look. Your slides need no labels.")
        self.about.setToolTip(
            "It learns from labelled fields as a translator shows them, from itself looking at them as they are"
            " (alignment of features, LFA and CFA)"
        )
        self.translator = QComboBox()
        self.translator.setToolTip("Shows the labelled fields as your slides look; teach it under Between two labs")
        self.translator.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.translator.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.translator.activated.connect(self.refresh)
        self.place = QElidingLabel()
        self.choose = button("Choose…", "Labelled fields, in COCO's JSON", self.choose_fields)
        self.keep = QCheckBox("Keep knowing the old look")
        self.keep.setToolTip(
            "Half of what it learns from stays as it is, in varied stains; without it, it forgets the scanner it knows"
        )
        self.keep.setChecked(True)
        self.keep.toggled.connect(self.refresh)
        self._lay_out()
        self.refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.place, 1)
        row.addWidget(self.choose)
        fields = QWidget()
        fields.setLayout(row)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Look", self.translator)
        form.addRow("Fields", fields)
        form.addRow("", self.keep)
        self.inside.addWidget(self.about)
        self.inside.addLayout(form)
        self.inside.addWidget(self.contents)
        self.inside.addWidget(self.ready)
        self.inside.addWidget(self.begin)

    # What a person does

    def choose_fields(self) -> None:
        """Ask for labelled fields."""
        folder = str(self.workspace.state.get("folder", str(Path.home())))
        name, _ = QFileDialog.getOpenFileName(self, "Labelled fields", folder, "COCO (*.json)")
        if name:
            self.take_fields(name)

    def take_fields(self, path: str) -> None:
        """Learn from these labelled fields; from those that the detector learnt from where it is ``""``."""
        self.fields = path
        self.refresh()

    def specification(self) -> Callable[[], TrainSpec]:
        """Return what makes the specification of a job that carries the detector across."""
        study, registry = self.workspace.study.folder, self.workspace.registry.root
        translator, parent = str(self.translator.currentData()), self._parent
        fields, overrides = self.fields, self._overrides
        return lambda: carrying_spec(
            translator, study=study, parent=parent, fields=fields, overrides=overrides, registry=registry
        )

    def estimate(self) -> tuple[Hashable, Callable[[], float]]:
        """Return what the duration depends on: the detector in use and the settings."""
        registry, parent, overrides = self.workspace.registry, self._parent, self._overrides

        def seconds() -> float:
            from cytoshift.jobs.duration_detector import learning_seconds

            return learning_seconds(registry.find(parent, "detector").card, overrides, RECIPE)

        return (parent, overrides), seconds

    # What the card shows

    def look(self) -> Look:
        """Return what makes the contents of what is chosen."""
        registry, parent, fields = self.workspace.registry, self._parent, self.fields
        translator = str(self.translator.currentData())

        def contents() -> Contents:
            detector, look = registry.find(parent, "detector"), registry.find(translator, *COLOUR_TASKS)
            return contents_of_carrying(detector.card, look.card, fields)

        return (parent, translator, fields), contents

    def show_state(self) -> None:
        """Show the translators, the fields, and what is missing."""
        registry = self.workspace.registry
        cards = {card.id: card for card in registry.list("detector")}
        used = cards.get(registry.adopted("detector") or "") or next(iter(cards.values()), None)
        self._show_translators(registry.list("translation"))
        known = used is not None and bool(fields_of(used))
        self.place.setText(Path(self.fields).name if self.fields else "those it learnt from" if known else "none yet")
        self.place.setToolTip(self.fields)
        if used is None:
            self.show_ready("Still missing: a detector; import one with: cytoshift models import FOLDER")
        elif not self.translator.count():
            self.show_ready("Still missing: a translator to the look of your slides; teach one (Between two labs).")
        elif not self.fields and not known:
            self.show_ready("Still missing: labelled fields; what the detector learnt from is not at hand.")
        else:
            self.show_ready("")

    def _show_translators(self, cards: list[Card]) -> None:
        rows = [(card.title, card.id) for card in cards]
        if rows != [(self.translator.itemText(i), self.translator.itemData(i)) for i in range(self.translator.count())]:
            chosen = self.translator.currentData()
            self.translator.clear()
            for title, name in rows:
                self.translator.addItem(title, name)
            self.translator.setCurrentIndex(max(self.translator.findData(chosen), 0) if rows else -1)

    @property
    def _overrides(self) -> tuple[str, ...]:
        """Settings of the recipe, as the card is filled in."""
        return (*self.further, BOTH_LOOKS) if self.keep.isChecked() else self.further

    @property
    def _parent(self) -> str:
        """The detector in use."""
        return self.workspace.registry.adopted("detector") or STARTER
