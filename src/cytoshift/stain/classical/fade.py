"""Glass made white, and how far a colour is from it: a method that shifts colours must not tint the background."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.stain.colours import White, optical_density

FloatArray = npt.NDArray[np.float64]

FADE = (0.03, 0.25)
"""Optical density up to which a colour is glass, and from which it is shifted in full."""


def whitened(pixels: npt.ArrayLike, white: White) -> FloatArray:
    """Return RGB ``(..., 3)``, 0 to 1, with the glass at 1; what is brighter is 1, too."""
    ratio: FloatArray = np.minimum(np.asarray(pixels, np.float64) / np.asarray(white), 1.0)
    return ratio


def stained_weight(pixels: npt.ArrayLike, white: White) -> FloatArray:
    """Return how far each channel of pixels ``(..., 3)`` is from glass, 0 to 1, smoothly."""
    low, high = FADE
    t = np.clip((optical_density(pixels, white) - low) / (high - low), 0, 1)
    weight: FloatArray = t * t * (3 - 2 * t)
    return weight
