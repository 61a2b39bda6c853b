"""The two colour augmentations that the paper compares with: along RGB's principal components, and linear in HSV."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

SPREAD = 0.1
"""Standard deviation of the share of each principal component that is added (Krizhevsky et al., 2012)."""

HUE, SATURATION, VALUE = 0.08, 0.4, 0.3
"""How far the hue is turned (in turns), and saturation and value are scaled, at most; the paper gives no numbers."""


def principal_components(images: Sequence[RGB]) -> FloatArray:
    """Return the principal components of the colours of images as columns ``(3, 3)``, as long as they spread wide."""
    pixels = np.concatenate([image[::16, ::16].reshape(-1, 3) for image in images]).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(pixels.T))
    components: FloatArray = vectors * np.sqrt(np.maximum(values, 0))
    return components


def vary_pca(rng: np.random.Generator, view: RGB, components: FloatArray) -> RGB:
    """Add a random share of each principal component to all pixels (Krizhevsky et al., NeurIPS 2012).

    Their components are scaled by eigenvalues of colours in 0 to 1, whose standard deviation is about a quarter, so a
    tenth of an eigenvalue is a fortieth of full scale; here a tenth of the standard deviation is added instead, four
    times as much, which is what changes a stain visibly.
    """
    shift = components @ rng.normal(0, SPREAD, 3)
    return np.clip(view + shift, 0, 255).astype(np.uint8)


def vary_hsv(rng: np.random.Generator, view: RGB) -> RGB:
    """Turn the hue and scale saturation and value at random."""
    hsv = np.asarray(Image.fromarray(np.ascontiguousarray(view)).convert("HSV")).astype(np.int32)
    turn, saturation, value = rng.uniform(-1, 1, 3) * (HUE * 256, SATURATION, VALUE)
    hsv[..., 0] = (hsv[..., 0] + round(turn)) % 256
    scaled = hsv[..., 1:] * np.array([1 + saturation, 1 + value])
    varied = np.dstack([hsv[..., 0], np.clip(scaled, 0, 255)]).astype(np.uint8)
    return np.asarray(Image.frombytes("HSV", varied.shape[1::-1], varied.tobytes()).convert("RGB"))
