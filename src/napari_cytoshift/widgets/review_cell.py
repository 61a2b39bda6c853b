"""The cell to decide on: its picture, what is known of it, and how it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cytoshift.study.change import State
from cytoshift.study.palette import color_of
from napari_cytoshift.widgets.dock import button
from napari_cytoshift.widgets.found_by import FoundBy
from napari_cytoshift.widgets.gallery_context import WORDS
from napari_cytoshift.widgets.review_crop import CellCrop, Scale
from napari_cytoshift.widgets.review_order import ATYPICAL, phase_of

if TYPE_CHECKING:
    from cytoshift.engine.findings import Provenance
    from cytoshift.study.agreement import TwiceRead
    from napari_cytoshift.widgets.review_keys import ReviewKeys
    from napari_cytoshift.widgets.review_work import Review

SIDE = 150
"""Side of the picture in screen pixels."""

MICRONS = (24, 32, 48, 64)
POWERS = (10, 20, 40, 63)


class CurrentCell(QWidget):
    """Shows the selected cell of a `Review`.

    Attributes
    ----------
    scaled : Signal()
        A person chose another physical size.
    power_chosen : Signal()
        A person chose another magnification of the view.
    """

    scaled = Signal()
    power_chosen = Signal()

    def __init__(self, work: Review, keys: ReviewKeys) -> None:
        super().__init__()
        self._work = work
        self.crop = CellCrop(work.workspace, SIDE)
        self.label, self.state = QLabel(), QLabel()
        self.label.setTextFormat(Qt.TextFormat.RichText)
        self.state.setWordWrap(True)
        self.found = FoundBy(work.workspace)
        self._microns, self._power = QComboBox(), QComboBox()
        _choices(self._microns, MICRONS, "{} µm", self.scale_of_state(), "Side of the pictures of cells, everywhere")
        power = work.workspace.state.get("review_power", 40)
        _choices(self._power, POWERS, "{}×", power, "Magnification at which the view follows, until you zoom")
        back, forth = button("Back", "", lambda: work.step(-1)), button("Next", "", lambda: work.step(1))
        keys.label(back, "Back", "The cell before", "previous_cell")
        keys.label(forth, "Next", "Next cell that nobody decided on", "next_cell")
        self._lay_out(back, forth)
        self._microns.activated.connect(self._on_microns)
        self._power.activated.connect(self._on_power)

    @property
    def scale(self) -> Scale:
        """How much the pictures of cells show."""
        return Scale(float(self._microns.currentData()))

    @property
    def power(self) -> float:
        """Magnification at which cells are shown in the view."""
        return float(self._power.currentData())

    def scale_of_state(self) -> int:
        """Return the side in µm that was chosen last."""
        return int(self._work.workspace.state.get("review_microns", 48))

    def show_cell(self, twice: TwiceRead | None = None) -> None:
        """Show the selected cell, or one that two readers disagree about."""
        work, position = self._work, self._work.current
        slide, cells = work.shown.slide, work.cells
        self.found.show_made(None if twice is not None or position is None else self._made(position))
        if twice is not None and slide is not None:
            self.label.setText("<b>Readers disagree</b>")
            self.state.setText("\n".join(work.settling.words(twice)))
            self.crop.show_box(slide, twice.box, color_of(twice.opinions[0].says), self.scale)
        elif slide is None or position is None:
            self.crop.clear()
            self.label.setText("")
            self.state.setText("")
        else:
            name, state = cells.label(position), State(int(cells.states[position]))
            score = "" if state == State.ADDED else f"  {cells.scores[position]:.2f}"
            self.label.setText(f"<b>{name}</b>{score}")
            self.state.setText("\n".join([WORDS[state], *self._measured(position)]))
            x0, y0, x1, y1 = cells.boxes[position].tolist()
            self.crop.show_box(slide, (x0, y0, x1, y1), color_of(name), self.scale)

    def _made(self, position: int) -> Provenance | None:
        """Return the search that found a cell; None for one that a person added or a file brought."""
        slide, ids = self._work.shown.slide, self._work.cells.ids
        findings = None if slide is None else self._work.workspace.findings(slide)
        if findings is None or not 0 <= int(ids.numbers[position]) < len(findings):
            return None
        return findings.provenance

    def say(self, text: str) -> None:
        """Show a sentence in place of a cell's state."""
        self.state.setText(text)

    def _measured(self, position: int) -> list[str]:
        cells = self._work.cells
        lines = [phase_of(cells, position)]
        if ATYPICAL in cells.measures and cells.measures[ATYPICAL][position] >= 0:
            lines.append(f"atypical {cells.measures[ATYPICAL][position]:.2f}")
        selected = len(self._work.selection)
        if selected > 1:
            lines.append(f"{selected} cells selected")
        return [line for line in lines if line]

    def _lay_out(self, back: QPushButton, forth: QPushButton) -> None:
        facts, chosen = QVBoxLayout(), QGridLayout()
        facts.addWidget(self.label)
        facts.addWidget(self.state)
        facts.addWidget(self.found)
        facts.addStretch(1)
        chosen.setSpacing(4)
        for place, widget in enumerate((back, forth, self._microns, self._power)):
            chosen.addWidget(widget, place // 2, place % 2)
        facts.addLayout(chosen)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.crop)
        row.addLayout(facts, 1)

    def _on_microns(self) -> None:
        self._work.workspace.state.set("review_microns", self._microns.currentData())
        self.show_cell()
        self.scaled.emit()

    def _on_power(self) -> None:
        self._work.workspace.state.set("review_power", self._power.currentData())
        self.power_chosen.emit()


def _choices(box: QComboBox, values: tuple[int, ...], words: str, chosen: int, tip: str) -> None:
    for value in values:
        box.addItem(words.format(value), value)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    box.setToolTip(tip)
