"""Keeps the layers of cells up to date with the study, the filter, the camera, and how a person wants them drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from cytoshift.errors import StudyError
from napari_cytoshift import notices
from napari_cytoshift.layers.findings_boxes import CellBoxes
from napari_cytoshift.layers.findings_density import DensityMap
from napari_cytoshift.layers.findings_hover import CellHover
from napari_cytoshift.layers.findings_look import Look
from napari_cytoshift.layers.findings_points import MOST, CellPoints
from napari_cytoshift.view import Box

if TYPE_CHECKING:
    from napari.layers import Layer

    from cytoshift.study import Event, Study
    from napari_cytoshift.layers.findings import ShownCells
    from napari_cytoshift.layers.findings_points import Indices

SETTLED_MS = 120
SAME = 0.5
"""Level-0 pixels by which the sides of a box that was only moved may differ."""


class CellLayers:
    """Draws a `ShownCells`: a density map in a wide view, squares in a closer one, exact shapes in a close one.

    Attributes
    ----------
    drawn : Signal()
        The layers are up to date.
    look_changed : Signal()
        Cells are drawn in another way.
    new_label : str
        Class of a box that a person draws into the layer of boxes.
    look : Look
        How cells are drawn; see `set_look`.
    note : str
        What a person must know of what is drawn; ``""`` where each cell is.
    """

    drawn = Signal()
    look_changed = Signal()

    def __init__(self, shown: ShownCells) -> None:
        self.shown = shown
        self.new_label = ""
        self.note = ""
        self.look = Look.from_json(shown.workspace.state.get("cell_look", {}))
        self.density, self.points = DensityMap(), CellPoints()
        self.boxes = CellBoxes(self._move, self._remove, self._add, self._draw_soon)
        self._wanted = True
        self._seen: tuple[object, ...] = ()
        self._soon, self._settled = QTimer(), QTimer()
        for timer, wait in ((self._soon, 0), (self._settled, SETTLED_MS)):
            timer.setSingleShot(True)
            timer.setInterval(wait)
            timer.timeout.connect(self.draw)
        for signal in (shown.changed, shown.filtered, shown.selected_changed):
            signal.connect(self._draw_soon)
        shown.workspace.calibrated.connect(self._draw_soon)
        viewer = shown.workspace.viewer
        if viewer is not None:
            self.hover = CellHover(viewer, shown)
            for event in (viewer.scene.camera.events.zoom, viewer.scene.camera.events.center):
                event.connect(self._draw_settled)
            viewer.canvas.events.size.connect(self._draw_settled)
            viewer.canvas.grid.events.enabled.connect(self._draw_settled)
        self._draw_soon()

    @property
    def pending(self) -> bool:
        """Whether the layers are about to be drawn again."""
        return self._soon.isActive() or self._settled.isActive()

    def draw(self) -> None:
        """Bring the layers up to date now."""
        self._settled.stop()
        self._soon.stop()
        viewer, slide = self.shown.workspace.viewer, self.shown.slide
        if viewer is None:
            return
        if slide is None:
            for layer in self._layers():
                viewer.layers.remove(layer)
        view = None if slide is None else self.shown.workspace.view_box(slide)
        which = np.zeros(0, np.int64) if view is None else self.shown.inside(view)
        side_by_side = viewer.canvas.grid.enabled  # the panes then hold one of the two layers each
        near = self.boxes.near(viewer, self.shown, which, far_too=side_by_side)
        many = len(which) > MOST
        if many and not side_by_side:
            self.density.draw(viewer, self.shown)
        elif near is None or side_by_side:
            self.points.draw(viewer, self.shown, self._around(which, view), self.look)
        self.boxes.draw(viewer, self.shown, near, self.look)
        self._show_layers(many and not side_by_side, (near is None and not many) or side_by_side)
        self._say(len(which), side_by_side)
        self.drawn.emit()

    def _around(self, which: Indices, view: Box | None) -> Indices:
        """Return the cells of a view with those around it where both are not too many, an even share where they are."""
        if view is None or len(which) > MOST:
            return which[:: -(-len(which) // MOST)] if len(which) else which
        x0, y0, x1, y1 = view
        width, height = (x1 - x0) / 2, (y1 - y0) / 2
        more = self.shown.inside((x0 - width, y0 - height, x1 + width, y1 + height))
        return more if len(more) <= MOST else which

    def _say(self, number: int, side_by_side: bool) -> None:
        """Say in the status line, and in `note`, where not every cell in the view is drawn by itself."""
        note = ""
        if number > MOST and side_by_side:
            note = f"One cell in {-(-number // MOST)} is drawn at this zoom; all are counted."
        elif number > MOST:
            note = f"Density of {number:,} cells; zoom in to see each of them.".replace(",", " ")
        viewer = self.shown.workspace.viewer
        if note != self.note and viewer is not None:
            viewer.status = note
        self.note = note

    # How a person wants them

    def set_look(self, look: Look) -> None:
        """Draw cells in another way, now and the next time."""
        self.look = look
        self.shown.workspace.state.set("cell_look", look.to_json())
        self.draw()
        self.look_changed.emit()

    def toggle(self) -> None:
        """Hide the cells, or show them again."""
        self._wanted = not any(layer.visible for layer in self._layers())
        self.draw()

    def _layers(self) -> list[Layer]:
        viewer = self.shown.workspace.viewer
        parts = (self.density, self.points, self.boxes)
        every = () if viewer is None else tuple(part.layer(viewer) for part in parts)
        return [layer for layer in every if layer is not None]

    def _show_layers(self, density: bool, points: bool) -> None:
        """Show the layers that speak of this view; an eye that a person closed stays closed as long as they do."""
        viewer = self.shown.workspace.viewer
        if viewer is None:
            return
        seen = (self.shown.identity, self._wanted, density, points, self.look.opacity, len(self._layers()))
        if seen == self._seen:
            return
        self._seen = seen
        for part, on in ((self.density, density), (self.points, points), (self.boxes, True)):
            layer = part.layer(viewer)
            if layer is not None:
                layer.visible = self._wanted and on and bool(self.shown.identity)
                layer.opacity = self.look.opacity

    def _draw_soon(self, *_: object) -> None:
        self._soon.start()

    def _draw_settled(self, *_: object) -> None:
        self._settled.start()

    # What a person does to the layer of boxes

    def _move(self, identifier: str, box: Box) -> None:
        position = self.shown.position(identifier)
        if position is None:
            return
        x0, y0, x1, y1 = self.shown.cells.boxes[position].tolist()
        same = abs(box[2] - box[0] - (x1 - x0)) < SAME and abs(box[3] - box[1] - (y1 - y0)) < SAME
        self._correct(lambda study, slide: (study.move if same else study.resize)(slide, identifier, box))

    def _remove(self, identifiers: list[str]) -> None:
        if identifiers:
            self._correct(lambda study, slide: study.reject(slide, identifiers))
        else:
            self._draw_soon()

    def _add(self, box: Box) -> None:
        if self.new_label:
            self._correct(lambda study, slide: study.add(slide, box, self.new_label))
        self._draw_soon()

    def _correct(self, write: Callable[[Study, str], Event | None]) -> None:
        try:
            self.shown.correct(write)
        except StudyError as error:
            notices.complain(error)
            self._draw_soon()
