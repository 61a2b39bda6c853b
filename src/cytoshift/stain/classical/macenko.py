"""Macenko normalization: two stains, found as the extreme directions of optical density, rescaled to a reference.

Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI 2009. Two departures: the
white point is the slide's own glass, and what the two stains do not explain is kept as a third direction instead of
being dropped.
"""

from __future__ import annotations

import numpy as np

from cytoshift.stain.classical.separation import Vector, unit
from cytoshift.stain.colours import STAINED, Colours, StainError, density_table

ANGLE = 0.01
"""Share of the pixels beyond the angles at which the two stains are read: alpha of the paper."""

_FEWEST = 100


def find_stains(colours: Colours) -> tuple[Vector, Vector]:
    """Find the two stains of a slide: haematoxylin, which absorbs more red, and eosin.

    Parameters
    ----------
    colours : Colours

    Returns
    -------
    tuple of tuple of float
        Unit vectors of optical density.

    Raises
    ------
    StainError
        When too few pixels are stained in all three channels.
    """
    from cytoshift.stain.classical.sampling import extreme_angles, strong_moments

    table = density_table(colours.white)
    count, covariance = strong_moments(colours.pixels, table, STAINED)
    if count < _FEWEST:
        raise StainError(
            f"{colours.name} is stained too weakly for two stains to be found; use 'reinhard', or look at the original."
        )
    plane = np.linalg.eigh(covariance).eigenvectors[:, :0:-1]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    angles = extreme_angles(colours.pixels, table, STAINED, plane, (ANGLE, 1 - ANGLE))
    one, other = (unit(plane @ np.array([np.cos(angle), np.sin(angle)])) for angle in angles)
    return (one, other) if one[0] > other[0] else (other, one)
