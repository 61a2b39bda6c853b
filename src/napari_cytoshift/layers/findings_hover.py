"""What is known of the cell under the mouse, in a tooltip on the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QToolTip

from cytoshift.mitosis.crops import PHASE
from cytoshift.study.change import State

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.study.cells import Cells
    from napari_cytoshift.layers.findings import ShownCells

RESTED_MS = 350
"""The mouse rests this long on a cell before anything is said."""


class CellHover:
    """Says class, score and measures of the cell on which the mouse rests.

    Parameters
    ----------
    viewer : Viewer
    shown : ShownCells
    """

    def __init__(self, viewer: Viewer, shown: ShownCells) -> None:
        self._shown = shown
        self._point: tuple[float, float] | None = None
        self._said = ""
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.setInterval(RESTED_MS)
        self._rest.timeout.connect(self._say)
        viewer.mouse_move_callbacks.append(self._on_move)

    def _on_move(self, viewer: Viewer, event: Any) -> None:
        slide = self._shown.slide
        if slide is None or not len(self._shown.cells):
            return
        x, y = slide.frame.level0_from_world(event.position[-2:]).tolist()
        self._point = (x, y)
        self._rest.start()
        if self._said:
            self._said = ""
            QToolTip.hideText()

    def _say(self) -> None:
        cell = "" if self._point is None else self._shown.at(*self._point)
        position = self._shown.position(cell)
        self._said = "" if position is None else words(self._shown.cells, position)
        if self._said:
            QToolTip.showText(QCursor.pos(), self._said)


def words(cells: Cells, position: int) -> str:
    """Say class and score of a cell, what was measured of it, and its likeliest phase."""
    name = cells.label(position)
    added = cells.states[position] == State.ADDED
    lines = [name if added else f"{name}  {cells.scores[position]:.2f}"]
    measured = {key: float(values[position]) for key, values in cells.measures.items()}
    measured = {key: value for key, value in measured.items() if not np.isnan(value)}
    phases = {key.removeprefix(PHASE): value for key, value in measured.items() if key.startswith(PHASE)}
    lines += [f"{key} {value:.2f}" for key, value in measured.items() if not key.startswith(PHASE)]
    if phases:
        likeliest = max(phases, key=phases.__getitem__)
        lines.append(f"{likeliest} {phases[likeliest]:.2f}")
    return "\n".join(lines)
