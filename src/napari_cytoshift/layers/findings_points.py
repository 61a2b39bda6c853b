"""The cells of a view at a glance: one points layer of squares, as large as the boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cytoshift.layers.findings_colors import face_colors, line_colors, line_widths
from napari_cytoshift.layers.findings_look import Look
from napari_cytoshift.layers.slide_layers import METADATA, role_of

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Points

    from cytoshift.slides.slide import Slide
    from napari_cytoshift.layers.findings import ShownCells

Indices = npt.NDArray[np.int64]

MOST = 5_000
"""Squares drawn at once: 20,000 take a software renderer twice as long for each frame as the slide itself."""

ROLE = "cells"
SMALLEST = 3
"""Side in screen pixels of the smallest square."""


class CellPoints:
    """Draws some cells of a `ShownCells` into a points layer, made when there is something to draw."""

    def layer(self, viewer: Viewer) -> Points | None:
        """Return the layer, None where there is none (yet, or because a person removed it)."""
        return next((layer for layer in viewer.layers if role_of(layer) == ROLE), None)

    def draw(self, viewer: Viewer, shown: ShownCells, which: Indices, look: Look) -> None:
        """Bring the layer up to date: it shows these cells and no others."""
        slide, layer = shown.slide, self.layer(viewer)
        if slide is None or (layer is None and not len(which)):
            return
        if layer is None:
            layer = _make(viewer, slide)
        part = shown.cells.select(which)
        layer.metadata = _metadata(slide)
        layer.units = (slide.frame.unit, slide.frame.unit)
        corners = slide.frame.world_from_level0(part.boxes.reshape(-1, 2, 2))
        # The layer never shrinks: napari slices in a thread, and an old slice may still point at the last point.
        length = max(len(layer.data), 1 << (len(which) - 1).bit_length() if len(which) else 0)
        sides = np.maximum((corners[:, 1] - corners[:, 0]).mean(axis=1), 1e-3)
        seen = np.maximum(sides * viewer.scene.camera.zoom, SMALLEST)
        lines, faces = line_colors(part), face_colors(part, look.fill)
        lines[:, 3] *= look.outline
        for name, values in (
            ("data", _padded(corners.mean(axis=1), length)),
            ("size", _padded(sides, length)),
            ("border_width", _padded(np.clip(line_widths(part) / seen, 0.02, 1), length)),
            # napari's own `shown` is not looked at in two dimensions (napari 0.9.2): the rest is transparent.
            ("border_color", _transparent_beyond(lines, length)),
            ("face_color", _transparent_beyond(faces, length)),
        ):
            if len(values) != len(getattr(layer, name)) or not np.array_equal(values, getattr(layer, name)):
                if name == "data":
                    layer.selected_data = set()
                setattr(layer, name, values)


def _padded(values: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Return values, filled up to a length with copies of the first."""
    if not len(values):
        return np.ones((length, *values.shape[1:]), values.dtype)
    padding = np.broadcast_to(values[0], (length - len(values), *values.shape[1:]))
    return np.concatenate([values, padding])


def _transparent_beyond(colors: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    every = np.zeros((length, 4), np.float32)
    every[: len(colors)] = colors
    return every


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
