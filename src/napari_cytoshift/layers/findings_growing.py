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
        self._columns = _room(FIRST, 0)

    def add(self, part: Findings) -> Cells:
        """Put findings of the same search behind those before, and return all of them; no array is copied."""
        start, self._length = self._length, self._length + len(part)
        if not start:
            self._columns = _room(FIRST, len(part.measures))
        if self._length > len(self._columns[0]):
            full, self._columns = self._columns, _room(2 * self._length, len(part.measures))
            for old, new in zip(full, self._columns, strict=True):
                new[:start] = old[:start]
        indices, boxes, scores, labels, states, corrected, *measured = self._columns
        found = (part.boxes, part.scores, part.labels, *part.measures.values())
        for column, values in zip((boxes, scores, labels, *measured), found, strict=True):
            column[start : self._length] = values
        n = self._length
        ids = Ids("", indices[:n], ())
        measures = {name: column[:n] for name, column in zip(part.measures, measured, strict=True)}
        return Cells(ids, boxes[:n], scores[:n], labels[:n], states[:n], corrected[:n], part.classes, measures)


def _room(length: int, measures: int) -> tuple[npt.NDArray[Any], ...]:
    """Return columns of a length: indices, boxes, scores, labels, states and corrected, both zero, and measures."""
    return (
        np.arange(length, dtype=np.int64),
        np.empty((length, 4), np.float32),
        np.empty(length, np.float32),
        np.empty(length, np.int16),
        np.zeros(length, np.uint8),
        np.zeros(length, np.bool_),
        *(np.empty(length, np.float32) for _ in range(measures)),
    )
