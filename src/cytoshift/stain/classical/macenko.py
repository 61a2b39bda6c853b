"""Macenko normalization: two stains, found as the extreme directions of optical density, rescaled to a reference.

Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI 2009. Two departures: the
white point is the slide's own glass, and what the two stains do not explain is kept as a third direction instead of
being dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cytoshift.stain.colours import STAINED, Colours, StainError, White, optical_density
from cytoshift.stain.reference import Stains

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

ANGLE = 1.0
"""Percentile of the angles at which the two stains are read: alpha of the paper."""

CLOSE = 10.0
"""Degrees between two stains below which they cannot be told apart."""

_FEWEST = 100

MANY = 0.15
"""Share of pixels in colours that haematoxylin and eosin do not make, from which a slide has a third dye."""


@dataclass(frozen=True)
class MacenkoFit:
    """What turns one slide's colours into the reference's.

    Parameters
    ----------
    white : tuple of float
        RGB of the slide's glass; it becomes white.
    matrix : tuple of tuple of float
        3 x 3: optical density of the slide to optical density of the reference.
    diagnosis : str
        What is doubtful about the fit, in one sentence; ``""`` when nothing is.
    """

    white: White
    matrix: tuple[tuple[float, float, float], ...]
    diagnosis: str = field(default="", repr=False)

    def apply(self, tiles: RGB) -> RGB:
        """Map uint8 RGB of any shape ``(..., 3)``, colour by colour."""
        from cytoshift.stain.classical.table import apply_products

        return apply_products(tiles, self._tables)

    def __reduce__(self) -> tuple[type[MacenkoFit], tuple[object, ...]]:
        """Travel without the tables, which are quickly built again."""
        return type(self), tuple(getattr(self, each.name) for each in fields(self))

    def exact(self, pixels: npt.ArrayLike) -> FloatArray:
        """Map colours ``(..., 3)`` in float64, without rounding: what the tables approximate."""
        density = optical_density(pixels, self.white) @ np.asarray(self.matrix).T
        mapped: FloatArray = np.clip(256.0 * np.exp(-density) - 1.0, 0.0, 255.0)
        return mapped

    @cached_property
    def _tables(self) -> npt.NDArray[np.float32]:
        """Factors ``(3, 256, 3)``: channel in, its value, channel out. Their product is the result plus one."""
        values = np.repeat(np.arange(256.0)[:, None], 3, axis=1)
        density = optical_density(values, self.white).T
        factors = np.exp(-density[:, :, None] * np.asarray(self.matrix).T[:, None, :])
        return factors.astype(np.float32)  # type: ignore[no-any-return]


def fit_stains(colours: Colours) -> Stains:
    """Find the two stains of a slide and how strong they get.

    Parameters
    ----------
    colours : Colours

    Raises
    ------
    StainError
        When too few pixels are stained in all three channels.
    """
    density = optical_density(colours.pixels, colours.white)
    strong = density[(density >= STAINED).all(axis=1)]
    if len(strong) < _FEWEST:
        raise StainError(
            f"{colours.name} is stained too weakly for Macenko's method; use 'reinhard', or look at the original."
        )
    first, second = _extremes(strong)
    return _stains(first, second, density)


def _extremes(density: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the unit vectors at the extreme angles in the plane of largest variance."""
    _, vectors = np.linalg.eigh(np.cov(density.T))
    plane = vectors[:, :0:-1]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    along = density @ plane
    angles = np.arctan2(along[:, 1], along[:, 0])
    low, high = np.percentile(angles, [ANGLE, 100 - ANGLE])
    ends = [plane @ np.array([np.cos(angle), np.sin(angle)]) for angle in (low, high)]
    return ends[0], ends[1]


def _stains(first: FloatArray, second: FloatArray, density: FloatArray) -> Stains:
    """Name two directions (haematoxylin absorbs more red) and measure their concentrations."""
    haematoxylin, eosin = (first, second) if first[0] > second[0] else (second, first)
    concentrations = density @ np.linalg.pinv(np.stack([haematoxylin, eosin]))
    strongest = np.percentile(concentrations, 99, axis=0)
    return Stains(_vector(haematoxylin), _vector(eosin), (float(strongest[0]), float(strongest[1])))


def _vector(array: FloatArray) -> tuple[float, float, float]:
    x, y, z = array.tolist()
    return (x, y, z)


def fit_macenko(colours: Colours, reference: Stains) -> MacenkoFit:
    """Fit a slide to a reference.

    Parameters
    ----------
    colours : Colours
        Of the slide.
    reference : Stains
        What it shall look like.

    Returns
    -------
    MacenkoFit
        With the reference's own directions where the slide's two stains cannot be told apart; the diagnosis says so.

    Raises
    ------
    StainError
        When the slide is stained too weakly.
    """
    stains = fit_stains(colours)
    density = optical_density(colours.pixels, colours.white)
    diagnosis = ""
    if _foreign(density) > MANY:
        diagnosis = (
            f"{colours.name} looks Papanicolaou-stained, which takes three dyes where Macenko's method knows two; "
            "colours may shift, so prefer 'reinhard'."
        )
    if _angle(stains) < CLOSE:
        stains = _stains(np.array(reference.haematoxylin), np.array(reference.eosin), density)
        diagnosis = (
            f"The two stains of {colours.name} cannot be told apart, so the reference's own stain colours were used; "
            "judge by eye, or use 'reinhard'."
        )
    ratios = [target / max(own, 1e-6) for target, own in zip(reference.strongest, stains.strongest, strict=True)]
    scale = np.diag([*np.clip(ratios, 0.2, 5.0), 1.0])
    matrix = _basis(reference) @ scale @ np.linalg.inv(_basis(stains))
    return MacenkoFit(colours.white, tuple(_vector(row) for row in matrix), diagnosis)


def _foreign(density: FloatArray) -> float:
    """Return the share of pixels that absorb red or blue more than green: light green, orange G; not H&E."""
    red, green, blue = density.T
    return float((np.maximum(red, blue) > 1.05 * green).mean())


def _angle(stains: Stains) -> float:
    """Degrees between the two stains."""
    cosine = np.dot(stains.haematoxylin, stains.eosin) / (
        np.linalg.norm(stains.haematoxylin) * np.linalg.norm(stains.eosin)
    )
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _basis(stains: Stains) -> FloatArray:
    """Return the two stains and the unit vector across them as columns."""
    across = np.cross(stains.haematoxylin, stains.eosin)
    return np.stack([stains.haematoxylin, stains.eosin, across / np.linalg.norm(across)], axis=1)
