"""sRGB to CIE Lab and back, under D65."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

XYZ_FROM_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""Linear sRGB to CIE XYZ (IEC 61966-2-1)."""

D65 = XYZ_FROM_RGB.sum(axis=1)
"""XYZ of white."""


def lab_from_rgb(rgb: npt.ArrayLike) -> FloatArray:
    """Convert sRGB ``(..., 3)``, 0 to 1, to CIE Lab (D65)."""
    coded = np.asarray(rgb, np.float64)
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    ratio = linear @ (XYZ_FROM_RGB / D65[:, None]).T
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def rgb_from_lab(lab: npt.ArrayLike) -> FloatArray:
    """Convert CIE Lab (D65) ``(..., 3)`` to sRGB, cut to 0 to 1."""
    lightness, a, b = np.moveaxis(np.asarray(lab, np.float64), -1, 0)
    middle = (lightness + 16) / 116
    f = np.stack([middle + a / 500, middle, middle - b / 200], axis=-1)
    ratio = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    linear = np.clip((ratio * D65) @ np.linalg.inv(XYZ_FROM_RGB).T, 0, 1)
    coded: FloatArray = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return coded
