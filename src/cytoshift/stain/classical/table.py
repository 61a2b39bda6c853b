"""Exact pointwise maps of 8-bit colours as tables, applied with numba.

What is linear in optical density is a product of three table entries per channel; a curve per channel is a table of its
own; anything else is one table over all 256^3 colours. The kernels hold no lock, so that reading threads apply them
side by side.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from cytoshift.metrics.lab import D65, XYZ_FROM_RGB

RGB = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_STEPS = 1 << 12


@numba.njit(cache=True, nogil=True)
def _products(flat: RGB, out: RGB, tables: Float32) -> None:
    red, green, blue = tables[0], tables[1], tables[2]
    whole, half = tables.dtype.type(256), tables.dtype.type(0.5)
    for i in range(flat.shape[0]):
        r, g, b = flat[i, 0], flat[i, 1], flat[i, 2]
        for k in range(3):
            value = whole * red[r, k] * green[g, k] * blue[b, k] - half
            out[i, k] = np.uint8(min(max(value, tables.dtype.type(0)), tables.dtype.type(255)))


def apply_products(tiles: RGB, tables: npt.NDArray[np.floating]) -> RGB:
    """Map colours by products: ``256 * R[r] * G[g] * B[b] - 1`` per channel, rounded and cut to 0 to 255.

    Parameters
    ----------
    tiles : ndarray of uint8, shape (..., 3)
    tables : ndarray of float32 or float64, shape (3, 256, 4)
        Channel in, its value, channel out; the fourth is there to make an entry 16 bytes.
    """
    out = np.empty(tiles.shape, np.uint8)
    _products(np.ascontiguousarray(tiles).reshape(-1, 3), out.reshape(-1, 3), tables)
    return out


@numba.njit(cache=True, nogil=True)
def _curves(flat: RGB, out: RGB, plain: Float32, mapped: Float32, weight: Float32) -> None:
    for i in range(flat.shape[0]):
        r, g, b = flat[i, 0], flat[i, 1], flat[i, 2]
        w = max(weight[0, r], weight[1, g], weight[2, b])
        half = np.float32(0.5)
        out[i, 0] = np.uint8(plain[0, r] + w * (mapped[0, r] - plain[0, r]) + half)
        out[i, 1] = np.uint8(plain[1, g] + w * (mapped[1, g] - plain[1, g]) + half)
        out[i, 2] = np.uint8(plain[2, b] + w * (mapped[2, b] - plain[2, b]) + half)


def apply_curves(tiles: RGB, plain: Float64, mapped: Float64, weight: Float64) -> RGB:
    """Map colours channel by channel, faded into plain ones.

    Parameters
    ----------
    tiles : ndarray of uint8, shape (..., 3)
    plain, mapped : ndarray of float64, shape (3, 256)
        By channel and value, 0 to 255.
    weight : ndarray of float64, shape (3, 256)
        How much of the map each value asks for, 0 to 1; the largest of a colour's three holds.
    """
    out = np.empty(tiles.shape, np.uint8)
    single = [np.ascontiguousarray(curve, np.float32) for curve in (plain, mapped, weight)]
    _curves(np.ascontiguousarray(tiles).reshape(-1, 3), out.reshape(-1, 3), *single)
    return out


@numba.njit(cache=True, nogil=True)
def _lookup(flat: RGB, out: RGB, table: npt.NDArray[np.uint32]) -> None:
    for i in range(flat.shape[0]):
        colour = table[(np.uint32(flat[i, 0]) << 16) | (np.uint32(flat[i, 1]) << 8) | np.uint32(flat[i, 2])]
        out[i, 0] = colour >> 16
        out[i, 1] = (colour >> 8) & 255
        out[i, 2] = colour & 255


def apply_table(tiles: RGB, table: npt.NDArray[np.uint32]) -> RGB:
    """Map colours by a table over all of them.

    Parameters
    ----------
    tiles : ndarray of uint8, shape (..., 3)
    table : ndarray of uint32, shape (256**3,)
        ``0xRRGGBB`` at index ``0xRRGGBB``.
    """
    out = np.empty(tiles.shape, np.uint8)
    _lookup(np.ascontiguousarray(tiles).reshape(-1, 3), out.reshape(-1, 3), table)
    return out


@numba.njit(cache=True, nogil=True)
def _byte(value: np.float32) -> np.uint32:
    return np.uint32(np.int32(value * np.float32(255) + np.float32(0.5)))


@numba.njit(cache=True, nogil=True)
def _read(curve: Float32, at: Float32, out: Float32) -> None:
    """Read a curve over 0 to 1 between its steps; no branch, so that it runs many values at once."""
    for i in range(256):
        place = min(max(at[i], np.float32(0)), np.float32(1)) * np.float32(_STEPS)
        step = np.int32(place)
        out[i] = curve[step] + (place - np.float32(step)) * (curve[step + 1] - curve[step])


@numba.njit(cache=True, nogil=True)
def _mix(inputs: Float32, row: Float32, offset: np.float32, out: Float32) -> None:
    for i in range(256):
        out[i] = row[0] * inputs[0, i] + row[1] * inputs[1, i] + row[2] * inputs[2, i] + offset


@numba.njit(cache=True, nogil=True)
def _cube(values: Float32) -> None:
    """Replace values by the inverse of CIE Lab's f."""
    for i in range(256):
        f = values[i]
        linear = np.float32(3 * (6 / 29) ** 2) * (f - np.float32(4 / 29))
        values[i] = f * f * f if f > np.float32(6 / 29) else linear


@numba.njit(cache=True, nogil=True)
def _fill(
    table: npt.NDArray[np.uint32],
    plain: Float32,
    weight: Float32,
    ratios: Float32,
    mix: Float32,
    offset: Float32,
    back: Float32,
    root: Float32,
    code: Float32,
) -> None:
    """Fill the table row by row: all the blues of one red and green at once."""
    roots, moved, row = np.empty((3, 256), np.float32), np.empty((3, 256), np.float32), np.empty(256, np.float32)
    for r in range(256):
        for g in range(256):
            for k in range(3):
                base = ratios[0, r, k] + ratios[1, g, k]
                for b in range(256):
                    row[b] = base + ratios[2, b, k]
                _read(root, row, roots[k])
            for k in range(3):
                _mix(roots, mix[k], offset[k], moved[k])
                _cube(moved[k])
            for k in range(3):
                _mix(moved, back[k], np.float32(0), row)
                _read(code, row, roots[k])
            heavy = max(weight[r, 0], weight[g, 1])
            colours = table[(r << 16) | (g << 8) : ((r << 16) | (g << 8)) + 256]
            red, green = plain[r, 0], plain[g, 1]
            for b in range(256):
                w, blue = max(heavy, weight[b, 2]), plain[b, 2]
                colours[b] = (
                    (_byte(red + w * (roots[0, b] - red)) << np.uint32(16))
                    | (_byte(green + w * (roots[1, b] - green)) << np.uint32(8))
                    | _byte(blue + w * (roots[2, b] - blue))
                )


def lab_table(plain: Float64, weight: Float64, gain: Float64, shift: Float64) -> npt.NDArray[np.uint32]:
    """Build the table of an affine map in CIE Lab that fades into the plain colour.

    Parameters
    ----------
    plain : ndarray of float64, shape (256, 3)
        sRGB, 0 to 1, of each value of each channel before the map.
    weight : ndarray of float64, shape (256, 3)
        How much of the map each value of each channel asks for; the largest of a colour's three holds.
    gain, shift : ndarray of float64, shape (3,)
        Of L*, a* and b*.

    Returns
    -------
    ndarray of uint32, shape (256**3,)
        For `apply_table`.
    """
    linear = np.where(plain <= 0.04045, plain / 12.92, ((plain + 0.055) / 1.055) ** 2.4)
    ratios = linear.T[:, :, None] * (XYZ_FROM_RGB / D65[:, None]).T[:, None, :]
    # Lab is affine in the roots f of X, Y and Z, so the map of Lab is an affine map of the roots.
    lab = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
    start = np.array([-16.0, 0.0, 0.0])
    mix = np.linalg.inv(lab) @ np.diag(gain) @ lab
    offset = np.linalg.inv(lab) @ (gain * start + shift - start)
    steps = np.linspace(0, 1, _STEPS + 1)
    root = np.where(steps > (6 / 29) ** 3, np.cbrt(steps), steps * (29 / 6) ** 2 / 3 + 4 / 29)
    code = np.where(steps <= 0.0031308, 12.92 * steps, 1.055 * steps ** (1 / 2.4) - 0.055)
    curves = (np.append(curve, curve[-1]) for curve in (root, code))  # one more, so that 1.0 has a next step
    table = np.empty(1 << 24, np.uint32)
    back = np.linalg.inv(XYZ_FROM_RGB) * D65
    single = [np.ascontiguousarray(a, np.float32) for a in (plain, weight, ratios, mix, offset, back, *curves)]
    _fill(table, *single)
    return table
