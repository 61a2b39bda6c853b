"""A region drawn on any open slide, whose colours another slide is to take on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_cytoshift.layers.drawn_box import DrawnBox
from napari_cytoshift.layers.slide_layers import identity_of
from napari_cytoshift.view import Box
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.slides.slide import Slide

ROLE = "reference"

_REGION = DrawnBox(ROLE, "Reference region", "#009e73")


def start_region(viewer: Viewer) -> None:
    """Let a person draw a rectangle on the active slide; one drawn before is replaced. Does nothing without a slide."""
    slide = Workspace.of(viewer).active
    if slide is not None:
        _REGION.start(viewer, slide)


def take_region(viewer: Viewer) -> tuple[Slide, Box] | None:
    """Take what was drawn last, and remove the layer.

    Returns
    -------
    tuple or None
        The slide it was drawn on, and x0, y0, x1, y1 in its level-0 pixels, cut at its edges. None where nothing was
        drawn, or where its slide was closed since.
    """
    layer = _REGION.layer(viewer)
    slide = None if layer is None else Workspace.of(viewer).slide(identity_of(layer))
    box = None if slide is None else _REGION.drawn(viewer, slide)
    end_region(viewer)
    return None if slide is None or box is None else (slide, box)


def end_region(viewer: Viewer) -> None:
    """Stop drawing; what was drawn is forgotten, and the active slide stays the active one."""
    workspace = Workspace.of(viewer)
    slide = workspace.active
    _REGION.remove(viewer)
    layer = None if slide is None else workspace.layer(slide)
    if layer is not None:
        viewer.layers.selection.active = layer
