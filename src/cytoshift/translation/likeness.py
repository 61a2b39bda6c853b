"""How near a set of images is to a target's: measured on crops, patches, hue and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from cytoshift.errors import DataError
from cytoshift.metrics import (
    Gaussian,
    Niqe,
    Seams,
    bhattacharyya,
    colour_error,
    frechet_distance,
    hue_histogram,
    kernel_distance,
    mean_hue_correlation,
    rgb_histograms,
    tissue_hue_histogram,
)
from cytoshift.metrics.niqe import patch_side
from cytoshift.slides.pyramid import halve
from cytoshift.slides.tissue import COARSEST, tissue_mask
from cytoshift.translation.features import FeatureNetwork

RGB = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

CROP = 256
"""Side in pixels of the crops whose features are compared, where the images are as large."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How near a set of images is to the target's.

    Parameters
    ----------
    fid : float
        Fréchet distance of the features of crops; too large of few crops.
    kid100, kid100_spread : float
        Unbiased kernel distance of the same features times 100, and its standard deviation over subsets.
    niqe : float or None
        Mean distance of texture from a model fitted to the target's images; None where these are too few for one.
    hist, hist_tissue : float or None
        Mean correlation with the target's mean hue histogram, as published and on coloured tissue; None where there is
        no colour.
    bhattacharyya : float
        Distance of the mean RGB histograms, 0 to 1.
    seam : float or None
        Seam ratio over all images; None where no tile border is known or seen.
    delta_e, levels : float or None
        Mean CIEDE2000 and mean absolute difference of RGB from the true rendering; None where it is not known.
    """

    fid: float
    kid100: float
    kid100_spread: float
    niqe: float | None
    hist: float | None
    hist_tissue: float | None
    bhattacharyya: float
    seam: float | None
    delta_e: float | None
    levels: float | None


@dataclass(frozen=True, slots=True, eq=False)
class TargetLook:
    """What the target's images look like, measured once for any number of translations.

    Parameters
    ----------
    describer : FeatureNetwork
    mpp : float
    crop : int
    images : int
    features : ndarray of float64, shape (n, d)
        Of the crops.
    gaussian : Gaussian
        Of the features.
    niqe : Niqe or None
    patch : int
        Side in pixels of NIQE's patches.
    hue, hue_tissue : ndarray of float64, shapes (images, 10) and (images, 18)
    rgb : ndarray of float64, shape (3, 256)
        Mean histograms.
    """

    describer: FeatureNetwork
    mpp: float
    crop: int
    images: int
    features: FloatArray
    gaussian: Gaussian
    niqe: Niqe | None
    patch: int
    hue: FloatArray
    hue_tissue: FloatArray
    rgb: FloatArray

    @classmethod
    def of(
        cls, images: Sequence[RGB], describer: FeatureNetwork, *, mpp: float = 0.25, crop: int | None = None
    ) -> Self:
        """Measure the target's images.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (y, x, 3)
        describer : FeatureNetwork
        mpp : float
            µm/px of the images.
        crop : int, optional
            Side in pixels of the crops; 256 without, or the shortest side of the images where that is less.

        Raises
        ------
        DataError
            There is one crop or none, or it is too small for the network.
        """
        if not images:
            raise DataError("The target has no image; give at least two.")
        crop = crop or min(CROP, min(min(image.shape[:2]) for image in images))
        features = describer.of(_crops(images, crop, "The target"), mpp)
        patch = patch_side(images)
        return cls(
            describer=describer,
            mpp=mpp,
            crop=crop,
            images=len(images),
            features=features,
            gaussian=Gaussian.of(features),
            niqe=_fitted(images, patch),
            patch=patch,
            hue=np.array([hue_histogram(image) for image in images]),
            hue_tissue=np.array([tissue_hue_histogram(image, tissue(image, mpp)) for image in images]),
            rgb=_mean_histograms(images),
        )


def likeness(
    images: Sequence[RGB],
    masks: Sequence[Mask],
    target: TargetLook,
    *,
    truth: Sequence[RGB] | None = None,
    tile: int | None = None,
) -> Likeness:
    """Measure images against a target's; the parameters are those of `evaluate`, and masks of tissue.

    Raises
    ------
    DataError
        There are fewer than two crops, or they are too small for the network.
    """
    features = target.describer.of(_crops(images, target.crop, "The source"), target.mpp)
    kernel = kernel_distance(features, target.features)
    errors = [colour_error(image, true) for image, true in zip(images, truth or (), strict=truth is not None)]
    return Likeness(
        fid=frechet_distance(Gaussian.of(features), target.gaussian),
        kid100=100 * kernel.value,
        kid100_spread=100 * kernel.spread,
        niqe=None if target.niqe is None else _mean_niqe(images, target.niqe),
        hist=_hist([hue_histogram(image) for image in images], target.hue),
        hist_tissue=_hist(
            [tissue_hue_histogram(image, mask) for image, mask in zip(images, masks, strict=True)], target.hue_tissue
        ),
        bhattacharyya=bhattacharyya(_mean_histograms(images), target.rgb),
        seam=None if tile is None else _seam(images, tile),
        delta_e=float(np.mean([error.delta_e for error in errors])) if errors else None,
        levels=float(np.mean([error.levels for error in errors])) if errors else None,
    )


def cut(images: Sequence[RGB], side: int) -> RGB:
    """Cut images into crops ``(n, side, side, 3)`` side by side; what is left at the far edges is dropped."""
    crops = [
        image[y : y + side, x : x + side]
        for image in images
        for y in range(0, image.shape[0] - side + 1, side)
        for x in range(0, image.shape[1] - side + 1, side)
    ]
    return np.stack(crops) if crops else np.zeros((0, side, side, 3), np.uint8)


def tissue(image: RGB, mpp: float) -> Mask:
    """Return where an image ``(y, x, 3)`` shows tissue, found at about 2 µm/px."""
    small, halvings = image, 0
    while mpp * 2 <= COARSEST and min(small.shape[:2]) >= 2:
        small, mpp, halvings = halve(small), mpp * 2, halvings + 1
    mask = tissue_mask(small, mpp)
    for axis in (0, 1):
        mask = np.repeat(mask, 2**halvings, axis=axis)
    return mask[: image.shape[0], : image.shape[1]]


def _crops(images: Sequence[RGB], side: int, whose: str) -> RGB:
    crops = cut(images, side)
    if len(crops) < 2:
        raise DataError(
            f"{whose} has {len(crops)} crop{'' if len(crops) == 1 else 's'} of {side} px, and sets are compared;"
            " give more images, or take smaller crops."
        )
    return crops


def _fitted(images: Sequence[RGB], patch: int) -> Niqe | None:
    """Return NIQE of the target's images; None where they have too few sharp patches, or are too small."""
    try:
        return Niqe.fit(images, patch)
    except ValueError:
        return None


def _mean_niqe(images: Sequence[RGB], niqe: Niqe) -> float | None:
    """Return the mean over the images that show enough patches; None where none does."""
    scores = []
    for image in images:
        try:
            scores.append(niqe.score(image))
        except ValueError:
            continue
    return float(np.mean(scores)) if scores else None


def _hist(histograms: Sequence[FloatArray], target: FloatArray) -> float | None:
    try:
        return mean_hue_correlation(histograms, target)
    except ValueError:
        return None


def _seam(images: Sequence[RGB], tile: int) -> float | None:
    seams = sum((Seams.of(image, tile) for image in images), Seams())
    return seams.ratio if any(seams.borders) else None


def _mean_histograms(images: Sequence[RGB]) -> FloatArray:
    mean: FloatArray = np.mean([rgb_histograms(image) for image in images], axis=0)
    return mean
