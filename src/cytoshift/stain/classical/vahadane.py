"""Vahadane normalization: two stains found by sparse non-negative factorisation of optical density.

Vahadane et al., "Structure-preserving color normalization and sparse stain separation for histological images", IEEE
TMI 2016. The stains are learnt by coordinate descent, one pass over the sampled pixels after the other, as in Mairal et
al., "Online learning for matrix factorization and sparse coding", JMLR 2010. It starts from haematoxylin and eosin, so
the same slide always has the same stains. They are applied by a matrix, as Macenko's are, and the residual is kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.stain.classical.ruifrok import HAEMATOXYLIN_EOSIN
from cytoshift.stain.classical.separation import Vector, unit
from cytoshift.stain.colours import Colours, StainError, density_table

FloatArray = npt.NDArray[np.float64]

PENALTY = 0.1
"""Lambda of the paper: how much a concentration costs."""

_PASSES = 200
_STILL = 1e-5  # movement of the stains at which they are found
_PIXELS = (5_000, 50_000)  # that are looked at in every pass: few to come near, more to arrive


def find_stains(colours: Colours) -> tuple[Vector, Vector]:
    """Find the two stains of a slide: haematoxylin, which absorbs more red, and eosin.

    They make ``|density - concentrations stains|^2 / 2 + PENALTY * sum(concentrations)`` least over the sampled pixels,
    with everything non-negative and the stains of length 1.

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
        When the slide is stained so weakly that nothing of them is left.
    """
    stains = np.array(HAEMATOXYLIN_EOSIN)
    for count in _PIXELS:
        stains = _factors(colours, count, stains)
    one, other = unit(stains[0]), unit(stains[1])
    return (one, other) if one[0] > other[0] else (other, one)


def _factors(colours: Colours, count: int, stains: FloatArray) -> FloatArray:
    """Improve stains, over some of the pixels, until they stand still."""
    from cytoshift.stain.classical.sampling import sparse_sums

    table = density_table(colours.white)
    pixels = np.ascontiguousarray(colours.pixels[:: -(-len(colours.pixels) // count)])
    sums = np.zeros(9)
    for _ in range(_PASSES):
        sparse_sums(pixels, table, stains, PENALTY, sums)
        if sums[0] + sums[2] <= 0:
            raise StainError(
                f"{colours.name} is stained too weakly for two stains to be found; use 'reinhard', or look at the "
                "original."
            )
        before, stains = stains, _descend(stains, sums)
        if np.abs(stains - before).max() < _STILL:
            break
    return stains


def _descend(stains: FloatArray, sums: FloatArray) -> FloatArray:
    """Return the stains that explain the concentrations better, non-negative and of length 1.

    One that no pixel holds stays as it is.
    """
    products = np.array([[sums[0], sums[1]], [sums[1], sums[2]]])
    densities = sums[3:].reshape(2, 3)
    found = stains.copy()
    for k in range(2):
        if products[k, k] <= 0:
            continue
        moved = np.maximum(found[k] + (densities[k] - products[k] @ found) / products[k, k], 1e-9)
        found[k] = moved / np.linalg.norm(moved)
    return found
