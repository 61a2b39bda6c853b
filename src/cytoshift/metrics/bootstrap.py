"""Intervals by drawing images again: cells of one image are not independent, images are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.int64]

CHUNK = 100
"""Draws counted at once: 8,000 boxes take 6 MB then."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """95 % percentile intervals over ``resamples`` draws of ``over`` with ``seed``: lower and upper end, by name."""

    resamples: int
    seed: int
    ends: dict[str, tuple[float, float]]
    over: str = "images"

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        ends = {name: list(pair) for name, pair in self.ends.items()}
        return {"level": 0.95, "over": self.over, "resamples": self.resamples, "seed": self.seed, "ends": ends}


def draw_images(images: int, resamples: int, seed: int) -> Weights:
    """Draw as many images as there are, with replacement; returns how often each was drawn, ``(resamples, images)``."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(images, np.full(images, 1 / images), size=resamples)


def percentile_interval(
    statistic: Callable[[Weights], npt.NDArray[np.float64]], draws: Weights, *, level: float = 0.95
) -> npt.NDArray[np.float64]:
    """Return the percentile interval of a statistic over draws of images.

    Parameters
    ----------
    statistic : callable
        Weights ``(r, images)`` to values ``(r, ...)``; NaN where a draw does not define one.
    draws : ndarray of int64, shape (resamples, images)
        From `draw_images`.
    level : float
        Share of the draws between the two ends.

    Returns
    -------
    ndarray of float64, shape (2, ...)
        Lower and upper end, NaN where no draw defines the statistic (Efron and Tibshirani, "An Introduction to the
        Bootstrap", 1993, section 13.3).
    """
    values = np.concatenate([statistic(draws[k : k + CHUNK]) for k in range(0, len(draws), CHUNK)])
    ends = [(1 - level) / 2, (1 + level) / 2]
    flat = values.reshape(len(values), -1)
    interval = np.full((2, flat.shape[1]), np.nan)
    for column, drawn in enumerate(flat.T):
        if not np.isnan(drawn).all():
            interval[:, column] = np.nanquantile(drawn, ends)
    return interval.reshape((2, *values.shape[1:]))
