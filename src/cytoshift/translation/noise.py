"""Noise that belongs to places on a slide: the same numbers whichever window asks for them."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

Noise = npt.NDArray[np.float32]

BLOCK = 64
"""Side in pixels of the squares in which noise is drawn."""

_WORD = (1 << 64) - 1


class Draw(IntEnum):
    """What noise is drawn for; each has numbers of its own."""

    BRIDGE = 0
    CHANNEL = 1
    STYLE = 2


def pixel_noise(seed: int, step: int, draw: Draw, y: int, x: int, height: int, width: int, channels: int = 3) -> Noise:
    """Return N(0, 1) for the pixels of a window anywhere on the plane, float32 ``(height, width, channels)``.

    Parameters
    ----------
    seed : int
    step : int
        Of the bridge.
    draw : Draw
    y, x : int
        Upper left pixel; may be negative.
    height, width, channels : int
    """
    noise = np.empty((height, width, channels), np.float32)
    for row in range(y // BLOCK, -(-(y + height) // BLOCK)):
        for column in range(x // BLOCK, -(-(x + width) // BLOCK)):
            block = _source(seed, step, draw, row, column).standard_normal((BLOCK, BLOCK, channels), np.float32)
            top, left = row * BLOCK - y, column * BLOCK - x
            ya, yb, xa, xb = max(top, 0), min(top + BLOCK, height), max(left, 0), min(left + BLOCK, width)
            noise[ya:yb, xa:xb] = block[ya - top : yb - top, xa - left : xb - left]
    return noise


def style_draw(seed: int, step: int, length: int) -> Noise:
    """Return the draw of the style with which a step is taken, the same all over the slide: float32 ``(length,)``."""
    return _source(seed, step, Draw.STYLE, 0, 0).standard_normal(length, np.float32)


def _source(seed: int, step: int, draw: Draw, row: int, column: int) -> np.random.Generator:
    """Return a generator of its own for a block: a counter-based one starts anywhere at once (Salmon et al., 2011)."""
    counter = (column & _WORD) << 64 | (row & _WORD) << 128 | int(draw) << 192
    return np.random.Generator(np.random.Philox(counter=counter, key=(step & _WORD) << 64 | seed & _WORD))
