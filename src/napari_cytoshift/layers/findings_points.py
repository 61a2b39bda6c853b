"""All cells of a slide at a glance: one points layer of squares, as large as the boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cytoshift.layers.findings_colors import line_colors, line_widths
from napari_cytoshift.layers.slide_layers import METADATA, role_of
from napari_cytoshift.view import Box

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Points

    from cytoshift.slides.slide import Slide
    from cytoshift.study.cells import Cells
    from napari_cytoshift.layers.findings import ShownCells

Indices = npt.NDArray[np.int64]

MOST = 20_000
"""Squares drawn at once; of more cells in the view an even share is drawn, and `share` says so."""

ROLE = "cells"
SMALLEST = 3
"""Side in screen pixels of the smallest square."""


class CellPoints:
    """Draws the cells of a `ShownCells` into a points layer, made when there is something to draw.

    Attributes
    ----------
    share : float
        Share of the cells to be shown that is drawn; 1 but for very many.
    """

    def __init__(self) -> None:
        self.share = 1.0
        self._drawn: Cells | None = None
        self._which: Indices = np.zeros(0, np.int64)
        self._colors = np.zeros((0, 4), np.float32)
        self._key: tuple[object, ...] = ()

    def layer(self, viewer: Viewer) -> Points | None:
        """Return the layer, None where there is none (yet, or because a person removed it)."""
        return next((layer for layer in viewer.layers if role_of(layer) == ROLE), None)

    def draw(self, viewer: Viewer, shown: ShownCells, view: Box | None, again: bool, *, hidden: bool) -> None:
        """Bring the layer up to date.

        Parameters
        ----------
        viewer : Viewer
        shown : ShownCells
        view : tuple of float or None
            The visible part in level-0 pixels.
        again : bool
            Of very many cells, choose anew which are drawn.
        hidden : bool
            Whether another layer shows the cells of this view instead.
        """
        slide, layer = shown.slide, self.layer(viewer)
        if slide is None or (layer is None and not len(shown.cells)):
            if layer is not None:
                viewer.layers.remove(layer)
            return
        mask = shown.mask()
        if layer is None:
            layer = _make(viewer, slide)
            self._key = ()
        key = (shown.cells, slide.key, slide.frame)
        which = self._choose(shown, mask, view) if again or key != self._key else self._which
        if key != self._key or not np.array_equal(which, self._which):
            self._fill(layer, slide, shown.cells, which)
            self._key, self._which = key, which
        sides = np.maximum(layer.size * viewer.scene.camera.zoom, SMALLEST)
        widths = _padded(line_widths(shown.cells.select(which)), len(sides)) / sides
        widths = np.clip(widths, 0.02, 1)
        if not np.array_equal(widths, layer.border_width):
            layer.border_width = widths
        # napari's own `shown` is not looked at in two dimensions (napari 0.9.2), so what is hidden is made transparent.
        colors = np.zeros((len(sides), 4), np.float32)
        colors[: len(which)] = self._colors
        colors[: len(which), 3] *= mask[which] & (not hidden)
        if not np.array_equal(colors, layer.border_color):
            layer.border_color = colors

    def _choose(self, shown: ShownCells, mask: npt.NDArray[np.bool_], view: Box | None) -> Indices:
        """Return which cells the layer holds: all, or of very many those around the view, thinned evenly."""
        self.share = 1.0
        if len(shown.cells) <= MOST:
            return np.arange(len(shown.cells))
        wanted = mask
        if view is not None:
            x0, y0, x1, y1 = view
            width, height = x1 - x0, y1 - y0
            boxes = shown.cells.boxes
            wanted = mask & (boxes[:, 2] > x0 - width) & (boxes[:, 0] < x1 + width)
            wanted &= (boxes[:, 3] > y0 - height) & (boxes[:, 1] < y1 + height)
        which = np.flatnonzero(wanted)
        step = -(-len(which) // MOST)
        if step > 1:
            self.share = 1 / step
        return which[:: max(step, 1)]

    def _fill(self, layer: Points, slide: Slide, cells: Cells, which: Indices) -> None:
        part = cells.select(which)
        corners = slide.frame.world_from_level0(part.boxes.reshape(-1, 2, 2))
        layer.metadata = _metadata(slide)
        layer.units = (slide.frame.unit, slide.frame.unit)
        layer.selected_data = set()
        self._colors = line_colors(part)
        if not len(which):
            return
        # The layer never shrinks: napari slices in a thread, and an old slice may still point at the last point.
        length = max(len(layer.data), 1 << (len(which) - 1).bit_length())
        layer.data = _padded(corners.mean(axis=1), length)
        layer.size = _padded(np.maximum((corners[:, 1] - corners[:, 0]).mean(axis=1), 1e-3), length)


def _padded(values: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Return values, filled up to a length with copies of the first."""
    if not len(values):
        return np.ones(length, values.dtype)
    padding = np.broadcast_to(values[0], (length - len(values), *values.shape[1:]))
    return np.concatenate([values, padding])


def _make(viewer: Viewer, slide: Slide) -> Points:
    active = viewer.layers.selection.active
    layer = viewer.add_points(
        np.zeros((0, 2)),
        name="Cells",
        symbol="square",
        face_color="transparent",
        border_width_is_relative=True,
        canvas_size_limits=(SMALLEST, 10_000),
        antialiasing=0,
        metadata=_metadata(slide),
        units=(slide.frame.unit, slide.frame.unit),
    )
    viewer.layers.selection.active = active
    return layer


def _metadata(slide: Slide) -> dict[str, object]:
    return {METADATA: {"role": ROLE, "identity": slide.info.identity}}
