"""What is drawn around a cell: its outline where one is known, else its box."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cytoshift.engine.outlines import parts_of

if TYPE_CHECKING:
    from cytoshift.engine.outlines import Outlines
    from cytoshift.study import Study
    from napari_cytoshift.layers.findings import ShownCells

Ring = tuple[tuple[float, float], ...]
"""Corners x, y in level-0 pixels, the first one not repeated."""

Floats = npt.NDArray[np.float64]


class CellOutlines:
    """The outlines of cells that were imported or drawn.

    Those of imported cells are read in a thread when a view first needs them; boxes stand in till then.

    Parameters
    ----------
    come : callable
        Called when outlines have been read.
    """

    def __init__(self, come: Callable[[], None]) -> None:
        self._come = come
        self._study: Study | None = None
        self._known: dict[str, Outlines | None] = {}

    def rings(self, shown: ShownCells, which: npt.NDArray[np.int64]) -> list[Ring]:
        """Return what is drawn around some cells; an outline follows its cell where that was moved or resized."""
        part = shown.cells.select(which)
        rings = [ring(*box) for box in part.boxes.tolist()]
        for event, here, numbers in part.ids.imported():
            outlines = self._outlines(shown, event) if len(here) else None
            for at, number in zip(here.tolist(), numbers.tolist(), strict=True) if outlines else ():
                corners = outlines[number] if outlines else ()
                if len(corners) > 2:
                    rings[at] = _fitted(np.asarray(corners, np.float64), part.boxes[at].tolist())
        for at in np.flatnonzero(part.ids.numbers < 0).tolist():
            drawn = shown.workspace.study.outline_of(part.ids[at])
            if drawn:
                rings[at] = _fitted(np.asarray(drawn, np.float64), part.boxes[at].tolist())
        return rings

    def _outlines(self, shown: ShownCells, event: str) -> Outlines | None:
        study = shown.workspace.study
        if study is not self._study:
            self._study, self._known = study, {}
        if event not in self._known:
            self._known[event] = None

            def take(outlines: Outlines) -> None:
                if study is self._study:
                    self._known[event] = outlines
                    self._come()

            shown.workspace.start(
                "Reading the outlines", lambda work: study.outlines(event), done=take, in_activity=False
            )
        return self._known[event]


def _fitted(outline: Floats, box: list[float]) -> Ring:
    """Return an outline stretched to a box: the one around it, but where a person moved or resized the cell."""
    corners = _one_line(outline)
    low, high = corners.min(axis=0), corners.max(axis=0)
    stretch = (np.array(box[2:]) - box[:2]) / np.maximum(high - low, 1e-6)
    return tuple((x, y) for x, y in ((corners - low) * stretch + box[:2]).tolist())


def _one_line(outline: Floats) -> Floats:
    """Return an outline as one closed line, as napari draws polygons: there and back between holes and parts.

    Where it goes to another ring it leaves at the corner that is nearest to that, and comes back there.
    """
    line, *others = [np.asarray(ring) for part in parts_of(outline) for ring in part]
    for ring in others:
        apart = np.linalg.norm(line[:, None] - ring[None], axis=2)
        at, to = divmod(int(np.argmin(apart)), len(ring))
        round_ = np.concatenate([ring[to:], ring[: to + 1], line[at : at + 1]])
        line = np.insert(line, at + 1, round_, axis=0)
    return line


def ring(x0: float, y0: float, x1: float, y1: float) -> Ring:
    """Return the corners of a box."""
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)
