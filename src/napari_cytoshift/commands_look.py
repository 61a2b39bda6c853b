"""How cells are drawn, as functions of a viewer: what keys and napari's command palette call."""

from __future__ import annotations

from napari import Viewer

from napari_cytoshift.workspace import Workspace


def fill_cells(viewer: Viewer) -> None:
    """Fill cells with the colour of their class, or stop."""
    _toggle(viewer, "fill")


def outline_cells(viewer: Viewer) -> None:
    """Draw the outline of cells, or stop."""
    _toggle(viewer, "outline")


def name_cells(viewer: Viewer) -> None:
    """Write the class beside each cell in a close view, or stop."""
    _toggle(viewer, "names")


def fill_regions(viewer: Viewer) -> None:
    """Fill the regions that are marked complete, or stop."""
    _toggle(viewer, "fill_regions")


def stronger_cells(viewer: Viewer) -> None:
    """Draw cells more strongly."""
    _strengthen(viewer, 1)


def fainter_cells(viewer: Viewer) -> None:
    """Draw cells more faintly."""
    _strengthen(viewer, -1)


def _toggle(viewer: Viewer, name: str) -> None:
    layers = Workspace.of(viewer).cell_layers
    layers.set_look(layers.look.toggled(name))


def _strengthen(viewer: Viewer, by: int) -> None:
    layers = Workspace.of(viewer).cell_layers
    layers.set_look(layers.look.stronger(by))
