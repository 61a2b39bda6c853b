"""Two laboratories: what their stain, lamp, optics and camera make of the same dyes.

Light follows Beer and Lambert: optical densities of the dyes add up, and intensity falls as ``10 ** -OD``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.slides.samples.texture import Field, spread, texture

RGB = npt.NDArray[np.uint8]
StyleName = Literal["home", "away"]

HALO = 6
"""Pixels around a window that its optics draw from."""


@dataclass(frozen=True, slots=True)
class Style:
    """A stain and a scanner.

    Parameters
    ----------
    dyes : tuple of tuple of float
        Optical density in red, green, blue of one unit of hematoxylin, eosin, orange G, light green and dirt.
    lamp : tuple of float
        Colour of empty glass, 0 to 255.
    haze : float
        Optical density of dried mucus on the glass.
    blur : float
        Standard deviation of the optics in pixels.
    noise : float
        Standard deviation of the camera's noise in grey levels at full light.
    gamma : float
        Tone curve: above 1 darkens the middle tones.
    flare : float
        Share of stray light, which lifts the darkest tones.
    """

    dyes: tuple[tuple[float, float, float], ...]
    lamp: tuple[float, float, float]
    haze: float
    blur: float
    noise: float
    gamma: float
    flare: float


STYLES: dict[StyleName, Style] = {
    "home": Style(
        dyes=((0.52, 0.70, 0.48), (0.10, 0.52, 0.50), (0.05, 0.22, 0.82), (0.60, 0.22, 0.24), (0.8, 0.8, 0.75)),
        lamp=(250.0, 253.5, 253.0),
        haze=0.010,
        blur=0.62,
        noise=1.3,
        gamma=1.0,
        flare=0.012,
    ),
    "away": Style(
        dyes=((0.50, 0.54, 0.34), (0.10, 0.46, 0.28), (0.08, 0.34, 0.26), (0.40, 0.26, 0.16), (0.7, 0.7, 0.7)),
        lamp=(176.0, 170.0, 156.0),
        haze=0.008,
        blur=1.35,
        noise=2.2,
        gamma=1.1,
        flare=0.05,
    ),
}


def develop(dyes: Field, y: int, x: int, style: Style) -> RGB:
    """Turn dyes into the camera's picture.

    Parameters
    ----------
    dyes : ndarray of float32, shape (5, height + 2 * HALO, width + 2 * HALO)
        Amount of every dye, with a halo.
    y, x : int
        Level-0 pixel of the first pixel inside the halo.
    style : Style
        Stain and scanner.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    height, width = (side - 2 * HALO for side in dyes.shape[1:])
    picture = np.empty((height, width, 3), np.uint8)
    mucus = _mucus(y - HALO, x - HALO, *dyes.shape[1:])
    for c in range(3):
        density = mucus * np.float32(style.haze * (1.0, 0.55, 0.7)[c])
        for amount, vector in zip(dyes, style.dyes, strict=True):
            density += amount * np.float32(vector[c])
        light = np.exp(density * np.float32(-np.log(10)))
        if style.blur:
            light = ndimage.gaussian_filter(light, style.blur, radius=HALO)
        light = light[HALO:-HALO, HALO:-HALO]
        light = (light * np.float32(1 - style.flare) + np.float32(style.flare)) ** np.float32(style.gamma)
        shot = spread(texture(0.0, 1 + c), y, x, height, width) * np.sqrt(light) * np.float32(style.noise)
        picture[..., c] = np.clip(light * np.float32(style.lamp[c]) + shot + 0.5, 0, 255)
    return picture


def _mucus(y: int, x: int, height: int, width: int) -> Field:
    fine = spread(texture(3.0), y, x, height, width)
    broad = spread(texture(16.0), y, x, height, width, stretch=7)
    mucus: Field = np.clip(np.float32(0.4) + np.float32(0.3) * fine + broad, 0, 2.5)
    return mucus
