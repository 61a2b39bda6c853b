"""The counting frame on the slide: one rectangle of a fixed size that the mouse moves and nothing resizes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer

from napari_cytoshift.layers.findings_boxes import box_of, rectangles
from napari_cytoshift.layers.slide_layers import METADATA, layer_of, role_of
from napari_cytoshift.view import Box, view_box

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Shapes

    from cytoshift.slides.slide import Slide

ROLE = "counting"
COLOR = "#101010"
"""Nearly black, as the graticule in an eyepiece."""

WIDTH = 3.0
"""Screen pixels of its line."""

REACH = 7.0
"""Screen pixels from the line within which it is grabbed."""

SETTLED_MS = 40

Point = tuple[float, float]


class CountingFrame:
    """Draws the frame of one viewer, and tells where a person moves it.

    It is grabbed by its line, or anywhere within it while all of it is in view, so that a close view is moved as
    always. Tools of napari's that change the rectangle move it too: it gets its size back.

    Parameters
    ----------
    viewer : Viewer
    moved : callable
        Called with the level-0 point x, y where a person wants its middle.
    dropped : callable
        Called when a person removed the layer.
    """

    def __init__(self, viewer: Viewer, moved: Callable[[Point], None], dropped: Callable[[], None]) -> None:
        self._viewer = weakref.ref(viewer)
        self._moved, self._dropped = moved, dropped
        self._slide: Slide | None = None
        self._box: Box | None = None
        self._drawing = False
        self._settled = QTimer()
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLED_MS)
        self._settled.timeout.connect(self._keep_width)
        viewer.mouse_drag_callbacks.append(self._drag)
        viewer.scene.camera.events.zoom.connect(self._on_zoom)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def layer(self) -> Shapes | None:
        """The layer that shows it; None where there is none."""
        viewer = self._viewer()
        return None if viewer is None else layer_of(viewer.layers, ROLE)

    def draw(self, slide: Slide, box: Box) -> None:
        """Show the frame around a box in level-0 pixels.

        The rectangle is drawn anew where it has another size, and only shifted where it has not: that is what a drag
        does with every move of the mouse.
        """
        viewer, layer, before = self._viewer(), self.layer, self._box
        if viewer is None:
            return
        self._drawing = True
        try:
            if layer is None:
                layer, before = self._make(viewer, slide), None
            if before is None or self._slide is not slide or not np.allclose(_size(before), _size(box), atol=1e-6):
                layer.metadata = _metadata(slide)
                layer.units = (slide.frame.unit, slide.frame.unit)
                self._reset(layer, slide, box)
                layer.visible = True
            layer.translate = slide.frame.world_from_level0(box[:2])
            self._slide, self._box = slide, box
        finally:
            self._drawing = False

    def _reset(self, layer: Shapes, slide: Slide, box: Box) -> None:
        """Make the rectangle of a box the only one, with its upper left corner at the layer's origin."""
        (corners,) = rectangles([box], slide.frame)
        layer.selected_data = set()
        layer.data = [corners - corners[0]]

    def hide(self) -> None:
        """Show no frame."""
        viewer, layer = self._viewer(), self.layer
        self._slide = self._box = None
        if viewer is not None and layer is not None:
            self._drawing = True
            try:
                viewer.layers.remove(layer)
            finally:
                self._drawing = False

    def _make(self, viewer: Viewer, slide: Slide) -> Shapes:
        active = viewer.layers.selection.active
        layer = viewer.add_shapes(
            ndim=2,
            name="Counting frame",
            edge_color=COLOR,
            face_color="transparent",
            edge_width=WIDTH / viewer.scene.camera.zoom,
            opacity=1.0,
            units=(slide.frame.unit, slide.frame.unit),
            metadata=_metadata(slide),
        )
        layer.events.data.connect(self._on_data)
        viewer.layers.selection.active = active
        return layer

    def _on_zoom(self, event: object = None) -> None:
        self._settled.start()

    def _keep_width(self) -> None:
        viewer, layer = self._viewer(), self.layer
        if viewer is not None and layer is not None:
            layer.current_edge_width = WIDTH / viewer.scene.camera.zoom
            layer.edge_width = [layer.current_edge_width] * layer.nshapes

    # What a person does to it

    def _drag(self, viewer: Viewer, event: Any) -> Iterator[None]:
        box, slide = self._box, self._slide
        if box is None or slide is None or event.button != 1 or event.modifiers:
            return
        x, y = slide.frame.level0_from_world(event.position[-2:]).tolist()
        if not self._grabs(viewer, slide, box, (x, y)):
            return
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        camera = viewer.scene.camera
        pans, camera.mouse_pan = camera.mouse_pan, False
        try:
            yield
            while event.type == "mouse_move":
                to = slide.frame.level0_from_world(event.position[-2:]).tolist()
                self._moved((middle[0] + to[0] - x, middle[1] + to[1] - y))
                yield
        finally:
            camera.mouse_pan = pans

    def _grabs(self, viewer: Viewer, slide: Slide, box: Box, point: Point) -> bool:
        """Whether a press at a level-0 point takes hold of the frame."""
        layer, active = self.layer, viewer.layers.selection.active
        if layer is None or not layer.visible or str(getattr(active, "mode", "pan_zoom")) != "pan_zoom":
            return False
        scale_y, scale_x = slide.frame.scale_yx
        reach = REACH / viewer.scene.camera.zoom
        near = reach / scale_x, reach / scale_y
        if not all(box[k] - near[k] <= point[k] <= box[k + 2] + near[k] for k in (0, 1)):
            return False
        view = view_box(viewer, slide.frame)
        all_in_view = all(view[k] <= box[k] and box[k + 2] <= view[k + 2] for k in (0, 1))
        return all_in_view or not all(box[k] + near[k] < point[k] < box[k + 2] - near[k] for k in (0, 1))

    def _on_data(self, event: Any) -> None:
        """Let napari's own tools move the frame, and give it back what they took."""
        action = str(getattr(event.action, "value", event.action))
        slide, box, layer = self._slide, self._box, event.source
        if self._drawing or slide is None or box is None or action not in ("changed", "removed", "added"):
            return
        moved = action == "changed" and layer.nshapes > 0
        changed = box_of(layer.data[0] + layer.translate, slide.frame) if moved else box
        self._drawing = True
        try:
            self._reset(layer, slide, box)
        finally:
            self._drawing = False
        self._moved(((changed[0] + changed[2]) / 2, (changed[1] + changed[3]) / 2))

    def _on_removed(self, event: Any) -> None:
        if role_of(event.value) == ROLE and not self._drawing:
            self._slide = self._box = None
            self._dropped()


def _size(box: Box) -> Point:
    return box[2] - box[0], box[3] - box[1]


def _metadata(slide: Slide) -> dict[str, object]:
    return {METADATA: {"role": ROLE, "identity": slide.info.identity}}
