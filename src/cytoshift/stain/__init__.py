"""Stain normalization: fitted once per slide on its tissue, applied colour by colour from exact tables."""

from cytoshift.stain.classical.separation import Stains, Vector, restain, separate
from cytoshift.stain.colours import StainError, white_point
from cytoshift.stain.method import METHODS, StainOperator, method
from cytoshift.stain.reference import BUILT_IN, HAEMATOXYLIN_EOSIN, PAPANICOLAOU, Reference, open_reference

__all__ = [
    "BUILT_IN",
    "HAEMATOXYLIN_EOSIN",
    "METHODS",
    "PAPANICOLAOU",
    "Reference",
    "StainError",
    "StainOperator",
    "Stains",
    "Vector",
    "method",
    "open_reference",
    "restain",
    "separate",
    "white_point",
]
