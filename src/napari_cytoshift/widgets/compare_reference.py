"""The reference whose colours a slide is to take on: chosen, drawn, taken from a model, saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_cytoshift.reference_region import end_region, start_region, take_region
from napari_cytoshift.sights import BUILT_IN, BUILT_INS, MODEL, at_home, measure_region, save_reference
from napari_cytoshift.state import home
from napari_cytoshift.widgets.dock import button, sentence

if TYPE_CHECKING:
    from cytoshift.models import Card
    from napari_cytoshift.background import Work
    from napari_cytoshift.sights import Sight
    from napari_cytoshift.workspace import Workspace

FILE, REGION = "file", "region"
"""Entries that are no reference but a way to get one."""

REMEMBERED = 8


class ReferenceChooser(QWidget):
    """A list of references and the ways to more of them.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    chosen : Signal(str)
        The name of a reference (see `Choice`) that a person chose.
    working : Signal(object)
        Work that was started.
    failed : Signal(object)
        An error.
    said : Signal(str)
        One sentence for the person.
    """

    chosen = Signal(str)
    working = Signal(object)
    failed = Signal(object)
    said = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.combo = QComboBox()
        self.combo.setToolTip("Whose colours the slide is to take on")
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.save = button("Save…", "Save this reference as a file that can be used on other slides", self.choose_file)
        self.take = button("Take this region", "Measure the colours in the box you drew", self.take_region)
        self.leave = button("Leave it", "Draw no region", self.leave_region)
        self._cards: Sequence[Card] = ()
        self._sight: Sight | None = None
        self._drawing = QWidget()
        self._lay_out()
        self.fill(())
        self.combo.activated.connect(self._on_activated)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Reference"))
        row.addWidget(self.combo, 1)
        row.addWidget(self.save)
        drawing = QVBoxLayout(self._drawing)
        drawing.setContentsMargins(0, 0, 0, 0)
        drawing.addWidget(sentence("Drag a box over tissue on this or any other open slide, then take it."))
        buttons = QHBoxLayout()
        buttons.addWidget(self.take, 1)
        buttons.addWidget(self.leave)
        drawing.addLayout(buttons)
        self._drawing.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._drawing)

    @property
    def name(self) -> str:
        """The name of the chosen reference; ``""`` for the one built in."""
        return str(self.combo.currentData() or "")

    # What others set

    def fill(self, cards: Sequence[Card]) -> None:
        """Offer references: built in, where models are at home, used before, and the ways to new ones."""
        chosen = self.name or self.workspace.state.get("reference", "")
        self._cards = cards
        self.combo.clear()
        self.combo.addItem("Built in", "")
        for name, title in BUILT_INS.items():
            self.combo.addItem(title, BUILT_IN + name)
        self.combo.setItemData(0, "The one that suits the method", Qt.ItemDataRole.ToolTipRole)
        for card in at_home(cards):
            self.combo.addItem(f"Home of {card.title}", MODEL + card.id)
        for path in self.workspace.state.get("references", []):
            if Path(path).exists():
                self.combo.addItem(Path(path).name.removesuffix(".json"), path)
                self.combo.setItemData(self.combo.count() - 1, path, Qt.ItemDataRole.ToolTipRole)
        self.combo.insertSeparator(self.combo.count())
        self.combo.addItem("An image or a saved reference…", FILE)
        self.combo.addItem("A region drawn on a slide…", REGION)
        self._select(chosen)

    def show_reference(self, sight: Sight | None) -> None:
        """Show the reference of what is seen now."""
        self._sight = sight
        if sight is not None and sight.method != "white" and not sight.method.startswith(MODEL):
            self._select(sight.reference)
        self.save.setEnabled(self._savable)

    @property
    def _savable(self) -> bool:
        return bool(self.name)

    def _select(self, name: str) -> None:
        at = self.combo.findData(name)
        self.combo.setCurrentIndex(max(at, 0))

    # What a person does

    def add(self, path: str) -> None:
        """Remember a reference and choose it."""
        known = [one for one in self.workspace.state.get("references", []) if one != path]
        self.workspace.state.set("references", [path, *known][:REMEMBERED])
        self.fill(self._cards)
        self.choose(path)

    def choose(self, name: str) -> None:
        """Choose a reference that is in the list."""
        self._select(name)
        self.workspace.state.set("reference", self.name)
        self.save.setEnabled(self._savable)
        self.chosen.emit(self.name)

    def choose_image(self) -> None:
        """Ask for an image, a slide or a saved reference."""
        folder = self.workspace.state.get("folder", str(Path.home()))
        name, _ = QFileDialog.getOpenFileName(self, "Choose an image, a slide or a saved reference", folder)
        if name:
            self.add(name)

    def start_region(self) -> None:
        """Let a person draw the region whose colours are the reference."""
        if self.workspace.viewer is not None:
            start_region(self.workspace.viewer)
            self._drawing.show()

    def leave_region(self) -> None:
        """Stop drawing a region."""
        if self.workspace.viewer is not None:
            end_region(self.workspace.viewer)
        self._drawing.hide()

    def take_region(self) -> Work | None:
        """Measure the region that was drawn, in a thread, keep it and choose it."""
        viewer = self.workspace.viewer
        drawn = None if viewer is None else take_region(viewer)
        self._drawing.hide()
        if drawn is None:
            self.said.emit("No region was drawn: choose “A region drawn on a slide…” again and drag a box over tissue.")
            return None
        slide, box = drawn
        work = self.workspace.start(
            f"Measuring a region of {slide.name}",
            lambda work: str(measure_region(slide, box, home() / "references")),
            done=self.add,
            failed=self.failed.emit,
        )
        self.working.emit(work)
        return work

    def choose_file(self) -> None:
        """Ask where the reference is to be saved."""
        folder = Path(self.workspace.state.get("folder", str(Path.home())))
        suggested = folder / f"{Path(self.combo.currentText()).stem}.json"
        name, _ = QFileDialog.getSaveFileName(self, "Save this reference", str(suggested), "Reference (*.json)")
        if name:
            self.save_to(Path(name).with_suffix(".json"))

    def save_to(self, path: Path) -> Work:
        """Write the chosen reference, in a thread."""
        name, registry = self.name, self.workspace.registry
        work = self.workspace.start(
            f"Saving {path.name}",
            lambda work: save_reference(name, registry, path),
            done=lambda written: self.said.emit(f"The reference is saved as {written}."),
            failed=self.failed.emit,
            in_activity=False,
        )
        self.working.emit(work)
        return work

    def _on_activated(self, index: int) -> None:
        name = self.combo.itemData(index)
        if name not in (FILE, REGION):
            self.choose(name)
            return
        self._select(self.workspace.state.get("reference", ""))
        if name == FILE:
            self.choose_image()
        else:
            self.start_region()
