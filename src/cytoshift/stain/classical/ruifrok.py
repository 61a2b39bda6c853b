"""Ruifrok and Johnston's colour deconvolution with stains known beforehand: fixed ones, or picked by hand.

Ruifrok and Johnston, Analyt. Quant. Cytol. Histol. 2001. Two stains for haematoxylin and eosin; three for a
Papanicolaou smear, where the three explain every colour and nothing is left over.
"""

from __future__ import annotations

from cytoshift.stain.classical.separation import Vector, unit

HAEMATOXYLIN_EOSIN: tuple[Vector, Vector] = (unit((0.65, 0.70, 0.29)), unit((0.07, 0.99, 0.11)))
"""Haematoxylin and eosin as published."""

PAPANICOLAOU: tuple[Vector, Vector, Vector] = (
    unit((0.443, 0.757, 0.481)),
    unit((0.076, 0.381, 0.922)),
    unit((0.829, 0.469, 0.304)),
)
"""Haematoxylin, orange G and light green: the sparse non-negative factors (Vahadane's objective, three stains, lambda
0.1) of the training fields of CRIC Cervix (Rezende et al., Scientific Data 2021, CC BY 4.0)."""
