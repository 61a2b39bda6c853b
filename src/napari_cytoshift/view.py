"""Where the camera looks: the view as a box on the slide, and the magnification a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cytoshift.slides.coordinates import Frame, magnification_from_mpp
from cytoshift.study.coverage import nominal_mpp

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.slides.slide import Slide

AIR = 0.02

Box = tuple[float, float, float, float]


def cell_size(viewer: Viewer) -> tuple[float, float]:
    """Return height and width in screen pixels of the canvas, or of one cell of the grid."""
    height, width = viewer.canvas.size
    grid = viewer.canvas.grid
    if not grid.enabled:
        return float(height), float(width)
    rows, columns = grid.actual_shape(viewer.layers)
    return height / max(rows, 1), width / max(columns, 1)


def view_box(viewer: Viewer, frame: Frame) -> Box:
    """Return the visible part as x0, y0, x1, y1 in level-0 pixels; it may reach beyond the slide."""
    center = np.asarray(viewer.scene.camera.center[-2:], dtype=np.float64)
    half = np.asarray(cell_size(viewer)) / viewer.scene.camera.zoom / 2
    x0, y0 = frame.level0_from_world(center - half)
    x1, y1 = frame.level0_from_world(center + half)
    return float(x0), float(y0), float(x1), float(y1)


def look_at(viewer: Viewer, frame: Frame, x: float, y: float, *, magnification: float | None = None) -> None:
    """Center the view on a level-0 point, at a magnification where one is given and µm/px are known."""
    world = frame.world_from_level0([x, y])
    viewer.scene.camera.center = (0.0, float(world[0]), float(world[1]))
    if magnification is not None and frame.mpp_yx is not None:
        viewer.scene.camera.zoom = zoom_of(magnification)


def whole(slide: Slide) -> Box:
    """Return the box of a whole slide with a little air around it."""
    level = slide.levels[0]
    air = AIR * max(level.height, level.width)
    return -air, -air, level.width + air, level.height + air


def look_at_box(viewer: Viewer, frame: Frame, box: Box) -> None:
    """Move the view so that it just holds a box of level-0 pixels."""
    x0, y0, x1, y1 = box
    size = np.array([y1 - y0, x1 - x0]) * np.asarray(frame.scale_yx)
    viewer.scene.camera.zoom = float(np.min(np.asarray(cell_size(viewer)) / np.maximum(size, 1e-6)))
    look_at(viewer, frame, (x0 + x1) / 2, (y0 + y1) / 2)


def camera(viewer: Viewer) -> tuple[object, ...]:
    """Return where the camera is, to be compared later."""
    return viewer.scene.camera.center, viewer.scene.camera.zoom


def zoom_of(magnification: float) -> float:
    """Return the camera's zoom (screen pixels per µm) that shows a magnification; 40x is 4."""
    return magnification / magnification_from_mpp(1.0)


def magnification(viewer: Viewer, frame: Frame) -> float | None:
    """Return the magnification at which the slide is shown; None while µm/px are unknown."""
    return None if frame.mpp_yx is None else magnification_from_mpp(1.0 / viewer.scene.camera.zoom)


def nominal_magnification(viewer: Viewer, slide: Slide) -> float:
    """Return the magnification at which a slide is shown; as if scanned at its objective while µm/px are unknown."""
    known = magnification(viewer, slide.frame)
    return magnification_from_mpp(nominal_mpp(slide) / viewer.scene.camera.zoom) if known is None else known
