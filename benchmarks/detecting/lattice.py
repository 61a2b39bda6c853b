"""A detector that costs nothing: every 16th pixel, where it is dark, is a box of 16 pixels around it.

It sees the same wherever a window begins, as long as that is a multiple of 16, and its boxes do not overlap. So what
it finds in a whole image is known, and everybody has to find just that. Needs nothing but numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

STEP = 16
WINDOW, OVERLAP = 640, 128
"""Side of what a detector is given, and how many of its pixels the next one shares; both multiples of `STEP`."""


def dark(pixels: Any, below: float) -> Any:
    """Return where the lattice over an image ``(y, x, 3)`` is dark, ``(y / 16, x / 16)``."""
    return pixels[STEP // 2 :: STEP, STEP // 2 :: STEP, 1] < below


def boxes(where: Any) -> Any:
    """Return the boxes of dark points, float32 ``(n, 4)``: x0, y0, x1, y1."""
    y, x = np.nonzero(where)
    return (np.stack([x, y, x + 1, y + 1], axis=1) * STEP).astype(np.float32)


def fingerprint(found: Any) -> list[int]:
    """Return what tells whether two have found the same: the number of boxes, and two sums over their corners."""
    corner = np.rint(np.asarray(found, np.float64).reshape(-1, 4)).astype(np.int64)
    return [len(corner), int((corner[:, 0] * 31 + corner[:, 1] * 17).sum()), int((corner[:, 2] * corner[:, 3]).sum())]
