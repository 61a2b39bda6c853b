"""How far apart two sets of images are by their features: the Fréchet distance (FID) and the kernel distance (KID).

Both compare features ``(n, d)`` of images, whichever network made them; a figure means nothing without that network's
name and the number of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

SUBSETS, SUBSET = 100, 1000
"""Subsets that the kernel distance is the mean of, and features in each at most: as usual in the field."""


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A Gaussian, with a factor of its covariance, which may be singular.

    Parameters
    ----------
    mean : ndarray of float64, shape (d,)
    factor : ndarray of float64, shape (k, d)
        ``factor.T @ factor`` is the covariance. Of n samples, k is at most n: no root of a d x d matrix is needed.
    """

    mean: FloatArray
    factor: FloatArray

    @classmethod
    def of(cls, features: npt.ArrayLike) -> Self:
        """Fit features ``(n, d)``, with the unbiased covariance; ValueError of fewer than two."""
        values = _features(features)
        mean = values.mean(axis=0)
        factor = (values - mean) / np.sqrt(len(values) - 1)
        if len(factor) > factor.shape[1]:
            factor = np.linalg.qr(factor, mode="r")
        return cls(mean, factor)

    @classmethod
    def from_moments(cls, mean: npt.ArrayLike, covariance: npt.ArrayLike) -> Self:
        """Return the Gaussian of a mean ``(d,)`` and a covariance ``(d, d)``, less what rounding made negative."""
        values, vectors = np.linalg.eigh(np.asarray(covariance, np.float64))
        return cls(np.asarray(mean, np.float64), np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """Return the squared Fréchet (2-Wasserstein) distance of two Gaussians; of features of images, FID.

    ``|m1 - m2|² + tr(C1) + tr(C2) - 2 tr((C1 C2)^½)`` (Heusel et al., NeurIPS 2017). With ``C = FᵀF`` the last trace is
    the sum of the singular values of ``F1 F2ᵀ``, which is exact where the covariances are singular, too. The estimate
    from n features is too large, the more the fewer there are: compare only figures of as many images.

    Parameters
    ----------
    one, other : Gaussian
        In the same number of dimensions.
    """
    shift = one.mean - other.mean
    spread = (one.factor**2).sum() + (other.factor**2).sum()
    common = np.linalg.svd(one.factor @ other.factor.T, compute_uv=False).sum()
    return float(max(shift @ shift + spread - 2 * common, 0.0))


@dataclass(frozen=True, slots=True)
class KernelDistance:
    """The kernel distance of two sets, KID.

    Parameters
    ----------
    value : float
        Squared maximum mean discrepancy; about 0, and as often below as above, for two sets of one distribution. The
        field reports it times 100.
    spread : float
        Standard deviation over the subsets; 0 where there is one.
    subsets, size : int
        How many subsets it is the mean of, and of how many features each.
    """

    value: float
    spread: float
    subsets: int
    size: int


def kernel_distance(
    one: npt.ArrayLike, other: npt.ArrayLike, *, subsets: int = SUBSETS, size: int = SUBSET, seed: int = 0
) -> KernelDistance:
    """Return the unbiased kernel distance of two sets of features, KID (Bińkowski et al., ICLR 2018).

    Kernel ``(x·y / d + 1)³``. Where both sets are within `size`, all of both is compared once; otherwise the mean over
    random subsets, drawn without replacement, of the smaller set's number of features and of `size` at most.

    Parameters
    ----------
    one, other : array_like, shapes (n, d) and (m, d)
    subsets, size : int
        Subsets, and features in each at most.
    seed : int
        Of the drawing.

    Raises
    ------
    ValueError
        A set has fewer than two features, or the sets have different dimensions.
    """
    first, second = _features(one), _features(other)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"features of {first.shape[1]} and {second.shape[1]} dimensions cannot be compared")
    if max(len(first), len(second)) <= size:
        return KernelDistance(squared_discrepancy(first, second), 0.0, 1, min(len(first), len(second)))
    rng = np.random.default_rng(seed)
    drawn = min(size, len(first), len(second))
    values = [
        squared_discrepancy(*(each[rng.choice(len(each), drawn, replace=False)] for each in (first, second)))
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)), subsets, drawn)


def squared_discrepancy(one: FloatArray, other: FloatArray) -> float:
    """Return the unbiased estimate of the squared maximum mean discrepancy of features ``(n, d)`` and ``(m, d)``."""
    within = sum(_mean_of_pairs(each) for each in (one, other))
    return float(within - 2 * _kernel(one, other).mean())


def _mean_of_pairs(features: FloatArray) -> float:
    """Return the mean kernel of two different features."""
    kernel, n = _kernel(features, features), len(features)
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def _kernel(one: FloatArray, other: FloatArray) -> FloatArray:
    kernel: FloatArray = (one @ other.T / one.shape[1] + 1) ** 3
    return kernel


def _features(given: npt.ArrayLike) -> FloatArray:
    features = np.asarray(given, np.float64)
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"two features or more are needed, as an array (n, d), not {features.shape}")
    return features
