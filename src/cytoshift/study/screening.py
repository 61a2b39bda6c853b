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
Places = npt.NDArray[np.int64]


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
    down = _step(height, coverage.seen.shape[0], coverage.field, coverage.height)
    across = _step(width, coverage.seen.shape[1], coverage.field, coverage.width)
    if not (down and across):
        raise StudyError(f"The view is too small to screen at {at:g}×; make the window larger, or screen at less.")
    starts = _meander(coverage.tissue > 0, down, across)
    left = np.flatnonzero(_within(coverage.unseen(at), starts, down, across))
    if not len(left):
        return None
    ys = _middles(starts[:, 0], down, height, coverage.field, coverage.height)
    xs = _middles(starts[:, 1], across, width, coverage.field, coverage.width)
    off = np.hypot(xs - (view[0] + view[2]) / 2, ys - (view[1] + view[3]) / 2)
    nearest = np.flatnonzero(off == off.min())
    stands = off.min() < _STANDING * coverage.field and abs(shown_at / at - 1) < _SAME
    ahead = left[left > nearest[-1]] if stands else left[left >= nearest[0]]
    which = int(ahead[0] if len(ahead) else left[0])
    x, y = float(xs[which]), float(ys[which])
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _step(view: float, fields: int, field: float, side: int) -> int:
    """Return by how many fields neighbouring views are apart; 0 where no field fits into one."""
    return fields if view >= side else int(view * (1 - OVERLAP) / field) or int(view >= field)


def _meander(tissue: npt.NDArray[np.bool_], down: int, across: int) -> Places:
    """Return row and column of the first field of each view, in order; each row of views is as long as its tissue."""
    rows = np.flatnonzero(tissue.any(axis=1))
    starts = [np.zeros((0, 2), np.int64)]
    for turn, top in enumerate(_starts(rows, down, len(tissue))):
        columns = np.flatnonzero(tissue[top : top + down].any(axis=0))
        lefts = _starts(columns, across, tissue.shape[1])
        starts.append(np.stack([np.full_like(lefts, top), lefts[:: -1 if turn % 2 else 1]], axis=1))
    return np.concatenate(starts)


def _starts(places: Places, step: int, fields: int) -> Places:
    """Return where views begin that cover the first to the last of some fields, with the same air at both ends."""
    if not len(places):
        return np.zeros(0, np.int64)
    length = int(places[-1] - places[0]) + 1
    number = -(-length // step)
    first = int(places[0]) - (number * step - length) // 2
    return np.arange(number) * step + min(max(first, 0), max(fields - number * step, 0))


def _within(unseen: npt.NDArray[np.bool_], starts: Places, down: int, across: int) -> npt.NDArray[np.int64]:
    """Return how many unseen fields each view holds."""
    sums = np.zeros((unseen.shape[0] + 1, unseen.shape[1] + 1), np.int64)
    sums[1:, 1:] = unseen.cumsum(axis=0).cumsum(axis=1)
    (top, left), (bottom, right) = starts.T, np.minimum(starts + np.array([down, across]), unseen.shape).T
    return np.asarray(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left])


def _middles(starts: Places, step: int, view: float, field: float, side: int) -> Floats:
    """Return the middles of views in level-0 pixels; those at the edge are moved onto the slide, where it is larger."""
    half = min(view, side) / 2
    return np.clip((starts + step / 2) * field, half, side - half)
