"""Whether an image kept its structure while its colours changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

RGB = npt.NDArray[np.uint8]
Gray = npt.NDArray[np.float64]

LUMINANCE = (0.299, 0.587, 0.114)
"""Of R, G and B (Rec. 601)."""

_SIGMA, _REACH = 1.5, 5  # the Gaussian window of 11 x 11 pixels
_STEADY = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)


@dataclass(frozen=True, slots=True)
class Structure:
    """How much of an image's structure was kept.

    Parameters
    ----------
    gradient_correlation : float
        Correlation of the gradient magnitudes of luminance, -1 to 1: indifferent to contrast and brightness.
    ssim : float
        Mean structural similarity of luminance, 1 for the same image: a change of contrast counts, too.
    """

    gradient_correlation: float
    ssim: float


def structure_kept(before: RGB, after: RGB) -> Structure:
    """Compare the structure of two images of the same place.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (h, w, 3)
        RGB, at least 11 x 11 pixels.

    Raises
    ------
    ValueError
        The shapes differ, or the images are too small.
    """
    if before.shape != after.shape:
        raise ValueError(f"images of {before.shape} and {after.shape} cannot be compared")
    one, other = luminance(before), luminance(after)
    return Structure(gradient_correlation(one, other), ssim(one, other))


def luminance(image: RGB) -> Gray:
    """Return the luminance ``(h, w)``, 0 to 255, of RGB ``(h, w, 3)``."""
    gray: Gray = image.astype(np.float64) @ np.array(LUMINANCE)
    return gray


def gradient_correlation(one: Gray, other: Gray) -> float:
    """Return the correlation of the gradient magnitudes (Sobel) of two gray images ``(h, w)``.

    1 where both are flat, 0 where only one is.
    """
    a, b = (_magnitude(image) for image in (one, other))
    a, b = a - a.mean(), b - b.mean()
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(norms) < 1e-9:
        return float(max(norms) < 1e-9)
    return float(np.clip((a * b).sum() / (norms[0] * norms[1]), -1, 1))


def _magnitude(image: Gray) -> Gray:
    magnitude: Gray = np.hypot(
        ndimage.sobel(image, axis=0, mode="nearest"), ndimage.sobel(image, axis=1, mode="nearest")
    )
    return magnitude


def ssim(one: Gray, other: Gray) -> float:
    """Return the mean structural similarity of two gray images ``(h, w)`` of 0 to 255.

    Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 2004: Gaussian window of 11 x 11 pixels and sigma 1.5, K1 0.01, K2
    0.03, over the windows that lie wholly inside.

    Raises
    ------
    ValueError
        When no window fits.
    """
    if min(one.shape) < 2 * _REACH + 1:
        raise ValueError(f"an image of {one.shape} is too small for windows of 11 x 11 pixels")
    mean1, mean2 = _smooth(one), _smooth(other)
    variance1, variance2 = _smooth(one * one) - mean1**2, _smooth(other * other) - mean2**2
    shared = _smooth(one * other) - mean1 * mean2
    c1, c2 = _STEADY
    alike = (2 * mean1 * mean2 + c1) * (2 * shared + c2)
    scale = (mean1**2 + mean2**2 + c1) * (variance1 + variance2 + c2)
    return float((alike / scale).mean())


def _smooth(image: Gray) -> Gray:
    """Return Gaussian means over whole windows."""
    smooth: Gray = ndimage.gaussian_filter(image, _SIGMA, radius=_REACH)
    return smooth[_REACH:-_REACH, _REACH:-_REACH]
