"""How doubles are recognised, two boxes around one cell: by their overlap, or by the distance of their centres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Boxes that overlap by more than ``iou`` are one cell."""

    iou: float = 0.5

    def reach(self, sides: Boxes) -> Boxes:
        """Return how far apart the centres of doubles can be, by the longer sides of boxes of equal size."""
        return sides * np.float32((1 - self.iou) / (1 + self.iou))

    def seam(self, sides: Boxes) -> Boxes:
        """Return how deep in its own core a box can have a double that another tile owns or hands over."""
        return 2 * sides

    def kept(self, boxes: Boxes, order: Indices, groups: Indices) -> npt.NDArray[np.bool_]:
        """Return which boxes stay: see `cytoshift.engine.suppress.greedy`."""
        from cytoshift.engine.suppress import greedy

        return greedy(boxes, order, groups, self.iou)


@dataclass(frozen=True, slots=True)
class Distance:
    """Boxes whose centres are at most ``pixels`` of the operator's raster apart are one cell, whatever their size."""

    pixels: float

    def reach(self, sides: Boxes) -> Boxes:
        """Return how far apart the centres of doubles can be."""
        return np.full_like(sides, self.pixels)

    def seam(self, sides: Boxes) -> Boxes:
        """Return how deep in its own core a box can have a double that another tile owns or hands over."""
        return np.full_like(sides, 2 * self.pixels)

    def kept(self, boxes: Boxes, order: Indices, groups: Indices) -> npt.NDArray[np.bool_]:
        """Return which boxes stay: see `cytoshift.engine.suppress.greedy_apart`."""
        from cytoshift.engine.suppress import greedy_apart

        return greedy_apart(boxes, order, groups, self.pixels)


Doubles = Overlap | Distance


def strongest(boxes: Boxes, scores: npt.NDArray[np.float32], doubles: Doubles) -> Indices:
    """Return the boxes that stay when each drops its doubles of lower score.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1.
    scores : ndarray of float32, shape (n,)
    doubles : Overlap or Distance

    Returns
    -------
    ndarray of int64
        Indices of the boxes that are kept, by falling score.
    """
    order = np.argsort(-scores, kind="stable").astype(np.int64)
    kept = doubles.kept(boxes, order, np.arange(len(boxes)))
    return order[kept[order]]
