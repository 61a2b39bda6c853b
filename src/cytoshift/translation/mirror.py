"""What lies beyond a slide's border, as its own pixels mirrored there: glass-white would leak into the moments."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)


def mirrored(pixels: npt.NDArray[T], y: int, x: int, height: int, width: int) -> npt.NDArray[T]:
    """Return a window whose pixels beyond the slide are those within it, mirrored at its border pixels.

    Parameters
    ----------
    pixels : ndarray, shape (window, window, ...)
        What lies beyond the slide may be anything.
    y, x : int
        Upper left pixel of the window; the window must show some of the slide.
    height, width : int
        Of the slide.

    Returns
    -------
    ndarray
        `pixels` itself where all of it lies on the slide.
    """
    for axis, (start, size) in enumerate(((y, height), (x, width))):
        length = pixels.shape[axis]
        if start < 0 or start + length > size:
            pixels = pixels.take(_sources(start, length, size), axis=axis)
    return pixels


def _sources(start: int, length: int, size: int) -> npt.NDArray[np.intp]:
    """Return from which pixel of the window each of its pixels is taken."""
    period = max(1, 2 * (size - 1))
    places = np.arange(start, start + length) % period
    places = np.where(places < size, places, period - places)
    # Farther out than any core sees, a mirrored pixel may lie outside the window: the nearest in it will do.
    return np.clip(places, max(start, 0), min(start + length, size) - 1) - start
