"""Which layer goes into which pane of a side-by-side view.

napari's grid puts layers into panes by their place in the list, so many to each pane; layers are therefore brought
into an order in which the first pane holds at least as many as the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_cytoshift.layers.slide_layers import role_of

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Layer

CELLS, BOXES = "cells", "boxes"
"""Roles of the two layers that show the same cells: one for each pane."""


def side_by_side(layers: Sequence[Layer], original: Layer, derived: Layer) -> tuple[list[Layer], int]:
    """Return the order of layers, bottom first, and how many belong to the first pane.

    The second pane holds the derived layer and, where the cells are shown by two layers, one of them. Everything else
    stays with the original.
    """
    second = [derived]
    if any(role_of(layer) == BOXES for layer in layers):
        second += [layer for layer in layers if role_of(layer) == CELLS]
    others = [layer for layer in layers if layer is not original and layer not in second]
    below = [layer for layer in others if role_of(layer) in ("original", "derived")]
    above = [layer for layer in others if layer not in below]
    first = [*below, original, *above]
    return first + second, len(first)


def stacked(layers: Sequence[Layer]) -> list[Layer]:
    """Return the order of layers, bottom first, with slides and what they are seen through below everything else."""
    slides = [layer for layer in layers if role_of(layer) in ("original", "derived")]
    return slides + [layer for layer in layers if layer not in slides]


def arrange(viewer: Viewer, order: Sequence[Layer]) -> None:
    """Bring the layers of a viewer into an order."""
    for place, layer in enumerate(order):
        here = viewer.layers.index(layer)
        if here != place:
            viewer.layers.move(here, place)
