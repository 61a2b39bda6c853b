"""The cells of a search that is still running: each new part costs as much as it holds, whatever came before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells, Ids

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings, Provenance

FIRST = 1024
"""Cells there is room for at first; the room doubles when it is full."""


class GrowingCells:
    """Findings of one search as they arrive, as `Cells`. Cells that were handed out stay as they are.

    Parameters
    ----------
    search : Provenance or None
        The very object that all findings of the search share.
    """

    def __init__(self, search: Provenance | None) -> None:
        self.search = search
        self._length = 0
        self._columns = _room(FIRST)

    def add(self, part: Findings) -> Cells:
        """Put findings of the same search behind those before, and return all of them; no array is copied."""
        start, self._length = self._length, self._length + len(part)
        if self._length > len(self._columns[0]):
            full, self._columns = self._columns, _room(2 * self._length)
            for old, new in zip(full, self._columns, strict=True):
                new[:start] = old[:start]
        indices, boxes, scores, labels, states, corrected = self._columns
        for column, values in ((boxes, part.boxes), (scores, part.scores), (labels, part.labels)):
            column[start : self._length] = values
        n = self._length
        ids = Ids("", indices[:n], ())
        return Cells(ids, boxes[:n], scores[:n], labels[:n], states[:n], corrected[:n], part.classes)


def _room(length: int) -> tuple[npt.NDArray[Any], ...]:
    """Return columns of a length: indices, boxes, scores, labels, states and corrected, the last two all zero."""
    return (
        np.arange(length, dtype=np.int64),
        np.empty((length, 4), np.float32),
        np.empty(length, np.float32),
        np.empty(length, np.int16),
        np.zeros(length, np.uint8),
        np.zeros(length, np.bool_),
    )
