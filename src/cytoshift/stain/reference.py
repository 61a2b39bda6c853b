"""Built-in references: what a normalized slide looks like when the user names no reference of their own."""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class LabStatistics:
    """How the stained pixels of a reference are distributed in CIE Lab, glass taken as white.

    Parameters
    ----------
    mean, deviation : tuple of float
        Of L*, a* and b*.
    """

    mean: Vector
    deviation: Vector


@dataclass(frozen=True, slots=True)
class Stains:
    """The two stains of a reference.

    Parameters
    ----------
    haematoxylin, eosin : tuple of float
        Unit vectors of optical density in R, G and B.
    strongest : tuple of float
        99th percentile of the concentration of each.
    """

    haematoxylin: Vector
    eosin: Vector
    strongest: tuple[float, float]


HAEMATOXYLIN_EOSIN = Stains(
    haematoxylin=(0.5626, 0.7201, 0.4062), eosin=(0.2159, 0.8012, 0.5581), strongest=(1.9705, 1.0308)
)
"""``HERef`` and ``maxCRef`` of the reference code of Macenko et al., ISBI 2009, as published in its many ports."""

PAPANICOLAOU = LabStatistics(mean=(67.63, 9.90, 1.54), deviation=(18.63, 9.80, 13.79))
"""Means over 109 fields of CRIC Cervix (Rezende et al., Scientific Data 2021, CC BY 4.0), measured field by field."""
