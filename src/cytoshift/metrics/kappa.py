"""Agreement of two readers beyond chance: Cohen's kappa, of all classes and of each against the others."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's kappa of two readers.

    Parameters
    ----------
    value : float
        1 where they always agree, 0 where they agree as often as by chance; NaN where chance alone makes them agree
        (both always said the same) or nothing was read.
    low, high : float
        Ends of the interval; NaN where there is none.
    observed : float
        Share of the cells about which they agree.
    cells : int
        Cells that both read.
    """

    value: float
    low: float
    high: float
    observed: float
    cells: int


def cohen_kappa(table: Counts, *, level: float = 0.95) -> Kappa:
    """Return kappa with its large-sample interval.

    Parameters
    ----------
    table : ndarray of int64, shape (k, k)
        How many cells the first reader put into the class of the row and the second into that of the column.
    level : float
        Confidence of the interval.

    Returns
    -------
    Kappa
        Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960),
        37–46; standard error after Fleiss, Cohen and Everitt, "Large sample standard errors of kappa and weighted
        kappa", Psychological Bulletin 72 (1969), 323–327, equation 13. Ends are cut at -1 and 1.
    """
    cells = int(table.sum())
    if not cells:
        return Kappa(np.nan, np.nan, np.nan, np.nan, 0)
    shares = table / cells
    rows, columns, agreed = shares.sum(axis=1), shares.sum(axis=0), np.diag(shares)
    observed, chance = float(agreed.sum()), float(rows @ columns)
    if chance >= 1 - 1e-12:
        return Kappa(np.nan, np.nan, np.nan, observed, cells)
    value = (observed - chance) / (1 - chance)
    diagonal = agreed * ((1 - chance) - (rows + columns) * (1 - observed)) ** 2
    apart = shares * (columns[:, None] + rows[None, :]) ** 2
    others = (1 - observed) ** 2 * (apart.sum() - np.trace(apart))
    variance = (diagonal.sum() + others - (observed * chance - 2 * chance + observed) ** 2) / (1 - chance) ** 4 / cells
    half = NormalDist().inv_cdf((1 + level) / 2) * float(np.sqrt(max(variance, 0.0)))
    return Kappa(value, max(value - half, -1.0), min(value + half, 1.0), observed, cells)


def one_class(table: Counts, position: int) -> Counts:
    """Return the table ``(2, 2)`` of one class against all others."""
    both = int(table[position, position])
    first, second = int(table[position].sum()) - both, int(table[:, position].sum()) - both
    return np.array([[both, first], [second, int(table.sum()) - both - first - second]], np.int64)
