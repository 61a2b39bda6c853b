"""How much of a slide a person has looked at closely enough to have seen its cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.slides.slide import Slide
from napari_cytoshift.view import Box

CLOSE_ENOUGH = 10.0
"""Magnification from which what is in the view counts as seen."""

GRID = 160


class Seen:
    """A coarse grid over a slide that remembers which of its cells were in the view.

    Parameters
    ----------
    slide : Slide
    """

    def __init__(self, slide: Slide) -> None:
        level = slide.levels[0]
        self._cell = max(level.height, level.width) / GRID
        rows, columns = (max(1, round(side / self._cell)) for side in (level.height, level.width))
        self.grid: npt.NDArray[np.bool_] = np.zeros((rows, columns), np.bool_)

    @property
    def share(self) -> float:
        """Share of the slide that was seen."""
        return float(self.grid.mean())

    def look(self, box: Box, magnification: float) -> bool:
        """Count a view (level-0 pixels) that rested; return whether it showed anything new."""
        if magnification < CLOSE_ENOUGH * 0.99:
            return False
        x0, y0, x1, y1 = (round(value / self._cell) for value in box)
        part = self.grid[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        new = bool(part.size) and not part.all()
        part[...] = True
        return new
