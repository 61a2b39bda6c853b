"""NIQE: how far the texture of images is from that of a set they should look like; no pairs, no network.

Mittal, Soundararajan and Bovik, "Making a completely blind image quality analyzer", IEEE Signal Processing Letters
2013. What is published is fitted to photographs, whose statistics say nothing of a smear: here the model is fitted to
the images of the target domain, and a figure belongs to that fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from cytoshift.durable import new_file
from cytoshift.errors import DataError
from cytoshift.metrics.structure import luminance

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

PATCH = 96
"""Side in pixels of a patch, as published."""

FEATURES = 36
"""Of a patch: 18 at each of two scales."""

_SIGMA, _REACH = 7 / 6, 3  # the Gaussian window of 7 x 7 pixels
_ROUNDING = 1e-9
_SHARP = 0.75  # of the sharpest patch of an image: what is less is not taken to fit
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
_SHAPES = np.arange(0.2, 10.0005, 0.001)
_RATIOS = special.gamma(2 / _SHAPES) ** 2 / (special.gamma(1 / _SHAPES) * special.gamma(3 / _SHAPES))
# Keys' cubic stretched to twice its width, which halves an image without aliasing
_HALVING = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256


@dataclass(frozen=True, slots=True, eq=False)
class Niqe:
    """A model of what patches of the target domain look like.

    Parameters
    ----------
    mean : ndarray of float64, shape (36,)
    covariance : ndarray of float64, shape (36, 36)
        Of the features of its sharp patches.
    patch : int
        Side in pixels of a patch, even.
    patches, images : int
        How many it was fitted to.
    """

    mean: FloatArray
    covariance: FloatArray
    patch: int
    patches: int
    images: int

    @classmethod
    def fit(cls, images: Iterable[RGB], patch: int = PATCH) -> Self:
        """Fit the sharp patches of a set of images.

        As published, a patch is taken where its mean local deviation is over 0.75 of the sharpest one's of its image.

        Parameters
        ----------
        images : iterable of ndarray of uint8, shape (h, w, 3)
            Of the target domain, each of at least one patch a side.
        patch : int
            96 is the published side; half the side of images under 192 px. Figures of different sides do not compare.

        Raises
        ------
        ValueError
            Fewer sharp patches than a covariance of 36 features needs, or a patch that is odd or smaller than 16 px.
        """
        rows, count = [], 0
        for image in images:
            features, sharpness = patch_features(image, patch)
            rows.append(features[sharpness > _SHARP * sharpness.max(initial=0)])
            count += 1
        sharp = np.concatenate(rows) if rows else np.zeros((0, FEATURES))
        if len(sharp) <= FEATURES:
            raise ValueError(f"{len(sharp)} sharp patches of {patch} px are too few; NIQE needs more than {FEATURES}")
        return cls(sharp.mean(axis=0), np.cov(sharp.T), patch, len(sharp), count)

    def score(self, image: RGB) -> float:
        """Return how far an image is from the model: 0 upwards, smaller is nearer.

        ``sqrt((m1 - m2)ᵀ ((C1 + C2) / 2)⁺ (m1 - m2))`` of the model and of all patches of the image, blurred ones, too.

        Raises
        ------
        ValueError
            Fewer than two patches of the image show anything.
        """
        features, _ = patch_features(image, self.patch)
        if len(features) < 2:
            raise ValueError(f"an image of {image.shape[:2]} shows fewer than two patches of {self.patch} px")
        shift = self.mean - features.mean(axis=0)
        inverse = np.linalg.pinv((self.covariance + np.cov(features.T)) / 2, hermitian=True)
        return float(np.sqrt(max(shift @ inverse @ shift, 0.0)))

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        moments = {"mean": self.mean.tolist(), "covariance": self.covariance.tolist()}
        return {"patch": self.patch, "patches": self.patches, "images": self.images, **moments}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return what `to_json` gave; ValueError where it is something else."""
        try:
            mean, covariance = (np.asarray(data[name], np.float64) for name in ("mean", "covariance"))
            counts = int(data["patch"]), int(data["patches"]), int(data["images"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"no fit of NIQE: {error}") from error
        if mean.shape != (FEATURES,) or covariance.shape != (FEATURES, FEATURES):
            raise ValueError(f"no fit of NIQE: moments of {mean.shape} and {covariance.shape}")
        return cls(mean, covariance, *counts)

    def save(self, path: str | Path) -> Path:
        """Write the fit as JSON and return its path."""
        with new_file(Path(path)) as file:
            file.write((json.dumps(self.to_json()) + "\n").encode())
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a fit; DataError where the file is none."""
        try:
            return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{path} is no saved fit of NIQE ({error}); fit the target's images again.") from error


def patch_side(images: Sequence[RGB]) -> int:
    """Return the published side of a patch, or half the shortest side of the images, even, where they are smaller."""
    shortest: int = min(min(image.shape[:2]) for image in images)
    return min(PATCH, shortest // 4 * 2)


def patch_features(image: RGB, patch: int = PATCH) -> tuple[FloatArray, FloatArray]:
    """Return the features of the patches of an image side by side, and how sharp each patch is.

    Patches that show nothing (blank, saturated) have no features and are left out.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
    patch : int
        Side in pixels, even, at least 16.

    Returns
    -------
    features : ndarray of float64, shape (n, 36)
        Per scale the shape and the mean scale of the normalized luma, then shape, mean, left and right scale of the
        products of neighbours along four directions.
    sharpness : ndarray of float64, shape (n,)
        Mean local deviation.
    """
    if patch < 16 or patch % 2:
        raise ValueError(f"patches of {patch} px: the side must be even and at least 16")
    rows, columns = image.shape[0] // patch, image.shape[1] // patch
    if not rows or not columns:
        return np.zeros((0, FEATURES)), np.zeros(0)
    luma = luminance(image[: rows * patch, : columns * patch])
    normalized, deviation = normalize(luma)
    sharpness = _patches(deviation, patch).mean(axis=(1, 2))
    coarse, _ = normalize(halved(luma))
    features = np.concatenate([_describe(_patches(normalized, patch)), _describe(_patches(coarse, patch // 2))], axis=1)
    shown = np.isfinite(features).all(axis=1)
    return features[shown], sharpness[shown]


def normalize(luma: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return luma ``(h, w)`` less its local mean over its local deviation and 1 (MSCN), and that deviation."""
    mean = ndimage.gaussian_filter(luma, _SIGMA, radius=_REACH, mode="nearest")
    square = ndimage.gaussian_filter(luma * luma, _SIGMA, radius=_REACH, mode="nearest")
    deviation: FloatArray = np.sqrt(np.abs(square - mean * mean))
    above = luma - mean
    above[np.abs(above) < _ROUNDING] = 0  # where nothing changes, rounding alone would look like texture
    normalized: FloatArray = above / (deviation + 1)
    return normalized, deviation


def halved(luma: FloatArray) -> FloatArray:
    """Return luma at half its size, filtered so that it does not alias."""
    for axis in (0, 1):
        # the filter lies between two pixels: with this origin, between a pixel and the next
        luma = ndimage.correlate1d(luma, _HALVING, axis=axis, mode="reflect", origin=-1)
    return luma[::2, ::2]


def fit_asymmetric(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fit asymmetric generalized Gaussians by their moments (Lasmar, Stitou and Berthoumieu, ICIP 2009).

    Parameters
    ----------
    values : ndarray of float64, shape (n, k)
        k values of each of n distributions.

    Returns
    -------
    shape, left, right : ndarray of float64, shape (n,)
        Shape (2 of a Gaussian, 1 of a Laplacian) between 0.2 and 10, and the scales of both sides; NaN where the
        values have not both signs.
    """
    below, above = values < 0, values > 0
    squares = values * values
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt((squares * below).sum(axis=1) / below.sum(axis=1))
        right = np.sqrt((squares * above).sum(axis=1) / above.sum(axis=1))
        lean = left / right
        ratio = np.abs(values).mean(axis=1) ** 2 / squares.mean(axis=1)
        ratio *= (lean**3 + 1) * (lean + 1) / (lean**2 + 1) ** 2
        shape = np.interp(ratio, _RATIOS, _SHAPES)
        to_scale = np.sqrt(special.gamma(1 / shape) / special.gamma(3 / shape))
    return shape, left * to_scale, right * to_scale


def _describe(patches: FloatArray) -> FloatArray:
    """Return the 18 features ``(n, 18)`` of normalized patches ``(n, side, side)``."""
    count = len(patches)
    shape, left, right = fit_asymmetric(patches.reshape(count, -1))
    columns = [shape, (left + right) / 2]
    for dy, dx in _NEIGHBOURS:
        side = patches.shape[1]
        here = patches[:, : side - dy, max(-dx, 0) : side - max(dx, 0)]
        there = patches[:, dy:, max(dx, 0) : side + min(dx, 0)]
        shape, left, right = fit_asymmetric((here * there).reshape(count, -1))
        mean = (right - left) * special.gamma(2 / shape) / special.gamma(1 / shape)
        columns += [shape, mean, left, right]
    return np.stack(columns, axis=1)


def _patches(image: FloatArray, side: int) -> FloatArray:
    """Cut an image ``(rows * side, columns * side)`` into ``(rows * columns, side, side)``."""
    rows, columns = image.shape[0] // side, image.shape[1] // side
    return image.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)
