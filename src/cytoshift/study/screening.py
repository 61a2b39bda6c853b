"""In which order a slide is screened: field by field, in rows that run left to right and then right to left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.errors import StudyError
from cytoshift.study.coverage import SCREENED, Box, Coverage

OVERLAP = 0.05
"""Share of a view, at least, that the next one shows again."""

_STANDING = 0.5  # fields off its middle, and
_SAME = 0.02  # of a magnification off: still the view to which somebody was sent

Floats = npt.NDArray[np.float64]


def next_unseen(coverage: Coverage, view: Box, shown_at: float, at: float = SCREENED) -> Box | None:
    """Return the next view that holds unseen tissue, in screening order from where one stands.

    After the last comes the first. Going on before a view has been seen passes it over, and it comes again.

    Parameters
    ----------
    coverage : Coverage
    view : tuple of float
        What is shown now: x0, y0, x1, y1 in level-0 pixels.
    shown_at : float
        Its magnification.
    at : float
        The magnification at which the slide is screened.

    Returns
    -------
    tuple of float or None
        The view to go to, as large as the window at ``at``; None where no tissue is left.

    Raises
    ------
    StudyError
        The window is so small that no field of the coverage fits into it.
    """
    width, height = ((view[2] - view[0]) * shown_at / at, (view[3] - view[1]) * shown_at / at)
    rows, columns = coverage.seen.shape
    down, ys = _steps(height, rows, coverage.field, coverage.height)
    across, xs = _steps(width, columns, coverage.field, coverage.width)
    if not (down and across):
        raise StudyError(f"The view is too small to screen at {at:g}×; make the window larger, or screen at less.")
    left = np.logical_or.reduceat(coverage.unseen(at), np.arange(0, rows, down), axis=0)
    left = np.logical_or.reduceat(left, np.arange(0, columns, across), axis=1)
    if not left.any():
        return None
    order = _meander(*left.shape)
    x, y = (view[0] + view[2]) / 2, (view[1] + view[3]) / 2
    row, column = int(np.argmin(np.abs(ys - y))), int(np.argmin(np.abs(xs - x)))
    stands = max(abs(ys[row] - y), abs(xs[column] - x)) < _STANDING * coverage.field
    here = order[row, column] + (stands and abs(shown_at / at - 1) < _SAME)
    waiting = np.where(left, order, order.size)
    ahead = np.where(waiting >= here, waiting, order.size)
    row, column = divmod(int(np.argmin(ahead if ahead.min() < order.size else waiting)), left.shape[1])
    x, y = float(xs[column]), float(ys[row])
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _steps(view: float, fields: int, field: float, side: int) -> tuple[int, Floats]:
    """Return by how many fields the views of a row are apart, and their middles; 0 where no field fits into one.

    Views at the edge are moved onto the slide, where the slide is the larger.
    """
    step = int(view * (1 - OVERLAP) / field) or int(view >= field)
    if view >= side:
        step = fields
    if not step:
        return 0, np.zeros(0)
    middles = (np.arange(0, fields, step) + step / 2) * field
    half = min(view, side) / 2
    return step, np.clip(middles, half, side - half)


def _meander(rows: int, columns: int) -> npt.NDArray[np.int64]:
    """Return the place of each view in the order, ``(rows, columns)``."""
    order = np.arange(rows * columns).reshape(rows, columns)
    order[1::2] = order[1::2, ::-1]
    return order
