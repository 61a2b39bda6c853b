"""Marks of cells that a search through other colours gained, lost or put into another class.

A mark stands beside its cell and points at it, so that it never covers a nucleus: a triangle below points up at a
gained cell, one above points down at a lost one, a diamond stands at the corner of a changed one. It is hollow where
the other search saw the cell too and was only less sure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from cytoshift.engine.delta import NOT_SEEN, Delta
from cytoshift.study.palette import CHANGES
from napari_cytoshift.layers.audit_layer import padded
from napari_cytoshift.layers.panes import DELTA
from napari_cytoshift.layers.slide_layers import METADATA, role_of

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Points

    from cytoshift.slides.slide import Slide

Change = Literal["gained", "lost", "changed"]


class Mark(NamedTuple):
    """How a change is marked: napari's symbol, and where it stands, in sides of the box from its corner."""

    symbol: str
    x: float
    y: float


MARKS: dict[Change, Mark] = {
    "gained": Mark("triangle_up", 0.5, 1.35),
    "lost": Mark("triangle_down", 0.5, -0.35),
    "changed": Mark("diamond", 1.2, -0.2),
}

SIZE = 0.5
"""Size of a mark, in sides of its box."""

SMALLEST, LARGEST = 13, 24
"""Screen pixels of the smallest and the largest mark."""

LINE = 0.14
"""Width of a mark's line, as a share of the mark."""

MOST = 20_000
"""Marks drawn; of more, as many spread evenly over the list."""


def color(change: Change) -> tuple[float, float, float, float]:
    """Return the colour of a change, four numbers from 0 to 1."""
    red, green, blue = (value / 255 for value in CHANGES[change])
    return red, green, blue, 1.0


def positions(delta: Delta, change: Change) -> npt.NDArray[np.int64]:
    """Return which findings a change is of: positions in `delta.before` for lost ones, else in `delta.after`."""
    if change == "gained":
        return delta.gained
    return delta.lost if change == "lost" else delta.changed[:, 1]


def boxes_of(delta: Delta, change: Change) -> npt.NDArray[np.float32]:
    """Return the boxes ``(n, 4)`` of a change in level-0 pixels."""
    found = delta.before if change == "lost" else delta.after
    return found.boxes[positions(delta, change)]


def marks(viewer: Viewer) -> Points | None:
    """Return the layer of marks; None where there is none."""
    return next((layer for layer in viewer.layers if role_of(layer) == DELTA), None)


def hide(viewer: Viewer) -> None:
    """Show no marks. The layer stays: napari takes long to remove one."""
    layer = marks(viewer)
    if layer is not None:
        layer.visible = False
        layer.metadata = {METADATA: {"role": DELTA, "identity": ""}}  # no slide that comes back shows it again


def draw(viewer: Viewer, slide: Slide, delta: Delta) -> None:
    """Mark every cell that was gained, lost or changed."""
    points, sides, kinds, hollow = _placed(delta)
    layer = marks(viewer)
    if layer is None:
        if not len(points):
            return
        layer = _make(viewer, slide)
    layer.metadata = _metadata(slide)
    layer.units = (slide.frame.unit, slide.frame.unit)
    # The layer never shrinks: napari slices in a thread, and an old slice may still point at the last point.
    length = max(len(layer.data), 1 << max(len(points) - 1, 0).bit_length())
    colors = np.array([color(change) for change in MARKS])
    faces, lines = np.zeros((length, 4)), np.zeros((length, 4))
    faces[: len(points)] = np.where(hollow[:, None], 1.0, colors[kinds])
    lines[: len(points)] = np.where(hollow[:, None], colors[kinds], 1.0)
    world = slide.frame.world_from_level0(points)
    scale = float(np.mean(slide.frame.scale_yx))
    layer.selected_data = set()
    layer.data = padded(world, length)
    layer.size = padded(np.maximum(sides * SIZE * scale, 1e-3), length)
    symbols = [mark.symbol for mark in MARKS.values()]
    layer.symbol = [*(symbols[kind] for kind in kinds), *["disc"] * (length - len(kinds))]
    layer.face_color = faces
    layer.border_color = lines
    layer.border_width = LINE
    layer.visible = bool(len(points))


def _placed(
    delta: Delta,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return where marks stand in level-0 pixels (x, y), their boxes' sides, kinds, and which are hollow."""
    points, sides, kinds, hollow = [], [], [], []
    seen_too = {"gained": delta.gained_seen, "lost": delta.lost_seen, "changed": np.full(len(delta.changed), NOT_SEEN)}
    for kind, (change, mark) in enumerate(MARKS.items()):
        boxes, seen = boxes_of(delta, change).astype(np.float64), seen_too[change]
        size = boxes[:, 2:] - boxes[:, :2]
        points.append(boxes[:, :2] + size * (mark.x, mark.y))
        sides.append(size.max(axis=1, initial=0.0))
        kinds.append(np.full(len(boxes), kind))
        hollow.append(seen != NOT_SEEN)
    total = sum(map(len, kinds))
    some = np.arange(total) if total <= MOST else np.linspace(0, total - 1, MOST).astype(np.int64)
    return (
        np.concatenate(points)[some],
        np.concatenate(sides)[some],
        np.concatenate(kinds)[some],
        np.concatenate(hollow)[some],
    )


def _make(viewer: Viewer, slide: Slide) -> Points:
    active = viewer.layers.selection.active
    layer = viewer.add_points(
        np.zeros((0, 2)),
        name="Gained, lost, changed",
        border_width_is_relative=True,
        canvas_size_limits=(SMALLEST, LARGEST),
        antialiasing=1,
        metadata=_metadata(slide),
        units=(slide.frame.unit, slide.frame.unit),
    )
    viewer.layers.selection.active = active
    return layer


def _metadata(slide: Slide) -> dict[str, object]:
    return {METADATA: {"role": DELTA, "identity": slide.info.identity}}
