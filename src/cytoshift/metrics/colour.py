"""How far apart the colours of two images are: histograms, hue, and colour by colour where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.lab import lab_from_rgb

RGB = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

HUE_BINS = 10


def rgb_histograms(image: RGB, mask: Mask | None = None) -> FloatArray:
    """Return how often each level of each channel occurs.

    Parameters
    ----------
    image : ndarray of uint8, shape (..., 3)
    mask : ndarray of bool, shape (...), optional
        Pixels to count; all without.

    Returns
    -------
    ndarray of float64, shape (3, 256)
        Rows sum to 1; to 0 where no pixel is counted.
    """
    pixels = _pixels(image, mask)
    counts = np.stack([np.bincount(pixels[:, channel], minlength=256) for channel in range(3)])
    return counts / max(len(pixels), 1)


def bhattacharyya(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Return the Bhattacharyya distance of the RGB histograms of two images, 0 (alike) to 1 (no level in common).

    Per channel ``sqrt(1 - sum(sqrt(p q)))`` over 256 levels, the mean of the three channels. Table II of Chen et al.
    (arXiv 1909.05184) does not say which of the two usual definitions it means, nor how many bins. This one gives 0.21
    for Papanicolaou fields whose colours are rebuilt from gray level and red mask by a plain table, beside 0.207 to
    0.217 there; ``-ln(sum(sqrt(p q)))`` gives 0.05, and joint histograms of 8³ to 32³ bins give 0.39 to 0.73.

    Parameters
    ----------
    one, other : array_like, shape (3, 256)
        As `rgb_histograms` makes them.
    """
    common = np.sqrt(np.asarray(one, np.float64) * np.asarray(other, np.float64)).sum(axis=1)
    return float(np.sqrt(np.clip(1 - common, 0, None)).mean())


def hue_histogram(image: RGB, mask: Mask | None = None) -> FloatArray:
    """Return the distribution of hue that HIST compares.

    Hue counts from 0 to 179, in steps of two degrees, in ten equal bins over 0 to 256, as the field's implementations
    have it: the last three bins are always empty. What has no hue counts as 0.

    Parameters
    ----------
    image : ndarray of uint8, shape (..., 3)
    mask : ndarray of bool, shape (...), optional
        Pixels to count; all without.

    Returns
    -------
    ndarray of float64, shape (10,)
        Sums to 1; to 0 where no pixel is counted.
    """
    pixels = _pixels(image, mask)
    hue = hue_steps(pixels)
    return np.bincount(hue * HUE_BINS // 256, minlength=HUE_BINS) / max(len(pixels), 1)


def hue_correlation(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Return HIST: Pearson's correlation of two hue histograms, -1 to 1; 1 where both are flat, 0 where one is.

    Parameters
    ----------
    one, other : array_like, shape (10,)
        As `hue_histogram` makes them; the mean over images for a set of them.
    """
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    a, b = first - first.mean(), second - second.mean()
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(norms) < 1e-12:
        return float(max(norms) < 1e-12)
    return float(np.clip(a @ b / (norms[0] * norms[1]), -1, 1))


@dataclass(frozen=True, slots=True)
class ColourError:
    """How far an image is from the colours it should have.

    Parameters
    ----------
    delta_e : float
        Mean CIEDE2000; 1 is about what an eye can just see.
    levels : float
        Mean absolute difference of R, G and B, in levels of 255.
    """

    delta_e: float
    levels: float


def colour_error(image: RGB, truth: RGB, mask: Mask | None = None) -> ColourError:
    """Compare an image, pixel by pixel, with what it should be.

    Parameters
    ----------
    image, truth : ndarray of uint8, shape (..., 3)
        Of the same shape.
    mask : ndarray of bool, shape (...), optional
        Pixels to compare, at least one; all without.

    Raises
    ------
    ValueError
        The shapes differ, or nothing is left to compare.
    """
    if image.shape != truth.shape:
        raise ValueError(f"images of {image.shape} and {truth.shape} cannot be compared")
    here, there = _pixels(image, mask), _pixels(truth, mask)
    if not len(here):
        raise ValueError("there is no pixel to compare")
    difference = ciede2000(lab_from_rgb(here / 255), lab_from_rgb(there / 255))
    levels = np.abs(here.astype(np.int16) - there).mean()
    return ColourError(float(difference.mean()), float(levels))


def ciede2000(one: npt.ArrayLike, other: npt.ArrayLike) -> FloatArray:
    """Return the colour difference CIEDE2000 (CIE 142-2001; Sharma, Wu and Dalal 2005), all weights 1.

    Parameters
    ----------
    one, other : array_like, shape (..., 3)
        CIE Lab.
    """
    lightness1, a1, b1 = np.moveaxis(np.asarray(one, np.float64), -1, 0)
    lightness2, a2, b2 = np.moveaxis(np.asarray(other, np.float64), -1, 0)
    stretch = 1.5 - 0.5 * _towards_gray((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2)
    a1, a2 = a1 * stretch, a2 * stretch
    chroma1, chroma2 = np.hypot(a1, b1), np.hypot(a2, b2)
    hue1, hue2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    coloured = chroma1 * chroma2 > 0
    turn = np.where(coloured, (hue2 - hue1 + 180) % 360 - 180, 0)
    # opposite hues: the way round that the standard prescribes
    turn = np.where(coloured & (hue2 - hue1 == 180), 180, turn)
    far = coloured & (np.abs(hue1 - hue2) > 180)
    total = hue1 + hue2
    hue = np.where(far, np.where(total < 360, total + 360, total - 360), total) / np.where(coloured, 2, 1)
    lightness, chroma = (lightness1 + lightness2) / 2, (chroma1 + chroma2) / 2
    weight = 1 - 0.17 * _cos(hue - 30) + 0.24 * _cos(2 * hue) + 0.32 * _cos(3 * hue + 6) - 0.20 * _cos(4 * hue - 63)
    by_lightness = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    by_chroma, by_hue = 1 + 0.045 * chroma, 1 + 0.015 * chroma * weight
    rotation = -2 * _towards_gray(chroma) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    dl = (lightness2 - lightness1) / by_lightness
    dc = (chroma2 - chroma1) / by_chroma
    dh = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2)) / by_hue
    difference: FloatArray = np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + rotation * dc * dh, 0))
    return difference


def _towards_gray(chroma: FloatArray) -> FloatArray:
    grown: FloatArray = np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    return grown


def _cos(degrees: FloatArray) -> FloatArray:
    return np.cos(np.radians(degrees))


def _pixels(image: RGB, mask: Mask | None) -> RGB:
    return image.reshape(-1, 3) if mask is None else image[mask]


def hue_steps(pixels: RGB) -> npt.NDArray[np.intp]:
    """Return the hue of pixels ``(n, 3)`` in steps of two degrees, 0 to 179; 0 of what has none."""
    red, green, blue = pixels.astype(np.float64).T
    most, least = pixels.max(axis=1).astype(np.float64), pixels.min(axis=1)
    span = np.maximum(most - least, 1)
    sixths = np.where(
        most == red,
        (green - blue) / span,
        np.where(most == green, 2 + (blue - red) / span, 4 + (red - green) / span),
    )
    hue: npt.NDArray[np.intp] = np.floor(sixths * 30 + 0.5).astype(np.intp) % 180
    return hue
