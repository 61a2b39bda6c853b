"""Which layer goes into which pane of a side-by-side view.

napari's grid puts layers into panes by their place in the list, so many to each pane, and begins again at the first
pane after the last. For two panes, layers are brought into an order in which the first pane holds at least as many as
the second; for three, the panes take turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_cytoshift.layers.slide_layers import METADATA, role_of

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Layer

CELLS, BOXES = "cells", "boxes"
"""Roles of the two layers that show the same cells: one for each pane."""

AUDIT, VEIL, FIELD = "audit", "audit-map", "statistics"
"""Roles of the marks of what changed, one layer for each pane; of the map of it; and of a field of statistics."""

DELTA = "delta"
"""Role of the marks of cells that were gained, lost or changed between two searches."""

DERIVED, BESIDE = "derived", "beside"
"""Roles of what a slide is seen as: the first method, and a second one beside it."""

VEILS = (VEIL, FIELD)
SLIDES = ("original", DERIVED, BESIDE)


def side_by_side(layers: Sequence[Layer], original: Layer, derived: Layer) -> tuple[list[Layer], int]:
    """Return the order of layers, bottom first, and how many belong to the first pane.

    The second pane holds the derived layer, its own marks of what changed, and, where the cells are shown by two
    layers, one of them. Everything else stays with the original.
    """
    second = [derived, *(layer for layer in layers if _marked_pane(layer) == 1)]
    if any(role_of(layer) == BOXES for layer in layers):
        second += [layer for layer in layers if role_of(layer) == CELLS]
    others = [layer for layer in layers if layer is not original and layer not in second]
    below = [layer for layer in others if role_of(layer) in SLIDES]
    veils = [layer for layer in others if role_of(layer) in VEILS]
    above = [layer for layer in others if layer not in below and layer not in veils]
    first = [*below, original, *veils, *above]
    return first + second, len(first)


def three_abreast(layers: Sequence[Layer], slides: Sequence[Layer]) -> tuple[list[Layer], int]:
    """Return the order of layers for three panes, bottom first, and how many a pane takes at a turn: one.

    The three slides come first; what lies above them takes turns: the marks of each pane, boxes and then cells before
    everything else. Hidden layers, which take no turn, come last.
    """
    others = [layer for layer in layers if layer not in slides]
    turns = {AUDIT: 0, BOXES: 1, CELLS: 2}
    others.sort(key=lambda layer: (not layer.visible, turns.get(role_of(layer), 3), _marked_pane(layer)))
    return [*slides, *others], 1


def stacked(layers: Sequence[Layer]) -> list[Layer]:
    """Return the order of layers, bottom first: slides and what they are seen through, veils, and everything else."""
    slides = [layer for layer in layers if role_of(layer) in SLIDES]
    veils = [layer for layer in layers if role_of(layer) in VEILS]
    return slides + veils + [layer for layer in layers if layer not in slides and layer not in veils]


def _marked_pane(layer: Layer) -> int:
    """Return the pane that a layer of marks is for, counted from the original's; -1 for all other layers."""
    return int(layer.metadata[METADATA]["pane"]) if role_of(layer) == AUDIT else -1


def arrange(viewer: Viewer, order: Sequence[Layer]) -> None:
    """Bring the layers of a viewer into an order."""
    for place, layer in enumerate(order):
        here = viewer.layers.index(layer)
        if here != place:
            viewer.layers.move(here, place)
