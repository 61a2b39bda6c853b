"""Lines that a person draws on a slide: what is being drawn now, and measures that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytoshift.study.events import Corners
from napari_cytoshift.layers.slide_layers import METADATA, layer_of

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Shapes

    from cytoshift.slides.slide import Slide

SCREEN_WIDTH = 2.5
TEXT = 12


class Line(NamedTuple):
    """A line through level-0 points, and the words beside it."""

    points: Corners
    words: str = ""


class Sketch:
    """A layer of lines that is there only while it has some.

    Parameters
    ----------
    role : str
        What the layer is to this plugin; there is one layer of a role in a viewer.
    name : str
        What a person reads in the list of layers.
    color : str
        Of lines and words.
    """

    def __init__(self, role: str, name: str, color: str) -> None:
        self.role, self.name, self.color = role, name, color

    def layer(self, viewer: Viewer) -> Shapes | None:
        """Return the layer, None where there is none."""
        return layer_of(viewer.layers, self.role)

    def draw(self, viewer: Viewer, slide: Slide, lines: Sequence[Line]) -> None:
        """Show these lines and no others."""
        self.clear(viewer)
        if not lines:
            return
        active = viewer.layers.selection.active
        viewer.add_shapes(
            [slide.frame.world_from_level0(np.asarray(line.points, np.float64)) for line in lines],
            shape_type="path",
            name=self.name,
            edge_color=self.color,
            face_color="transparent",
            edge_width=SCREEN_WIDTH / viewer.scene.camera.zoom,
            opacity=1.0,
            units=(slide.frame.unit, slide.frame.unit),
            text={"string": [line.words for line in lines], "color": self.color, "size": TEXT, "anchor": "upper_left"},
            metadata={METADATA: {"role": self.role, "identity": slide.info.identity}},
        )
        viewer.layers.selection.active = active

    def move(self, viewer: Viewer, slide: Slide, line: Line) -> None:
        """Show one line, in place of the one that was there: what a drag does with every move of the mouse."""
        layer = self.layer(viewer)
        if layer is None:
            self.draw(viewer, slide, [line])
        else:
            layer.data = [slide.frame.world_from_level0(np.asarray(line.points, np.float64))]

    def clear(self, viewer: Viewer) -> None:
        """Remove the layer."""
        layer = self.layer(viewer)
        if layer is not None:
            viewer.layers.remove(layer)
