"""HIST: how much of the hue of a set of images is that of the target, as published and on tissue alone."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.colour import FloatArray, hue_correlation, hue_steps

RGB = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

TISSUE_BINS = 18
"""Bins of 20 degrees that the masked form has."""

COLOURED = 10
"""Levels between a pixel's largest and smallest channel, from which its hue is more than noise."""


def tissue_hue_histogram(image: RGB, tissue: Mask) -> FloatArray:
    """Return the distribution of the hue of stained tissue.

    The published histogram (`hue_histogram`) counts glass, whose hue is arbitrary, and leaves bins empty in every
    image, which makes images look alike. This one has its bins where hues are and counts tissue that has a colour.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
    tissue : ndarray of bool, shape (h, w)

    Returns
    -------
    ndarray of float64, shape (18,)
        Sums to 1; to 0 where no tissue has a colour.
    """
    pixels = image[tissue]
    pixels = pixels[np.ptp(pixels, axis=1) >= COLOURED]
    return np.bincount(hue_steps(pixels) * TISSUE_BINS // 180, minlength=TISSUE_BINS) / max(len(pixels), 1)


def mean_hue_correlation(histograms: Iterable[npt.ArrayLike], target: Iterable[npt.ArrayLike]) -> float:
    """Return HIST of a set: the mean, over its images, of the correlation with the target's mean histogram.

    Parameters
    ----------
    histograms, target : iterables of array_like, shape (bins,)
        Of the images, and of the target's, made alike. Histograms that sum to 0 take no part.

    Raises
    ------
    ValueError
        Nothing is left of either.
    """
    counted, wanted = (
        [each for each in (np.asarray(given, np.float64) for given in side) if each.any()]
        for side in (histograms, target)
    )
    if not counted or not wanted:
        raise ValueError("there is no coloured pixel to compare")
    mean = np.mean(wanted, axis=0)
    return float(np.mean([hue_correlation(each, mean) for each in counted]))
