"""Stain normalization: fitted once per slide on its tissue, applied colour by colour from exact tables."""

from cytoshift.stain.colours import StainError
from cytoshift.stain.method import METHODS, StainOperator, method

__all__ = ["METHODS", "StainError", "StainOperator", "method"]
