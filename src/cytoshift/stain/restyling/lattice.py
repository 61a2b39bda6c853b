"""A colour map given at 33 x 33 x 33 colours, fitted to pairs of colours and applied with numba.

Between the nodes the map is interpolated in tetrahedra, four nodes a colour. The kernels hold no lock, so that
reading threads apply it side by side.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
from scipy import ndimage

RGB = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]
Packed = npt.NDArray[np.uint64]

NODES = 33
"""Nodes along each channel; they lie 8 grey levels apart, the last one at 256."""

STEP = 8
_FRACTIONS = 64  # of a grey level, held at a node
_FIELD = 21  # bits of one channel in a packed node; the four weights of a colour sum to STEP

_BRIGHTEST = 255.49
"""Of a node: above 255, so that the last node, at 256, can keep white white; still 255 when rounded."""

_PRIOR = 200.0 * 50.0**2
"""What holds the affine part near the identity: as 200 pixels 50 grey levels from the mean would."""

_TRUST = 4.0
"""Pixels at a node from which their mean counts more than what is spread there from further away."""

_REACHES = ((8.0, 4.0, 2.0, 1.0), (1.0,), (1.0,))
"""Round by round, over how many nodes (standard deviation) what is still left over is spread, the widest first."""


def fit_lattice(before: RGB, after: RGB) -> Float64:
    """Fit a colour map to pairs of colours.

    An affine map is fitted first. What it leaves over is gathered at the nodes and spread from there, so that
    colours that never occurred follow the nearest that did.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (n, 3)
        RGB pixels and what they became.

    Returns
    -------
    ndarray of float64, shape (33, 33, 33, 3)
        RGB, 0 to 255.49, at red, green and blue of 0, 8, ..., 256.
    """
    lattice = _affine(before, after)
    for reaches in _REACHES:
        left = np.zeros((NODES, NODES, NODES, 4))
        _gather(before, after, lattice, left)
        lattice += _spread(left[..., :3], left[..., 3], reaches)
    return np.clip(lattice, 0, _BRIGHTEST)


def _affine(before: RGB, after: RGB) -> Float64:
    """Return the affine map that fits pairs of colours best, at the nodes."""
    center, mean = before.mean(axis=0, dtype=np.float64), after.mean(axis=0, dtype=np.float64)
    x, y = before - center, after - mean
    prior = _PRIOR * np.eye(3)
    matrix = np.linalg.solve(x.T @ x + prior, x.T @ y + prior)
    nodes = np.arange(NODES) * float(STEP)
    grid = np.stack(np.meshgrid(nodes, nodes, nodes, indexing="ij"), axis=-1)
    mapped: Float64 = (grid - center) @ matrix + mean
    return mapped


@numba.njit(cache=True, nogil=True)
def _gather(before: RGB, after: RGB, lattice: Float64, left: Float64) -> None:
    """Add what a lattice leaves over of each pair, and its weight, to the eight nodes around its colour."""
    weight, error = np.empty(8), np.empty(3)
    for i in range(before.shape[0]):
        r, g, b = before[i, 0] >> 3, before[i, 1] >> 3, before[i, 2] >> 3
        fr, fg, fb = (before[i, 0] & 7) / 8, (before[i, 1] & 7) / 8, (before[i, 2] & 7) / 8
        for k in range(3):
            error[k] = after[i, k]
        for corner in range(8):
            dr, dg, db = corner >> 2, (corner >> 1) & 1, corner & 1
            weight[corner] = (fr if dr else 1 - fr) * (fg if dg else 1 - fg) * (fb if db else 1 - fb)
            for k in range(3):
                error[k] -= weight[corner] * lattice[r + dr, g + dg, b + db, k]
        for corner in range(8):
            dr, dg, db = corner >> 2, (corner >> 1) & 1, corner & 1
            for k in range(3):
                left[r + dr, g + dg, b + db, k] += weight[corner] * error[k]
            left[r + dr, g + dg, b + db, 3] += weight[corner]


def _spread(sums: Float64, weights: Float64, reaches: tuple[float, ...]) -> Float64:
    """Return means at every node: its own where there are enough pixels, else those of the nodes around it."""
    means = np.zeros_like(sums)
    for reach in reaches:
        near_sums, near_weights = _blurred(sums, reach), _blurred(weights, reach)
        trust = _TRUST / (np.sqrt(2 * np.pi) * reach) ** 3
        means = (near_sums + trust * means) / (near_weights + trust)[..., None]
    own: Float64 = (sums + _TRUST * means) / (weights + _TRUST)[..., None]
    return own


def _blurred(values: Float64, reach: float) -> Float64:
    blurred: Float64 = ndimage.gaussian_filter(values, reach, mode="constant", axes=(0, 1, 2))
    return blurred


def pack(lattice: Float64) -> Packed:
    """Return a lattice with the three channels of each node in one word, for `apply_lattice`."""
    held = np.rint(np.asarray(lattice) * _FRACTIONS).astype(np.uint64)
    red, green, blue = np.moveaxis(held, -1, 0)
    packed: Packed = (red << np.uint64(2 * _FIELD)) | (green << np.uint64(_FIELD)) | blue
    return packed


@numba.njit(cache=True, nogil=True)
def _interpolate(flat: RGB, out: RGB, packed: Packed) -> None:
    nodes, half = packed.ravel(), np.uint64(_FRACTIONS * STEP // 2)
    shift, mask = np.uint64(9), np.uint64((1 << _FIELD) - 1)  # 2**9 is _FRACTIONS * STEP
    rounding = (half << np.uint64(2 * _FIELD)) | (half << np.uint64(_FIELD)) | half
    for i in range(flat.shape[0]):
        r, g, b = np.int32(flat[i, 0]), np.int32(flat[i, 1]), np.int32(flat[i, 2])
        at = ((r >> 3) * NODES + (g >> 3)) * NODES + (b >> 3)
        fr, fg, fb = r & 7, g & 7, b & 7
        # From the corner at 0 to the corner at 1, along the channel with the largest fraction first.
        most, least = max(fr, fg, fb), min(fr, fg, fb)
        middle = fr + fg + fb - most - least
        if fr >= fg:
            if fg >= fb:
                one, two = NODES * NODES, NODES * NODES + NODES
            elif fr >= fb:
                one, two = NODES * NODES, NODES * NODES + 1
            else:
                one, two = 1, NODES * NODES + 1
        elif fr >= fb:
            one, two = NODES, NODES * NODES + NODES
        elif fg >= fb:
            one, two = NODES, NODES + 1
        else:
            one, two = 1, NODES + 1
        total = (
            nodes[at] * np.uint64(STEP - most)
            + nodes[at + one] * np.uint64(most - middle)
            + nodes[at + two] * np.uint64(middle - least)
            + nodes[at + NODES * NODES + NODES + 1] * np.uint64(least)
            + rounding
        )
        out[i, 0] = (total >> np.uint64(2 * _FIELD)) >> shift
        out[i, 1] = ((total >> np.uint64(_FIELD)) & mask) >> shift
        out[i, 2] = (total & mask) >> shift


def apply_lattice(tiles: RGB, packed: Packed) -> RGB:
    """Map colours by a lattice, rounded to whole grey levels.

    Parameters
    ----------
    tiles : ndarray of uint8, shape (..., 3)
    packed : ndarray of uint64, shape (33, 33, 33)
        What `pack` returned.
    """
    out = np.empty(tiles.shape, np.uint8)
    _interpolate(np.ascontiguousarray(tiles).reshape(-1, 3), out.reshape(-1, 3), packed)
    return out
