"""The exact boxes of the cells in a close view: one small shapes layer that can be edited by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_cytoshift.layers.findings_colors import REGION, SELECTION, face_colors, line_colors, line_widths
from napari_cytoshift.layers.findings_look import Look
from napari_cytoshift.layers.findings_outlines import CellOutlines, Ring, ring
from napari_cytoshift.layers.slide_layers import METADATA, layer_of
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

SELECTED = "selected"
REGION_FILL = (*REGION[:3], 0.12)
TEXT = 9
INK = "black"

Indices = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]


class Drawn(NamedTuple):
    """A shape as it is drawn: its corners in level-0 pixels, the width of its line in world units, its colours."""

    corners: Ring
    width: float
    line: tuple[float, ...]
    face: tuple[float, ...]


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
    stale : callable
        Called when the layer should be drawn again.
    """

    def __init__(
        self,
        moved: Callable[[str, Box], None],
        removed: Callable[[list[str]], None],
        added: Callable[[Box], None],
        stale: Callable[[], None],
    ) -> None:
        self._moved, self._removed, self._added = moved, removed, added
        self._outlines = CellOutlines(stale)
        self._held: list[tuple[str, Drawn | None]] = []
        self._frame: Frame | None = None
        self._drawing = False
        self._key: tuple[object, ...] = ()

    def layer(self, viewer: Viewer) -> Shapes | None:
        """Return the layer, None where there is none."""
        return layer_of(viewer.layers, ROLE)

    def near(self, viewer: Viewer, shown: ShownCells, which: Indices, *, far_too: bool = False) -> Indices | None:
        """Return the cells in a view; None where they are too many, or the view not close, to draw each."""
        slide = shown.slide
        if slide is None or not len(shown.cells) or len(which) > MOST:
            return None
        side = shown.usual_side("") * float(np.mean(slide.frame.scale_yx)) * viewer.scene.camera.zoom
        return which if side >= CLOSE or far_too else None

    def draw(self, viewer: Viewer, shown: ShownCells, near: Indices | None, look: Look) -> None:
        """Bring the layer up to date with the cells that `near` returned.

        Only what has changed is drawn anew: napari's shapes cost more to make than to show. Cells that a pan has left
        behind stay until they are too many.
        """
        slide, layer = shown.slide, self.layer(viewer)
        if slide is None:
            return
        which = np.zeros(0, np.int64) if near is None else near
        pixel = 2.0 ** (round(np.log2(1 / viewer.scene.camera.zoom) * 4) / 4)
        wanted = self._wanted(shown, which, pixel, look)
        if layer is None:
            if not wanted:
                return
            layer, self._held = self._make(viewer, slide), []
        if slide.frame != self._frame:  # where everything lies in the world is another place now
            self._held = [(name, None) for name, _ in self._held]
        key = (shown.cells, shown.filter, pixel, look, near is None)
        left_behind = key == self._key and len(self._held) + len(wanted) <= 2 * MOST
        self._key = key
        self._drawing = True
        try:
            self._change(layer, slide, wanted, left_behind)
            if look.names or layer.text.visible:
                self._name(layer, shown, look.names)
        finally:
            self._drawing = False

    def _wanted(self, shown: ShownCells, which: Indices, pixel: float, look: Look) -> dict[str, Drawn]:
        """Return what is to be seen, by what it is: regions, cells by id, and the outline of the selected one."""
        clear = (0.0, 0.0, 0.0, 0.0)
        wanted = {
            f"region {region.id}": Drawn(
                _ring(region.box), 2 * pixel, REGION, REGION_FILL if look.fill_regions else clear
            )
            for region in shown.regions
        }
        part = shown.cells.select(which)
        lines = line_colors(part)
        lines[:, 3] *= look.outline
        rings = self._outlines.rings(shown, which)
        widths = (line_widths(part) * pixel).tolist()
        columns = (part.ids[:], rings, widths, lines.tolist(), face_colors(part, look.fill).tolist())
        for identifier, corners, width, line, face in zip(*columns, strict=True):
            wanted[identifier] = Drawn(corners, width, tuple(line), tuple(face))
        selected = shown.position(shown.selected)
        if selected is not None:
            wanted[SELECTED] = Drawn(_ring(_larger(shown.cells.boxes[selected])), 2.5 * pixel, SELECTION, clear)
        return wanted

    def _change(self, layer: Shapes, slide: Slide, wanted: dict[str, Drawn], left_behind: bool) -> None:
        """Take out of the layer what is not wanted any more, and put in what is not there yet."""
        here = {name: drawn for name, drawn in self._held if drawn is not None}
        gone = [
            at
            for at, (name, drawn) in enumerate(self._held)
            if drawn is None or wanted.get(name, drawn if left_behind and _is_cell(name) else None) != drawn
        ]
        new = [name for name, drawn in wanted.items() if here.get(name) != drawn]
        if not gone and not new:
            return
        self._frame = slide.frame
        layer.metadata = _metadata(slide)
        layer.units = (slide.frame.unit, slide.frame.unit)
        layer.selected_data = set()
        if len(gone) * 2 > len(self._held):
            layer.data, self._held, new = [], [], list(wanted)
        elif gone:
            layer.remove(gone)
            kept = set(range(len(self._held))).difference(gone)
            self._held = [self._held[at] for at in sorted(kept)]
        for add, boxes in ((layer.add_rectangles, True), (layer.add_polygons, False)):
            some = [(name, wanted[name]) for name in new if (len(wanted[name].corners) == 4) is boxes]
            if some:
                add(
                    [slide.frame.world_from_level0(np.array(drawn.corners)) for _, drawn in some],
                    edge_width=[drawn.width for _, drawn in some],
                    edge_color=np.array([drawn.line for _, drawn in some]),
                    face_color=np.array([drawn.face for _, drawn in some]),
                )
                self._held += some

    def _name(self, layer: Shapes, shown: ShownCells, names: bool) -> None:
        """Write the name of its class beside each cell, or stop."""
        if not names:
            layer.text.visible = False
            return
        positions = [shown.position(name) if _is_cell(name) else None for name, _ in self._held]
        words = ["" if position is None else shown.cells.label(position) for position in positions]
        layer.text = {"string": words, "anchor": "upper_left", "translation": (0, 0), "size": TEXT, "color": INK}

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
        layer, indices = event.source, [int(index) for index in event.data_indices]
        if action == "added":
            self._held += [("", None)] * (layer.nshapes - len(self._held))
            box = box_of(layer.data[-1], self._frame)
            if box[2] - box[0] >= 2 and box[3] - box[1] >= 2:  # a click that drew nothing is no cell
                self._added(box)
            return
        cells = [(self._held[at][0], at) for at in indices if _is_cell(self._held[at][0])]
        if action == "removed":
            self._held = [held for at, held in enumerate(self._held) if at not in indices]
            self._removed([identifier for identifier, _ in cells])
            return
        for at in indices:
            self._held[at] = (self._held[at][0], None)
        for identifier, at in cells:
            self._moved(identifier, box_of(layer.data[at], self._frame))


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


def _ring(box: Any) -> Ring:
    x0, y0, x1, y1 = (float(value) for value in box)
    return ring(x0, y0, x1, y1)


def _is_cell(name: str) -> bool:
    return bool(name) and name != SELECTED and not name.startswith("region ")


def _metadata(slide: Slide) -> dict[str, object]:
    return {METADATA: {"role": ROLE, "identity": slide.info.identity}}
