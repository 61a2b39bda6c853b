"""A rectangle that a person draws on a slide, on a layer that lives only for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_cytoshift.layers.findings_boxes import box_of
from napari_cytoshift.layers.slide_layers import METADATA, identity_of, layer_of
from napari_cytoshift.view import Box

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Shapes

    from cytoshift.slides.slide import Slide

SCREEN_WIDTH = 3.0


@dataclass(frozen=True)
class DrawnBox:
    """One purpose for which rectangles are drawn.

    Parameters
    ----------
    role : str
        What the layer is to this plugin; there is one layer of a role in a viewer.
    name : str
        What a person reads in the list of layers.
    color : str
        Of the line.
    """

    role: str
    name: str
    color: str

    def start(self, viewer: Viewer, slide: Slide) -> Shapes:
        """Let a person draw a rectangle; one drawn before is replaced."""
        self.remove(viewer)
        layer = viewer.add_shapes(
            ndim=2,
            name=self.name,
            edge_color=self.color,
            face_color="transparent",
            edge_width=SCREEN_WIDTH / viewer.scene.camera.zoom,
            units=(slide.frame.unit, slide.frame.unit),
            metadata={METADATA: {"role": self.role, "identity": slide.info.identity}},
        )
        layer.mode = "add_rectangle"
        viewer.layers.selection.active = layer
        return layer

    def drawn(self, viewer: Viewer, slide: Slide) -> Box | None:
        """Return what was drawn last on a slide, cut at its edges, in level-0 pixels; None where nothing was."""
        layer = self.layer(viewer)
        if layer is None or not layer.nshapes or identity_of(layer) != slide.info.identity:
            return None
        return cut(box_of(layer.data[-1], slide.frame), slide)

    def remove(self, viewer: Viewer) -> None:
        """Remove the layer that is drawn on."""
        layer = self.layer(viewer)
        if layer is not None:
            viewer.layers.remove(layer)

    def layer(self, viewer: Viewer) -> Shapes | None:
        """Return the layer that is drawn on, None where there is none."""
        return layer_of(viewer.layers, self.role)


def cut(box: Box, slide: Slide) -> Box | None:
    """Return the part of a box that lies on a slide, None where there is none."""
    level = slide.levels[0]
    x0, y0 = max(box[0], 0.0), max(box[1], 0.0)
    x1, y1 = min(box[2], float(level.width)), min(box[3], float(level.height))
    return (x0, y0, x1, y1) if x1 - x0 >= 1 and y1 - y0 >= 1 else None
