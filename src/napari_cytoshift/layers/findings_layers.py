"""Keeps the layers of cells up to date with the study, the filter and the camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QTimer

from cytoshift.errors import StudyError
from napari_cytoshift import notices
from napari_cytoshift.layers.findings_boxes import CellBoxes
from napari_cytoshift.layers.findings_points import CellPoints
from napari_cytoshift.view import Box

if TYPE_CHECKING:
    from napari.layers import Layer

    from cytoshift.study import Event, Study
    from napari_cytoshift.layers.findings import ShownCells

SETTLED_MS = 120


class CellLayers:
    """Draws a `ShownCells` into two layers: squares for all cells, exact boxes for those of a close view.

    Attributes
    ----------
    drawn : Signal()
        The layers are up to date.
    new_label : str
        Class of a box that a person draws into the layer of boxes.
    """

    drawn = Signal()

    def __init__(self, shown: ShownCells) -> None:
        self.shown = shown
        self.new_label = ""
        self.points = CellPoints()
        self.boxes = CellBoxes(self._move, self._remove, self._add)
        self._soon, self._settled = QTimer(), QTimer()
        for timer, wait, draw in ((self._soon, 0, self.draw_fast), (self._settled, SETTLED_MS, self.draw)):
            timer.setSingleShot(True)
            timer.setInterval(wait)
            timer.timeout.connect(draw)
        for signal in (shown.changed, shown.filtered, shown.selected_changed):
            signal.connect(self._draw_soon)
        shown.filtered.connect(self._draw_settled)
        shown.workspace.calibrated.connect(self._draw_soon)
        viewer = shown.workspace.viewer
        if viewer is not None:
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
        """Bring both layers up to date now."""
        self._settled.stop()
        self._draw(again=True)

    def draw_fast(self) -> None:
        """Bring both layers up to date; of very many cells, those chosen before stay the ones that are drawn."""
        self._draw(again=False)

    def _draw(self, *, again: bool) -> None:
        self._soon.stop()
        viewer, slide = self.shown.workspace.viewer, self.shown.slide
        if viewer is None:
            return
        view: Box | None = None if slide is None else self.shown.workspace.view_box(slide)
        side_by_side = viewer.canvas.grid.enabled  # the panes then hold one of the two layers each
        near = self.boxes.near(viewer, self.shown, view, far_too=side_by_side)
        self.points.draw(viewer, self.shown, view, again, hidden=near is not None and not side_by_side)
        self.boxes.draw(viewer, self.shown, near)
        self.drawn.emit()

    def toggle(self) -> None:
        """Hide the cells, or show them again."""
        layers = self._layers()
        visible = not any(layer.visible for layer in layers)
        for layer in layers:
            layer.visible = visible

    def _layers(self) -> list[Layer]:
        viewer = self.shown.workspace.viewer
        both = () if viewer is None else (self.points.layer(viewer), self.boxes.layer(viewer))
        return [layer for layer in both if layer is not None]

    def _draw_soon(self, *_: object) -> None:
        self._soon.start()

    def _draw_settled(self, *_: object) -> None:
        self._settled.start()

    # What a person does to the layer of boxes

    def _move(self, identifier: str, box: Box) -> None:
        self._correct(lambda study, slide: study.move(slide, identifier, box))

    def _remove(self, identifiers: list[str]) -> None:
        for identifier in identifiers:
            self._reject(identifier)

    def _reject(self, identifier: str) -> None:
        self._correct(lambda study, slide: study.reject(slide, identifier))

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
