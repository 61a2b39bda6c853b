"""Where a person left off: the slide that was looked at last, and the view of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_cytoshift.layers import slide_layers
from napari_cytoshift.view import Box

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_cytoshift.background import Work
    from napari_cytoshift.workspace import Workspace


def left_off(workspace: Workspace) -> tuple[str, Box] | None:
    """Return path and view (level-0 pixels) of the slide that was looked at last, if it is still there."""
    kept = workspace.state.get("left_off")
    if not kept or not Path(kept["path"]).exists():
        return None
    x0, y0, x1, y1 = kept["view"]
    return kept["path"], (x0, y0, x1, y1)


def go_on(workspace: Workspace) -> Work | None:
    """Open the slide that was looked at last, in the place where it was left."""
    place = left_off(workspace)
    if place is None:
        return None
    path, box = place

    def look(layer: Layer) -> None:
        slide = slide_layers.slide_of(layer)
        if slide is not None:
            workspace.look_at(slide, box)

    return workspace.open(path, done=look)


def remember(workspace: Workspace) -> None:
    """Remember the active slide and where it is looked at, for the next session."""
    slide = workspace.active
    box = None if slide is None else workspace.view_box(slide)
    if slide is not None and box is not None and slide.info.path:
        view = [round(value, 1) for value in box]
        workspace.state.set("left_off", {"path": slide.info.path, "view": view})
