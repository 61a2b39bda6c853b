"""Stain separation: optical density as a sum of stains, and back.

Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution", Analyt. Quant. Cytol. Histol.
2001: light that passes dyes is weakened by each in turn, so their optical densities add.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.stain.colours import Colours, StainError, White, density_table

FloatArray = npt.NDArray[np.float64]
Vector = tuple[float, float, float]

STRONGEST = 0.99
"""Share of the pixels that a stain's strength is not to exceed: the 99th percentile of Macenko et al., ISBI 2009."""

ALIKE = 10.0
"""Degrees between stains (or between one and the plane of two others) below which they cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Stains:
    """The stains of a slide or of a reference.

    Parameters
    ----------
    vectors : tuple of tuple of float
        Two or three unit vectors of optical density in R, G and B, haematoxylin first.
    strongest : tuple of float
        99th percentile of the concentration of each.
    """

    vectors: tuple[Vector, ...]
    strongest: tuple[float, ...]


def separate(pixels: npt.ArrayLike, stains: Sequence[Vector], white: White) -> FloatArray:
    """Return how much of each stain every pixel holds: the least-squares solution, exact for a mixture of them.

    Parameters
    ----------
    pixels : array_like, shape (..., 3)
        RGB, 0 to 255.
    stains : sequence of tuple of float
        Two or three vectors of optical density.
    white : tuple of float
        RGB of the glass.

    Returns
    -------
    ndarray of float64, shape (..., number of stains)
        Negative where a pixel is brighter than the glass.
    """
    glass = np.asarray(white, np.float64) + 1
    density = np.log(glass / (np.asarray(pixels, np.float64) + 1))
    concentrations: FloatArray = density @ np.linalg.pinv(np.asarray(stains, np.float64))
    return concentrations


def restain(concentrations: npt.ArrayLike, stains: Sequence[Vector], white: White) -> FloatArray:
    """Return the colours of a mixture of stains: the inverse of `separate`.

    One stain by itself is shown by its column of the concentrations and its vector alone.

    Parameters
    ----------
    concentrations : array_like, shape (..., number of stains)
    stains : sequence of tuple of float
        Vectors of optical density.
    white : tuple of float
        RGB of the glass.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        RGB, neither rounded nor cut to 0 to 255.
    """
    density = np.asarray(concentrations, np.float64) @ np.asarray(stains, np.float64)
    colours: FloatArray = (np.asarray(white, np.float64) + 1) * np.exp(-density) - 1
    return colours


def measured(vectors: Sequence[Vector], colours: Colours) -> Stains:
    """Measure how strong given stains get in the colours of a slide."""
    from cytoshift.stain.classical.sampling import percentile

    table = density_table(colours.white)
    strongest = [
        percentile(colours.pixels, np.ascontiguousarray(inverse[:, None] * table), STRONGEST)
        for inverse in np.linalg.pinv(np.asarray(vectors)).T
    ]
    return Stains(tuple(vectors), tuple(strongest))


def basis(vectors: Sequence[Vector]) -> FloatArray:
    """Return stains as columns, two of them with the unit vector across them as a third."""
    columns = [np.asarray(vector, np.float64) for vector in vectors]
    if len(columns) == 2:
        across = np.cross(columns[0], columns[1])
        columns.append(across / np.linalg.norm(across))
    return np.stack(columns, axis=1)


def unit(vector: npt.ArrayLike) -> Vector:
    """Return a vector of optical density with length 1, pointing to where light is absorbed."""
    array = np.asarray(vector, np.float64)
    x, y, z = (array / (np.linalg.norm(array) * (-1 if array.sum() < 0 else 1))).tolist()
    return (x, y, z)


def apart(vectors: Sequence[Vector]) -> float:
    """Return the smallest angle in degrees between stains, and between each of three and the plane of the others."""
    one, other, *third = (np.asarray(vector, np.float64) for vector in vectors)
    sines = [float(np.linalg.norm(np.cross(one, other)))]
    for last in third:
        volume = abs(np.dot(np.cross(one, other), last))
        sides = [float(np.linalg.norm(np.cross(a, b))) for a, b in ((one, other), (one, last), (other, last))]
        sines += [volume / max(side, 1e-12) for side in sides]
    return float(np.degrees(np.arcsin(min(1.0, *sines))))


def by_hand(stains: Sequence[Vector], allowed: Sequence[int]) -> tuple[Vector, ...]:
    """Check stains that a person picked, and make them unit vectors.

    Raises
    ------
    StainError
        When there are too few or too many, one is no direction of optical density, or two look alike.
    """
    if len(stains) not in allowed:
        wanted = " or ".join(str(number) for number in allowed)
        raise StainError(f"This method takes {wanted} stains, not {len(stains)}; pick one pixel for each.")
    array = np.array([vector for vector in stains if len(vector) == 3], np.float64)
    if len(array) < len(stains) or not np.isfinite(array).all() or (np.abs(array.sum(axis=1)) < 1e-6).any():
        raise StainError("A stain is three numbers, the optical density in R, G and B; pick a pixel that is stained.")
    vectors = tuple(unit(vector) for vector in array)
    if apart(vectors) < ALIKE / 4:
        raise StainError("The stains that were picked are too much alike; pick pixels of clearly different colours.")
    return vectors
