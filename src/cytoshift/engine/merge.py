"""Merge what neighbouring tiles found: every cell once, none lost on a seam.

A box belongs to the tile whose core holds its centre. Two tiles may place one cell on both sides of the seam
between them: then each tile owns it, or neither does. Doubles have centres at most so far apart as their operator
says: boxes of equal size that overlap by an IoU of ``t``, for one, ``side * (1 - t) / (1 + t)``. So a tile also hands
over the boxes whose centre lies that far outside its core, as guests; near the seams an own box suppresses its doubles
from other tiles, and a guest stays only where nobody owns the cell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cytoshift.engine.doubles import Doubles, Overlap, strongest
from cytoshift.engine.grid import Tile, TileGrid
from cytoshift.engine.measures import Measures, join_measures, no_measures, select_measures
from cytoshift.engine.operator import TileBoxes

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes of one or more tiles on the raster, before merging.

    Parameters
    ----------
    tiles : ndarray of int64, shape (n,)
        Index of the tile that found each box.
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in raster pixels, cut at the raster's edges.
    scores : ndarray of float32, shape (n,)
    labels : ndarray of int16, shape (n,)
    depths : ndarray of float32, shape (n,)
        Pixels from the centre to the nearest seam of the tile's core; negative for guests, outside it.
    measures : mapping of str to ndarray of float32, shape (n,)
    """

    tiles: npt.NDArray[np.int64]
    boxes: Array
    scores: Array
    labels: npt.NDArray[np.int16]
    depths: Array
    measures: Measures = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def own(self) -> npt.NDArray[np.bool_]:
        """Whether each box lies in its tile's own core."""
        return self.depths >= 0

    def select(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Candidates:
        """Return the boxes at a mask or indices."""
        return Candidates(
            self.tiles[which],
            self.boxes[which],
            self.scores[which],
            self.labels[which],
            self.depths[which],
            select_measures(self.measures, which),
        )

    @classmethod
    def join(cls, parts: Iterable[Candidates], measures: tuple[str, ...] = ()) -> Candidates:
        """Return all the boxes of many tiles; of none with the columns of measures."""
        every = list(parts) or [cls.none(measures)]
        return cls(
            np.concatenate([part.tiles for part in every]),
            np.concatenate([part.boxes for part in every]),
            np.concatenate([part.scores for part in every]),
            np.concatenate([part.labels for part in every]),
            np.concatenate([part.depths for part in every]),
            join_measures([part.measures for part in every]),
        )

    @classmethod
    def none(cls, measures: tuple[str, ...] = ()) -> Candidates:
        """Return no boxes."""
        tiles, boxes, empty = np.zeros(0, np.int64), np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        return cls(tiles, boxes, empty, np.zeros(0, np.int16), empty, no_measures(measures))


def candidates(grid: TileGrid, tile: Tile, found: TileBoxes, doubles: Doubles) -> Candidates:
    """Return the boxes of a tile that it owns, and those in reach of its core.

    Parameters
    ----------
    grid : TileGrid
    tile : Tile
    found : TileBoxes
        In pixels of the tile's window.
    doubles : Overlap or Distance
        How the operator recognises them.
    """
    offset = np.array([tile.x - grid.halo, tile.y - grid.halo] * 2, np.float64)
    boxes = found.boxes.astype(np.float64) + offset
    boxes = np.clip(boxes, 0, [grid.width, grid.height] * 2)
    sides = boxes[:, 2:] - boxes[:, :2]
    depths = _depths(grid, tile, (boxes[:, :2] + boxes[:, 2:]) / 2)
    reach = np.minimum(doubles.reach(sides.max(axis=1, initial=0)), grid.halo)
    keep = (sides > 0).all(axis=1) & ((depths >= 0) | (depths > -reach))
    return Candidates(
        np.full(int(keep.sum()), tile.index, np.int64),
        boxes[keep].astype(np.float32),
        found.scores[keep].astype(np.float32),
        found.labels[keep].astype(np.int16),
        depths[keep].astype(np.float32),
        select_measures(found.measures, keep),
    )


def _depths(grid: TileGrid, tile: Tile, centres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how deep centres lie in a core; the raster's own edges are no seams."""
    x0, y0, x1, y1 = tile.core
    low = np.where([x0 == 0, y0 == 0], -np.inf, [x0, y0])
    high = np.where([x1 == grid.width, y1 == grid.height], np.inf, [x1, y1])
    inner, outer = centres - low, high - centres
    outer = np.where(outer > 0, outer, np.minimum(outer, -np.finfo(np.float32).tiny))  # half-open
    depths: npt.NDArray[np.float64] = np.minimum(inner, outer).min(axis=1, initial=np.inf)
    return depths


def merge(found: Candidates, doubles: Doubles) -> Candidates:
    """Keep every cell once.

    Parameters
    ----------
    found : Candidates
        Boxes of all tiles, in any order.
    doubles : Overlap or Distance
        How boxes of two tiles around the same cell are recognised.

    Returns
    -------
    Candidates
        Sorted by tile, then by falling score, whatever the order in which the tiles came.
    """
    found = found.select(_ranking(found.tiles, found))
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1, initial=0)
    seam = found.depths < doubles.seam(sides)
    near = found.select(seam)
    keep = np.ones(len(found), np.bool_)
    keep[seam] = doubles.kept(near.boxes, _ranking(~near.own, near), near.tiles)
    return found.select(keep)


def _ranking(first: npt.NDArray[np.int64] | npt.NDArray[np.bool_], found: Candidates) -> npt.NDArray[np.int64]:
    """Sort by a key, then by falling score; ties by place, so that no order depends on chance."""
    x0, y0, x1, y1 = found.boxes.T
    return np.lexsort((found.tiles, found.labels, y1, x1, y0, x0, -found.scores, first)).astype(np.int64)


def nms(boxes: Array, scores: Array, iou: float) -> npt.NDArray[np.int64]:
    """Greedy non-maximum suppression, the same boxes in the same order as ``torchvision.ops.nms``.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1.
    scores : ndarray of float32, shape (n,)
    iou : float
        A box is dropped when it overlaps a better one by more.

    Returns
    -------
    ndarray of int64
        Indices of the boxes that are kept, by falling score.
    """
    return strongest(boxes, scores, Overlap(iou))
