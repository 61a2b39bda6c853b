"""Instance normalization whose moments are a continuous field over a slide (dense normalization; ECCV 2024).

Derived from the paper's mathematics: moments belong to tile centres, and every pixel is normalized by what lies
between the nearest centres, in the slide's own coordinates. Nothing jumps where tiles meet.
"""

from cytoshift.translation.normalization.dense import Dense, dense_norm
from cytoshift.translation.normalization.moments import Collecting, Moments, core_moments, flat_norm, plain_norm
from cytoshift.translation.normalization.tables import Table, neighbourhoods, per_site
from cytoshift.translation.normalization.window import Window

__all__ = [
    "Collecting",
    "Dense",
    "Moments",
    "Table",
    "Window",
    "core_moments",
    "dense_norm",
    "flat_norm",
    "neighbourhoods",
    "per_site",
    "plain_norm",
]
