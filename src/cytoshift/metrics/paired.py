"""What of a difference between two models is chance: both are measured on the same draws of the same data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.bootstrap import Weights, draw_images, percentile_interval

Values = npt.NDArray[np.float64]
Statistic = Callable[[Weights], Values]

FEWEST_UNITS = 6
"""Units from which an interval is given. Of five that have nothing to do with the models all lie on one side in one of
16 cases, oftener than a 95 % interval may be wrong (the sign test); and one unit drawn again is always the same."""

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same data.

    Parameters
    ----------
    names : tuple of str
        Of the numbers.
    before, after : ndarray of float64, shape (n,)
        NaN where a number is not defined.
    ends : ndarray of float64, shape (2, 3, n)
        Lower and upper end of the 95 % intervals of `before`, of `after`, and of the difference; NaN where too few
        units bear on a number.
    over, units : str and int
        What was drawn again, and how many of them there are.
    """

    names: tuple[str, ...]
    before: Values
    after: Values
    ends: Values
    over: str
    units: int


def paired_ends(
    before: Statistic,
    after: Statistic,
    bearing: npt.NDArray[np.bool_],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Values:
    """Return 95 % intervals of two models' numbers and of their difference, as `Paired.ends`.

    Parameters
    ----------
    before, after : callable
        Weights of units ``(r, units)`` to numbers ``(r, n)``; NaN where a draw does not define one.
    bearing : ndarray of bool, shape (units, n)
        Which units a number rests on: those that have a cell of its class, say.
    resamples, seed : int
        Draws, the same for both models (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8
        and 13), and their seed.
    """

    def both(weights: Weights) -> Values:
        old, new = before(weights), after(weights)
        return np.stack([old, new, new - old], axis=1)

    ends = percentile_interval(both, draw_images(len(bearing), resamples, seed))
    ends[..., bearing.sum(axis=0) < FEWEST_UNITS] = np.nan
    return ends
