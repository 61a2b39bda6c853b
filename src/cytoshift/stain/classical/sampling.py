"""Passes over pixels, compiled: which ones are stained, and what is measured on them.

Whatever is computed of a pixel is a sum of three numbers looked up by channel and value.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_BINS = 1 << 16


@numba.njit(cache=True, nogil=True)
def _gather(image: RGB, mask: Mask, rows: Counts, columns: Counts, dark: Counts, out: RGB) -> int:
    count = 0
    for y in range(image.shape[0]):
        if rows[y] < 0:
            continue
        tissue = mask[rows[y]]
        for x in range(image.shape[1]):
            if columns[x] >= 0 and tissue[columns[x]]:
                r, g, b = image[y, x, 0], image[y, x, 1], image[y, x, 2]
                out[count, 0], out[count, 1], out[count, 2] = r, g, b
                count += r < dark[0] or g < dark[1] or b < dark[2]  # without a branch, the next overwrites this one
    return count


def stained_pixels(image: RGB, mask: Mask, rows: Counts, columns: Counts, dark: Counts) -> RGB:
    """Return the pixels of tissue that are dark in any channel.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
    mask : ndarray of bool
        Of tissue, coarser than the image.
    rows, columns : ndarray of int64, shapes (h,) and (w,)
        Where in the mask the rows and columns of the image are; -1 for those that are left out.
    dark : ndarray of int64, shape (3,)
        Value of each channel below which a pixel is stained.

    Returns
    -------
    ndarray of uint8, shape (n, 3)
    """
    out = np.empty((image.shape[0] * image.shape[1] + 1, 3), np.uint8)
    return out[: _gather(image, mask, rows, columns, dark, out)].copy()


@numba.njit(cache=True, nogil=True)
def _count(image: RGB, mask: Mask, rows: Counts, columns: Counts, counts: Counts) -> None:
    for y in range(image.shape[0]):
        tissue = mask[rows[y]]
        for x in range(image.shape[1]):
            where = counts[np.int64(tissue[columns[x]])]
            where[0, image[y, x, 0]] += 1
            where[1, image[y, x, 1]] += 1
            where[2, image[y, x, 2]] += 1


def count_values(image: RGB, mask: Mask, rows: Counts, columns: Counts) -> tuple[Counts, Counts]:
    """Count the values of each channel, shape (3, 256), where there is no tissue and where there is.

    Parameters are those of `stained_pixels`.
    """
    counts = np.zeros((2, 3, 256), np.int64)
    _count(image, mask, rows, columns, counts)
    return counts[0], counts[1]


@numba.njit(cache=True, nogil=True)
def _moments(pixels: RGB, table: FloatArray, dark: Counts, sums: FloatArray) -> None:
    for i in range(pixels.shape[0]):
        r, g, b = pixels[i, 0], pixels[i, 1], pixels[i, 2]
        if r < dark[0] and g < dark[1] and b < dark[2]:
            x, y, z = table[0, r], table[1, g], table[2, b]
            sums[0] += 1
            sums[1] += x
            sums[2] += y
            sums[3] += z
            sums[4] += x * x
            sums[5] += x * y
            sums[6] += x * z
            sums[7] += y * y
            sums[8] += y * z
            sums[9] += z * z


def strong_moments(pixels: RGB, table: FloatArray, least: float) -> tuple[int, FloatArray]:
    """Count the pixels with at least a density in all channels; return their number and their covariance.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, 3)
    table : ndarray of float64, shape (3, 256)
        Optical density by channel and value.
    least : float
        Density from which a pixel counts.
    """
    sums = np.zeros(10)
    _moments(pixels, table, _dark(table, least), sums)
    count = max(sums[0], 2.0)
    mean = sums[1:4] / count
    products = sums[[4, 5, 6, 5, 7, 8, 6, 8, 9]].reshape(3, 3)
    return int(sums[0]), (products - count * np.outer(mean, mean)) / (count - 1)


def _dark(table: FloatArray, least: float) -> Counts:
    """Return for each channel how many values, from 0 on, reach a density."""
    counts: Counts = (table >= least).sum(axis=1)
    return counts


@numba.njit(cache=True, nogil=True)
def _angles(pixels: RGB, tables: FloatArray, dark: Counts, counts: Counts) -> None:
    """Count turns in [-2, 2]: ``y / (|x| + |y|)``, carried on past a quarter; grows with the angle, costs less."""
    scale = counts.size / 4.0
    for i in range(pixels.shape[0]):
        r, g, b = pixels[i, 0], pixels[i, 1], pixels[i, 2]
        if r < dark[0] and g < dark[1] and b < dark[2]:
            x = tables[0, 0, r] + tables[0, 1, g] + tables[0, 2, b]
            y = tables[1, 0, r] + tables[1, 1, g] + tables[1, 2, b]
            turn = y / max(abs(x) + abs(y), 1e-300)
            if x < 0:
                turn = (2.0 if y >= 0 else -2.0) - turn
            counts[min(int((turn + 2.0) * scale), counts.size - 1)] += 1


def extreme_angles(
    pixels: RGB, table: FloatArray, least: float, plane: FloatArray, shares: tuple[float, float]
) -> tuple[float, float]:
    """Return percentiles of the angle, in radians, at which the pixels with enough density lie in a plane.

    Parameters
    ----------
    pixels, table, least
        As for `strong_moments`.
    plane : ndarray of float64, shape (3, 2)
        The two axes of the plane as columns.
    shares : tuple of float
        Of the pixels, 0 to 1, below the angles.
    """
    counts = np.zeros(_BINS, np.int64)
    tables = np.ascontiguousarray(plane.T[:, :, None] * table)
    _angles(pixels, tables, _dark(table, least), counts)
    low, high = (_angle(4 * _rank(counts, share) - 2) for share in shares)
    return low, high


def _angle(turn: float) -> float:
    """Return the angle in radians of a turn."""
    near = abs(turn) if abs(turn) <= 1 else 2 - abs(turn)
    return float(np.copysign(np.arctan2(near, (1 - near) * (1 if abs(turn) <= 1 else -1)), turn))


@numba.njit(cache=True, nogil=True)
def _spread(pixels: RGB, table: FloatArray, low: float, scale: float, counts: Counts) -> None:
    for i in range(pixels.shape[0]):
        value = table[0, pixels[i, 0]] + table[1, pixels[i, 1]] + table[2, pixels[i, 2]]
        counts[min(int((value - low) * scale), counts.size - 1)] += 1


def percentile(pixels: RGB, table: FloatArray, share: float) -> float:
    """Return the value that a share of the pixels does not exceed.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, 3)
    table : ndarray of float64, shape (3, 256)
        A pixel's value is the sum of what its three channels have here.
    share : float
        0 to 1.
    """
    low, high = float(table.min(axis=1).sum()), float(table.max(axis=1).sum())
    counts = np.zeros(_BINS, np.int64)
    _spread(pixels, table, low, _BINS / max(high - low, 1e-300), counts)
    return low + (high - low) * _rank(counts, share)


def _rank(counts: Counts, share: float) -> float:
    """Return the percentile as a share of the range of the bins, read between the pixels of its bin."""
    below = counts.cumsum()
    rank = share * (below[-1] - 1)
    k = int(np.searchsorted(below, rank, side="right"))
    inside = rank - (below[k] - counts[k])
    return float((k + (inside + 0.5) / counts[k]) / counts.size)


@numba.njit(cache=True, nogil=True)
def code_sparsely(
    x: float, y: float, z: float, stains: FloatArray, cross: float, penalty: float
) -> tuple[float, float]:
    """Return the two non-negative concentrations that make ``|density - c stains|^2 / 2 + penalty * sum(c)`` least.

    Parameters
    ----------
    x, y, z : float
        Optical density of a pixel.
    stains : ndarray of float64, shape (2, 3)
        Unit vectors.
    cross : float
        Their scalar product.
    penalty : float
        Lambda.
    """
    p = stains[0, 0] * x + stains[0, 1] * y + stains[0, 2] * z - penalty
    q = stains[1, 0] * x + stains[1, 1] * y + stains[1, 2] * z - penalty
    first, second = p - cross * q, q - cross * p  # both at once, up to the determinant
    if first > 0 and second > 0:
        determinant = 1 - cross * cross
        return first / determinant, second / determinant
    if p >= q:
        return max(p, 0.0), 0.0
    return 0.0, max(q, 0.0)


@numba.njit(cache=True, nogil=True)
def sparse_sums(pixels: RGB, table: FloatArray, stains: FloatArray, penalty: float, sums: FloatArray) -> None:
    """Code every pixel sparsely and add up what the next stains are made of.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, 3)
    table : ndarray of float64, shape (3, 256)
        Optical density by channel and value.
    stains : ndarray of float64, shape (2, 3)
    penalty : float
    sums : ndarray of float64, shape (9,)
        Filled: ``c0 c0, c0 c1, c1 c1``, then ``c0`` and ``c1`` times the density.
    """
    cross = stains[0, 0] * stains[1, 0] + stains[0, 1] * stains[1, 1] + stains[0, 2] * stains[1, 2]
    sums[:] = 0.0
    for i in range(pixels.shape[0]):
        x, y, z = table[0, pixels[i, 0]], table[1, pixels[i, 1]], table[2, pixels[i, 2]]
        one, other = code_sparsely(x, y, z, stains, cross, penalty)
        sums[0] += one * one
        sums[1] += one * other
        sums[2] += other * other
        sums[3] += one * x
        sums[4] += one * y
        sums[5] += one * z
        sums[6] += other * x
        sums[7] += other * y
        sums[8] += other * z
