"""Marks where a slide, as it is seen, differs from the slide: squares, diamonds and rings around nuclei, and a veil.

Every pane of a side-by-side view has marks of its own, since what was lost is seen in the original and what was
invented in the other. The veil, how far structure disagrees, lies over the original alone: what is seen stays clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_cytoshift.layers.panes import AUDIT, VEIL
from napari_cytoshift.layers.slide_layers import METADATA, layer_of, role_of

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image, Points

    from cytoshift.slides.slide import Slide
    from cytoshift.translation.audit import Audit, Kind


class Mark(NamedTuple):
    """How a kind of change is marked: napari's symbol, colour (Okabe and Ito's), size over the nucleus, and words."""

    symbol: str
    color: str
    size: float
    words: str


MARKS: dict[Kind, Mark] = {
    "invented": Mark("square", "#D55E00", 1.7, "invented"),
    "lost": Mark("diamond", "#0072B2", 2.0, "lost"),
    "outline": Mark("disc", "#009E73", 1.6, "outline changed"),
    "texture": Mark("disc", "#AA3377", 2.0, "chromatin changed"),
}

WIDTH = 2.5
"""Screen pixels of a mark's line."""

SMALLEST = 14
"""Screen pixels of the smallest mark."""

FAINT, STRONG = 0.08, 0.5
"""Disagreement of structure from which the veil is seen, and from which it is at its strongest."""


class AuditLayers:
    """The layers that show audits, made when there is something to show."""

    def __init__(self) -> None:
        self._drawn: tuple[object, ...] = ()

    def draw(self, viewer: Viewer, slide: Slide, audits: Sequence[Audit], panes: int, *, veiled: bool) -> None:
        """Show audits of places of a slide, in level-0 pixels, in so many panes."""
        boxes = np.concatenate([audit.boxes for audit in audits] or [np.zeros((0, 4), np.float32)])
        kinds = np.concatenate([audit.kinds for audit in audits] or [np.zeros(0, np.int8)])
        for pane in range(panes):
            layer = marks(viewer, pane)
            if layer is None and len(kinds):
                layer = _make_marks(viewer, slide, pane)
            if layer is not None:
                layer.metadata = _metadata(slide, AUDIT, pane)
                layer.units = (slide.frame.unit, slide.frame.unit)
                _fill(layer, slide, boxes, kinds, viewer.scene.camera.zoom)
        self._show_panes(viewer, panes if len(kinds) else 0)
        self._draw_veil(viewer, slide, audits if veiled else ())

    def thicken(self, viewer: Viewer) -> None:
        """Keep the lines at their width on the screen, whatever the zoom."""
        for pane in range(3):
            layer = marks(viewer, pane)
            if layer is not None and layer.visible and len(layer.data):
                _thicken(layer, viewer.scene.camera.zoom)

    def hide(self, viewer: Viewer) -> None:
        """Show nothing. The layers stay: napari takes long to remove one."""
        self._show_panes(viewer, 0)
        layer = veil(viewer)
        if layer is not None:
            layer.visible = False

    def _show_panes(self, viewer: Viewer, panes: int) -> None:
        for pane in range(3):
            layer = marks(viewer, pane)
            if layer is not None:
                layer.visible = pane < panes

    def _draw_veil(self, viewer: Viewer, slide: Slide, audits: Sequence[Audit]) -> None:
        layer = veil(viewer)
        joined = joined_map(audits)
        if joined is None:
            if layer is not None:
                layer.visible = False
            return
        values, corner, step = joined
        if layer is None:
            layer = _make_veil(viewer, slide, values)
        layer.metadata = _metadata(slide, VEIL)
        scale = np.asarray(slide.frame.scale_yx) * step
        middle = slide.frame.world_from_level0(np.asarray(corner) + np.asarray(step)[::-1] / 2)
        with layer._block_refresh():
            layer.data = values
            layer.scale, layer.translate = scale, middle
        layer.units = (slide.frame.unit, slide.frame.unit)
        layer.visible = True
        layer.refresh()


def marks(viewer: Viewer, pane: int) -> Points | None:
    """Return the layer of marks of a pane, counted from the original's; None where there is none."""
    mine = (layer for layer in viewer.layers if role_of(layer) == AUDIT)
    return next((layer for layer in mine if layer.metadata[METADATA]["pane"] == pane), None)


def veil(viewer: Viewer) -> Image | None:
    """Return the layer of the disagreement of structure; None where there is none."""
    return layer_of(viewer.layers, VEIL)


def joined_map(
    audits: Sequence[Audit],
) -> tuple[npt.NDArray[np.float32], tuple[float, float], tuple[float, float]] | None:
    """Return the maps of audits as one, its corner x, y, and its step y, x, in level-0 pixels; None without any."""
    known = [audit for audit in audits if audit.disagreement.size]
    if not known:
        return None
    corners = np.array([audit.region for audit in known])
    shapes = np.array([audit.disagreement.shape for audit in known])
    steps = (corners[:, [3, 2]] - corners[:, [1, 0]]) / shapes
    step = steps[np.argmax(shapes.prod(axis=1))]
    x, y = corners[:, :2].min(axis=0)
    places = np.round((corners[:, [1, 0]] - (y, x)) / step).astype(int)
    values = np.zeros((places + shapes).max(axis=0), np.float32)
    for audit, (top, left), (height, width) in zip(known, places, shapes, strict=True):
        values[top : top + height, left : left + width] = audit.disagreement
    return values, (float(x), float(y)), (float(step[0]), float(step[1]))


def _fill(layer: Points, slide: Slide, boxes: npt.NDArray[Any], kinds: npt.NDArray[Any], zoom: float) -> None:
    if not len(kinds) and not len(layer.data):
        return
    named = list(MARKS.values())
    # The layer never shrinks: napari slices in a thread, and an old slice may still point at the last point.
    length = max(len(layer.data), 1 << max(len(kinds) - 1, 0).bit_length())
    corners = slide.frame.world_from_level0(boxes.reshape(-1, 2, 2))
    sides = (corners[:, 1] - corners[:, 0]).max(axis=1, initial=1e-3)
    layer.selected_data = set()
    layer.data = padded(corners.mean(axis=1), length)
    layer.size = padded(np.array([named[k].size for k in kinds]) * sides, length)
    layer.symbol = [*(named[k].symbol for k in kinds), *["disc"] * (length - len(kinds))]
    colors = np.zeros((length, 4), np.float32)
    colors[: len(kinds)] = [rgba(named[k].color) for k in kinds] or np.zeros((0, 4))
    layer.border_color = colors
    _thicken(layer, zoom)


def _thicken(layer: Points, zoom: float) -> None:
    layer.border_width = np.clip(WIDTH / np.maximum(layer.size * zoom, SMALLEST), 0.02, 0.4)


def padded(values: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Return rows followed by copies of the first, up to a length: a layer of points must not shrink."""
    padding = np.ones((length - len(values), *values.shape[1:]), np.float64)
    if len(values):
        padding[:] = values[0]
    return np.concatenate([values, padding])


def rgba(color: str) -> tuple[float, float, float, float]:
    """Return a colour ``"#rrggbb"`` as four numbers from 0 to 1."""
    red, green, blue = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue, 1.0


def _make_marks(viewer: Viewer, slide: Slide, pane: int) -> Points:
    active = viewer.layers.selection.active
    layer = viewer.add_points(
        np.zeros((0, 2)),
        name="What changed",
        face_color="transparent",
        border_width_is_relative=True,
        canvas_size_limits=(SMALLEST, 10_000),
        antialiasing=1,
        metadata=_metadata(slide, AUDIT, pane),
        units=(slide.frame.unit, slide.frame.unit),
    )
    viewer.layers.selection.active = active
    return layer


def _make_veil(viewer: Viewer, slide: Slide, values: npt.NDArray[np.float32]) -> Image:
    from napari.utils import Colormap

    active = viewer.layers.selection.active
    clear_to_strong = [[0.84, 0.37, 0.0, 0.0], [0.84, 0.37, 0.0, 0.45], [0.5, 0.1, 0.0, 0.75]]
    layer = viewer.add_image(
        values,
        name="How far structure differs",
        colormap=Colormap(clear_to_strong, name="cytoshift-veil"),
        contrast_limits=(FAINT, STRONG),
        interpolation2d="linear",
        blending="translucent",
        metadata=_metadata(slide, VEIL),
        units=(slide.frame.unit, slide.frame.unit),
    )
    viewer.layers.selection.active = active
    return layer


def _metadata(slide: Slide, role: str, pane: int = 0) -> dict[str, object]:
    return {METADATA: {"role": role, "identity": slide.info.identity, "pane": pane}}
