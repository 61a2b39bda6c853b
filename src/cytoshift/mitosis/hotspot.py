"""Where mitoses lie most densely: the window that holds most of them, found exactly.

Slide a window right and down until its left and upper sides meet a mitosis, or the end of what was searched: none of
the mitoses in it is lost. So the best window starts at the x of one mitosis and at the y of another. The search sweeps
over the starts y; for every start x it keeps what a window there would hold, which changes only for the starts within
a window's width of a mitosis that enters or leaves. Once sorted that is O(n k) for n mitoses and k of them in a
vertical strip as wide as the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cytoshift.mitosis.counting import Figures, place

if TYPE_CHECKING:
    from cytoshift.engine.findings import Box

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


def densest(figures: Figures, size: tuple[float, float], extent: Box) -> Box:
    """Return the window with most mitoses; of several that with more atypical ones, then the uppermost, then leftmost.

    Whatever it holds is then in its middle, as far as it stays within the extent. Without any mitosis it is the middle
    of the extent.

    Parameters
    ----------
    figures : Figures
    size : tuple of float
        Width and height of the window in level-0 pixels.
    extent : tuple of float
        x0, y0, x1, y1 in level-0 pixels: the slide, or the part of it that was searched.

    Returns
    -------
    tuple of float
        x0, y0, x1, y1 in level-0 pixels, within the extent.
    """
    inside = figures.within(extent)
    inside = inside[figures.mitoses[inside]]
    points = figures.points[inside]
    if not len(points):
        return place(size, extent, ((extent[0] + extent[2]) / 2, (extent[1] + extent[3]) / 2))
    # One mitosis outweighs all that their being atypical can add.
    weights = len(points) + 1 + figures.atypical[inside].astype(np.int64)
    starts, ends = zip(*(_range(points[:, k], size[k], extent[k], extent[k + 2]) for k in (0, 1)), strict=True)
    row, column = _best(points, weights, starts, ends)
    low, high = np.array([starts[0][column], starts[1][row]]), np.array([ends[0][column], ends[1][row]])
    held = points[((points >= low) & (points <= high)).all(axis=1)]
    return _centred(held, size, extent)


def _range(values: Float, side: float, low: float, high: float) -> tuple[Float, Float]:
    """Return where windows can start and end along an axis."""
    last = max(high - side, low)
    starts = np.unique(np.clip(values, low, last))
    return starts, np.where(starts < last, starts + side, high)


def _best(points: Float, weights: Int, starts: tuple[Float, ...], ends: tuple[Float, ...]) -> tuple[int, int]:
    """Return row and column of the start with the most weight, the first of several."""
    order = np.argsort(points[:, 1], kind="stable")
    x, y = points[order].T
    # A mitosis is in the windows that start in [first, last), if they hold its y.
    first = np.searchsorted(ends[0], x).tolist()
    last = np.searchsorted(starts[0], x, side="right").tolist()
    weight = weights[order].tolist()
    enter = np.searchsorted(y, ends[1], side="right").tolist()
    leave = np.searchsorted(y, starts[1]).tolist()
    held = np.zeros(len(starts[0]), np.int64)
    most, best, gone, here = 0, (0, 0), 0, 0
    for row, (left, entered) in enumerate(zip(leave, enter, strict=True)):
        for k in range(gone, left):
            held[first[k] : last[k]] -= weight[k]
        for k in range(here, entered):
            held[first[k] : last[k]] += weight[k]
        # Only where something entered can there be more than before.
        for k in range(here, entered):
            part = held[first[k] : last[k]]
            column = first[k] + int(part.argmax())
            if held[column] > most or (held[column] == most and best > (row, column)):
                most, best = int(held[column]), (row, column)
        gone, here = left, entered
    return best


def _centred(held: Float, size: tuple[float, float], extent: Box) -> Box:
    """Return the window with the mitoses that it holds in its middle."""
    (left, top), (right, bottom) = held.min(axis=0).tolist(), held.max(axis=0).tolist()
    x0, y0, x1, y1 = place(size, extent, ((left + right) / 2, (top + bottom) / 2))
    return min(x0, left), min(y0, top), max(x1, right), max(y1, bottom)  # rounding must lose none at its border
