"""The region a person draws to be searched: one rectangle on a layer of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_cytoshift.layers.findings_boxes import box_of
from napari_cytoshift.layers.slide_layers import METADATA, identity_of, role_of
from napari_cytoshift.view import Box

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Shapes

    from cytoshift.slides.slide import Slide

ROLE = "region"
COLOR = "#0072b2"
SCREEN_WIDTH = 3.0


def start_drawing(viewer: Viewer, slide: Slide) -> Shapes:
    """Let a person draw a rectangle; one drawn before is replaced."""
    remove(viewer)
    layer = viewer.add_shapes(
        ndim=2,
        name="Search here",
        edge_color=COLOR,
        face_color="transparent",
        edge_width=SCREEN_WIDTH / viewer.scene.camera.zoom,
        units=(slide.frame.unit, slide.frame.unit),
        metadata={METADATA: {"role": ROLE, "identity": slide.info.identity}},
    )
    layer.mode = "add_rectangle"
    viewer.layers.selection.active = layer
    return layer


def drawn(viewer: Viewer, slide: Slide) -> Box | None:
    """Return what was drawn last on a slide, cut at its edges, in level-0 pixels; None where nothing was."""
    layer = _layer(viewer)
    if layer is None or not layer.nshapes or identity_of(layer) != slide.info.identity:
        return None
    return cut(box_of(layer.data[-1], slide.frame), slide)


def cut(box: Box, slide: Slide) -> Box | None:
    """Return the part of a box that lies on a slide, None where there is none."""
    level = slide.levels[0]
    x0, y0 = max(box[0], 0.0), max(box[1], 0.0)
    x1, y1 = min(box[2], float(level.width)), min(box[3], float(level.height))
    return (x0, y0, x1, y1) if x1 - x0 >= 1 and y1 - y0 >= 1 else None


def remove(viewer: Viewer) -> None:
    """Remove the layer that is drawn on."""
    layer = _layer(viewer)
    if layer is not None:
        viewer.layers.remove(layer)


def _layer(viewer: Viewer) -> Shapes | None:
    return next((layer for layer in viewer.layers if role_of(layer) == ROLE), None)
