"""Outlines of cells: a polygon for those that have one, with holes and in several parts, all in one array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]

Ring = list[list[float]]
"""Corners [x, y], the first one not repeated."""

Part = list[Ring]
"""The ring around a part of a cell, then those around its holes."""

HOLE, PART = 0.0, 1.0
"""What stands beside NaN in a row between two rings: the next one is a hole of this part, or around another part."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """Polygons in level-0 pixels, none for cells of which only the box is known.

    Parameters
    ----------
    points : ndarray of float32, shape (m, 2)
        x and y of the corners of all polygons, one polygon after the other; the first corner of a ring is not repeated.
        Between the rings of a polygon with holes, or of several parts, is a row of NaN and `HOLE` or `PART`.
    starts : ndarray of int64, shape (n + 1,)
        The polygon of cell i is ``points[starts[i] : starts[i + 1]]``; nothing where it has none.
    """

    points: Points
    starts: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 2 or self.starts[-1] != len(self.points):
            raise ValueError(f"outlines do not fit: {self.points.shape}, {self.starts[-1:]}")

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[Points]:
        return (self[at] for at in range(len(self)))

    def __getitem__(self, position: int) -> Points:
        return self.points[self.starts[position] : self.starts[position + 1]]

    def __bool__(self) -> bool:
        """Whether any cell has an outline."""
        return len(self.points) > 0

    @classmethod
    def none(cls, cells: int) -> Outlines:
        """Return no outline for any of some cells."""
        return cls(np.zeros((0, 2), np.float32), np.zeros(cells + 1, np.int64))

    @classmethod
    def of(cls, polygons: Sequence[npt.ArrayLike]) -> Outlines:
        """Return the outlines of some cells, each a list of points."""
        parts = [np.asarray(polygon, np.float32).reshape(-1, 2) for polygon in polygons]
        return cls(np.concatenate([np.zeros((0, 2), np.float32), *parts]), _starts([len(part) for part in parts]))

    @classmethod
    def joined(cls, parts: Sequence[Outlines]) -> Outlines:
        """Return outlines of several lots of cells as one."""
        points = np.concatenate([np.zeros((0, 2), np.float32), *(part.points for part in parts)])
        return cls(points, _starts(np.concatenate([np.zeros(0, np.int64), *(np.diff(p.starts) for p in parts)])))

    def select(self, which: npt.NDArray[Any]) -> Outlines:
        """Return the outlines at a boolean mask or indices."""
        if not self:
            return Outlines.none(len(np.arange(len(self))[which]))
        starts = _starts(np.diff(self.starts)[which])
        # where each corner comes from: its place in its own polygon, counted from where that began
        moved = np.repeat(self.starts[:-1][which] - starts[:-1], np.diff(starts))
        return Outlines(self.points[np.arange(starts[-1]) + moved], starts)

    def same(self, other: Outlines) -> bool:
        """Whether the corners are the same numbers."""
        return bool(
            np.array_equal(self.starts, other.starts) and np.array_equal(self.points, other.points, equal_nan=True)
        )

    def parts(self) -> Iterator[list[Part]]:
        """Yield the parts of every cell's polygon; ``[]`` for none."""
        simple = not np.isnan(self.points[:, 0]).any()
        for start, end in pairwise(self.starts.tolist()):
            points = self.points[start:end]
            yield ([[points.tolist()]] if simple else parts_of(points)) if end > start else []


def in_one(parts: Iterable[Sequence[Sequence[Sequence[float]]]]) -> list[float]:
    """Return the parts of a polygon as the numbers x, y, x, y of one outline."""
    numbers: list[float] = []
    for part in parts:
        for at, ring in enumerate(part):
            if numbers:
                numbers += (np.nan, HOLE if at else PART)
            numbers.extend(value for x, y in ring for value in (x, y))
    return numbers


def parts_of(outline: npt.NDArray[np.floating]) -> list[Part]:
    """Return the parts of one outline, each with its holes behind the ring around it."""
    cuts = np.flatnonzero(np.isnan(outline[:, 0]))
    parts: list[Part] = []
    for begins, ring in zip((PART, *outline[cuts, 1].tolist()), np.split(outline, cuts), strict=True):
        corners = (ring[1:] if len(ring) and np.isnan(ring[0, 0]) else ring).tolist()
        if begins == HOLE:
            parts[-1].append(corners)
        else:
            parts.append([corners])
    return parts


def area_of(parts: Iterable[Part]) -> float:
    """Return the area of a polygon in square pixels, without its holes."""
    return sum(_area(around) - sum(map(_area, holes)) for around, *holes in parts)


def _area(ring: Ring) -> float:
    """Return the area inside of a ring (shoelace formula), from its first corner so that far ones lose no digits."""
    x, y = (np.asarray(ring, np.float64) - ring[0]).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _starts(lengths: npt.ArrayLike) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int64)
