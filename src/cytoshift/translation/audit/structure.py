"""How far the fine structure of two pictures disagrees, everywhere: what changed outside of nuclei shows too."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cytoshift.translation.audit.density import Darkness, Field

CELL_UM = 8.0
"""Side of a cell of the map."""

_SLOPE_UM, _NEAR_UM, _POOL_UM = 0.5, 0.3, 3.0
_FLOOR = 0.02  # optical density per µm: a slope below it is noise


def disagreement(before: Darkness, after: Darkness, mpp: float) -> Field:
    """Map how far the structure of two pictures at µm/px disagrees.

    Slopes of all three colours are gathered into a structure tensor per pixel (Di Zenzo, CVGIP 1986), which knows
    where edges are, how strong and along which direction, but not of which colour, nor which side is the darker. The
    tensors of both are compared as structural similarity does it, the second at the strength of the first.

    Returns
    -------
    ndarray of float32, shape (ceil(h * mpp / 8), ceil(w * mpp / 8))
        0 where nothing differs, 1 where the structure of one picture is not in the other.
    """
    one, other = _tensor(before.channels, mpp), _tensor(after.channels, mpp)
    floor = np.float32(_FLOOR**2)
    one_size, other_size = _product(one, one) ** 0.5, _product(other, other) ** 0.5
    there = (one_size > 4 * floor) & (other_size > 4 * floor)
    gain = np.median(one_size[there] / other_size[there]) if there.sum() > 100 else np.float32(1)
    shared = (gain * np.maximum(_product(one, other), 0)) ** 0.5
    both, either = (_pooled(values, mpp) for values in (shared, one_size + gain * other_size))
    mapped: Field = np.clip(1 - (2 * both + 2 * floor) / (either + 2 * floor), 0, 1).astype(np.float32)
    return mapped


def _tensor(channels: Field, mpp: float) -> Field:
    """Return the structure tensor as yy, xx and xy, ``(3, h, w)``."""
    tensor = np.zeros((3, *channels.shape[1:]), np.float32)
    for channel in channels:
        y, x = (
            ndimage.gaussian_filter(channel, _SLOPE_UM / mpp, order=order, truncate=3.0) / mpp
            for order in ((1, 0), (0, 1))
        )
        tensor += np.stack([y * y, x * x, x * y])
    for part in tensor:
        ndimage.gaussian_filter(part, _NEAR_UM / mpp, output=part, truncate=3.0)
    return tensor


def _product(one: Field, other: Field) -> Field:
    product: Field = one[0] * other[0] + one[1] * other[1] + 2 * one[2] * other[2]
    return product


def _pooled(values: Field, mpp: float) -> Field:
    """Return means around the middles of the cells of the map."""
    near = ndimage.gaussian_filter(values, _POOL_UM / mpp, truncate=3.0)
    step = CELL_UM / mpp
    y, x = (np.minimum((np.arange(np.ceil(n / step)) + 0.5) * step, n - 1).astype(int) for n in values.shape)
    sampled: Field = near[np.ix_(y, x)]
    return sampled
