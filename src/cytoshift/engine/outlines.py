"""Outlines of cells: a polygon for those that have one, all in one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """Polygons in level-0 pixels, none for cells of which only the box is known.

    Parameters
    ----------
    points : ndarray of float32, shape (m, 2)
        x and y of the corners of all polygons, one polygon after the other; the first corner is not repeated.
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
        return bool(np.array_equal(self.starts, other.starts) and np.array_equal(self.points, other.points))

    def lists(self) -> Iterator[list[list[float]]]:
        """Yield every cell's polygon as a list of [x, y]; ``[]`` for none."""
        for start, end in pairwise(self.starts.tolist()):
            yield self.points[start:end].tolist() if end > start else []


def _starts(lengths: npt.ArrayLike) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int64)
