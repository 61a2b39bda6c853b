"""The exact boxes of the cells in a close view: one small shapes layer that can be edited by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cytoshift.layers.findings_colors import (
    REGION,
    SELECTION,
    fill_colors,
    line_colors,
    line_widths,
)
from napari_cytoshift.layers.slide_layers import METADATA, role_of
from napari_cytoshift.view import Box

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Shapes

    from cytoshift.slides.coordinates import Frame
    from cytoshift.slides.slide import Slide
    from napari_cytoshift.layers.findings import ShownCells

MOST = 500
CLOSE = 12.0
"""Side in screen pixels from which the boxes of cells are drawn one by one."""

ROLE = "boxes"
MARGIN = 0.12
"""How far the outline of the selected cell lies outside of its box, in sides."""

Float = npt.NDArray[np.float64]


class CellBoxes:
    """Draws the cells in a close view, the selected cell and the complete regions into a shapes layer.

    Parameters
    ----------
    moved : callable
        Called with a cell's id and its new box (level-0 pixels) when a person moved it.
    removed : callable
        Called with the ids of cells that a person removed.
    added : callable
        Called with a new box.
    """

    def __init__(
        self,
        moved: Callable[[str, Box], None],
        removed: Callable[[list[str]], None],
        added: Callable[[Box], None],
    ) -> None:
        self._moved, self._removed, self._added = moved, removed, added
        self._ids: list[str] = []
        self._first = 0
        self._frame: Frame | None = None
        self._drawing = False
        self._key: tuple[object, ...] = ()

    def layer(self, viewer: Viewer) -> Shapes | None:
        """Return the layer, None where there is none."""
        return next((layer for layer in viewer.layers if role_of(layer) == ROLE), None)

    def near(
        self, viewer: Viewer, shown: ShownCells, view: Box | None, *, far_too: bool = False
    ) -> npt.NDArray[np.int64] | None:
        """Return the cells in the view; None where they are too many, or the view not close, to draw each."""
        slide = shown.slide
        if slide is None or view is None or not len(shown.cells):
            return None
        boxes = shown.cells.boxes
        side = shown.usual_side("") * float(np.mean(slide.frame.scale_yx)) * viewer.scene.camera.zoom
        if side < CLOSE and not far_too:
            return None
        x0, y0, x1, y1 = view
        inside = (boxes[:, 2] > x0) & (boxes[:, 0] < x1) & (boxes[:, 3] > y0) & (boxes[:, 1] < y1)
        which = np.flatnonzero(inside & shown.mask())
        return which if len(which) <= MOST else None

    def draw(self, viewer: Viewer, shown: ShownCells, near: npt.NDArray[np.int64] | None) -> None:
        """Bring the layer up to date with the cells that `near` returned."""
        slide, layer = shown.slide, self.layer(viewer)
        if slide is None:
            if layer is not None:
                viewer.layers.remove(layer)
            return
        regions, selected = shown.regions, shown.position(shown.selected)
        which = np.zeros(0, np.int64) if near is None else near
        pixel = 1 / viewer.scene.camera.zoom
        key = (shown.cells, regions, selected, which.tobytes(), slide.frame, round(np.log2(pixel) * 4), layer)
        if key == self._key:
            return
        if layer is None:
            if not regions and selected is None and not len(which):
                return
            layer = self._make(viewer, slide)
        self._key = (*key[:-1], layer)
        self._drawing = True
        try:
            self._fill(layer, slide, shown, which, regions, selected, pixel)
        finally:
            self._drawing = False

    def _fill(
        self, layer: Shapes, slide: Slide, shown: ShownCells, which: Any, regions: Any, selected: Any, pixel: float
    ) -> None:
        part = shown.cells.select(which)
        self._ids, self._first, self._frame = part.ids[:], len(regions), slide.frame
        layer.metadata = _metadata(slide)
        layer.units = (slide.frame.unit, slide.frame.unit)
        layer.selected_data = set()
        layer.data = []
        outline = np.zeros((0, 4)) if selected is None else _larger(shown.cells.boxes[selected])[None]
        boxes = np.concatenate([np.array([r.box for r in regions]).reshape(-1, 4), part.boxes, outline])
        if not len(boxes):
            return
        more = len(regions), len(outline)
        layer.add_rectangles(
            list(rectangles(boxes, slide.frame)),
            edge_width=_stack(more, 2.0, line_widths(part), 2.5) * pixel,
            edge_color=_stack(more, REGION, line_colors(part), SELECTION),
            face_color=_stack(more, (0, 0, 0, 0), fill_colors(part), (0, 0, 0, 0)),
        )

    def _make(self, viewer: Viewer, slide: Slide) -> Shapes:
        active = viewer.layers.selection.active
        layer = viewer.add_shapes(
            ndim=2,
            name="Cells in view",
            opacity=1.0,
            metadata=_metadata(slide),
            units=(slide.frame.unit, slide.frame.unit),
        )
        layer.events.data.connect(self._on_data)
        viewer.layers.selection.active = active
        return layer

    def _on_data(self, event: Any) -> None:
        """Hand on what a person did to the boxes; what the study then says is drawn again."""
        action = str(getattr(event.action, "value", event.action))
        if self._drawing or self._frame is None or action not in ("changed", "removed", "added"):
            return
        self._key = ()
        layer, indices = event.source, [int(index) for index in event.data_indices]
        if action == "added":
            box = box_of(layer.data[-1], self._frame)
            if box[2] - box[0] >= 2 and box[3] - box[1] >= 2:  # a click that drew nothing is no cell
                self._added(box)
            return
        cells = [(self._ids[i - self._first], i) for i in indices if 0 <= i - self._first < len(self._ids)]
        if action == "removed":
            self._removed([identifier for identifier, _ in cells])
            return
        for identifier, index in cells:
            self._moved(identifier, box_of(layer.data[index], self._frame))


def rectangles(boxes: npt.ArrayLike, frame: Frame) -> Float:
    """Return the corners ``(n, 4, 2)`` in world y, x of boxes ``(n, 4)`` in level-0 pixels."""
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).reshape(-1, 4).T
    corners = np.stack([np.stack(pair, -1) for pair in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], 1)
    return frame.world_from_level0(corners)


def box_of(corners: npt.ArrayLike, frame: Frame) -> Box:
    """Return the box in level-0 pixels that holds points in world y, x."""
    points = frame.level0_from_world(corners)
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _larger(box: npt.NDArray[np.float32]) -> Float:
    x0, y0, x1, y1 = (float(value) for value in box)
    margin = MARGIN * max(x1 - x0, y1 - y0)
    return np.array([x0 - margin, y0 - margin, x1 + margin, y1 + margin])


def _stack(more: tuple[int, int], before: Any, cells: npt.NDArray[Any], after: Any) -> npt.NDArray[Any]:
    """Put values of regions before, and of the outline behind, those of the cells."""
    shape = cells.shape[1:]
    parts = (np.broadcast_to(before, (more[0], *shape)), cells, np.broadcast_to(after, (more[1], *shape)))
    return np.concatenate(parts).astype(np.float64)


def _metadata(slide: Slide) -> dict[str, object]:
    return {METADATA: {"role": ROLE, "identity": slide.info.identity}}
