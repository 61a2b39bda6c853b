"""How cells look: the colour of their class, and a line that tells what is known of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells
from cytoshift.study.change import State
from cytoshift.study.palette import color_of

Colors = npt.NDArray[np.float32]


class Line(NamedTuple):
    """A state's line: opacity, width in screen pixels, opacity of the fill."""

    opacity: float
    width: float
    fill: float


LINES: dict[State, Line] = {
    State.PREDICTED: Line(1.0, 2.0, 0.0),
    State.ACCEPTED: Line(1.0, 4.0, 0.0),
    State.REJECTED: Line(0.35, 1.5, 0.0),
    State.UNSURE: Line(0.55, 4.0, 0.0),
    State.ADDED: Line(1.0, 4.0, 0.15),
}
"""Predictions are thin, accepted cells bold, rejected ones faint, unsure ones pale, added ones lightly filled."""

FILL = 0.35
"""Opacity of the face of a cell that is filled."""

SELECTION = (0.0, 0.45, 0.70, 1.0)
"""Okabe and Ito's blue, which no Bethesda class has."""

REGION = (0.0, 0.45, 0.70, 0.65)


def class_colors(classes: tuple[str, ...]) -> Colors:
    """Return the colours of classes ``(n, 3)``, red, green, blue from 0 to 1."""
    colors = np.array([color_of(name) for name in classes], np.float32).reshape(-1, 3)
    return colors / np.float32(255)


def line_colors(cells: Cells) -> Colors:
    """Return the colour of every cell's line ``(n, 4)``."""
    colors = np.ones((len(cells), 4), np.float32)
    colors[:, :3] = class_colors(cells.classes)[cells.labels]
    colors[:, 3] = _by_state(cells, 0)
    return colors


def face_colors(cells: Cells, filled: bool) -> Colors:
    """Return the colour of every cell's face ``(n, 4)``: added ones are always lightly filled."""
    colors = line_colors(cells)
    colors[:, 3] = np.maximum(_by_state(cells, 2), FILL * colors[:, 3] * filled)
    return colors


def line_widths(cells: Cells) -> npt.NDArray[np.float32]:
    """Return the width of every cell's line in screen pixels."""
    return _by_state(cells, 1)


def _by_state(cells: Cells, part: int) -> npt.NDArray[np.float32]:
    table = np.array([LINES[state][part] for state in State], np.float32)
    return table[cells.states]
