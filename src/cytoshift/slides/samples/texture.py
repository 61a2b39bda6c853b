"""Smooth random textures that repeat, from which cells, glass and camera noise are cut."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Field = npt.NDArray[np.float32]

PERIOD = 1024
"""Side in pixels after which a texture repeats."""

_REACH = 512  # so that a cut of this size never has to wrap


@cache
def texture(grain: float, variant: int = 0) -> Field:
    """Return Gaussian noise of unit variance, smooth over `grain` pixels, with its first pixels repeated at the end.

    Parameters
    ----------
    grain : float
        Standard deviation in pixels of the smoothing; 0 is white noise.
    variant : int
        Another texture of the same kind.

    Returns
    -------
    ndarray of float32, shape (PERIOD + 512, PERIOD + 512)
    """
    noise = np.random.default_rng([round(grain * 100), variant]).standard_normal((PERIOD, PERIOD), np.float32)
    if grain:
        noise = ndimage.gaussian_filter(noise, grain, mode="wrap", truncate=3.0)
    noise -= noise.mean()
    noise /= noise.std()
    field = np.pad(noise, ((0, _REACH), (0, _REACH)), mode="wrap")
    field.flags.writeable = False
    return field


def cut(field: Field, y: int, x: int, height: int, width: int) -> Field:
    """Return a window, at most 512 pixels a side, whose upper left pixel is ``(y, x)`` of the repeated texture."""
    y, x = y % PERIOD, x % PERIOD
    return field[y : y + height, x : x + width]


def spread(field: Field, y: int, x: int, height: int, width: int, stretch: int = 1) -> Field:
    """Return a window of any size of the repeated texture, every pixel of which is `stretch` pixels wide."""
    rows = np.arange(y, y + height) // stretch % PERIOD
    columns = np.arange(x, x + width) // stretch % PERIOD
    return field[rows[:, None], columns]
