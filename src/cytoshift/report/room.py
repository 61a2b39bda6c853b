"""How much a sheet of A4 holds: rows of the tables, and of the gallery below them."""

from __future__ import annotations

import math

MOST_CLASSES, MOST_SOURCES, MOST_AUTHORS, MOST_NOTES = 14, 6, 6, 6
"""Rows of the tables; what is beyond is added up, so that a page stays one."""

IN_A_ROW, ROWS = 8, 3
"""Cells side by side in the gallery, and rows of them below short tables."""

# What is more than usual takes room from the gallery; millimetres, as `pdf` sets them.
_USUAL_CLASSES, _USUAL_SOURCES, _USUAL_AUTHORS = 8, 2, 2
_LINE, _COUNT, _ROW = 4.2, 29.0, 29.0
_SLACK = 6.0


def crops_with_room(classes: int, sources: int, authors: int, notes: int, *, mitoses: bool) -> int:
    """Return how many pictures of cells fit on a sheet, one row at least."""
    lines = (
        max(0, min(classes, MOST_CLASSES) - _USUAL_CLASSES)
        + max(0, min(sources, MOST_SOURCES + 1) - _USUAL_SOURCES)
        + max(0, min(authors, MOST_AUTHORS + 1) - _USUAL_AUTHORS)
        + min(notes, MOST_NOTES + 1)
    )
    more = lines * _LINE + (_COUNT if mitoses else 0.0) - _SLACK
    return IN_A_ROW * max(1, ROWS - math.ceil(max(0.0, more) / _ROW))
