"""The cell under review, large, always at the same place and the same physical size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from cytoshift.slides.slide import RGB

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from napari_cytoshift.view import Box
    from napari_cytoshift.workspace import Workspace

PIXELS_PER_MICRON = 4.0
"""Taken while nobody knows the µm/px of a slide: that of a scan at 40×."""


@dataclass(frozen=True)
class Scale:
    """How much of a slide the picture of a cell shows.

    Parameters
    ----------
    microns : float
        Side of the square.
    """

    microns: float

    def extent(self, slide: Slide) -> float:
        """Return the side in level-0 pixels of a slide."""
        return self.microns * PIXELS_PER_MICRON if slide.mpp is None else self.microns / slide.mpp

    def wider(self, times: float) -> Scale:
        """Return a scale that shows more."""
        return replace(self, microns=self.microns * times)


class CellCrop(QWidget):
    """Paints the surroundings of a box; they are read in a thread, and the newest wish wins.

    Parameters
    ----------
    workspace : Workspace
    side : int
        Side of the picture in screen pixels.
    """

    def __init__(self, workspace: Workspace, side: int) -> None:
        super().__init__()
        self._workspace = workspace
        self._side = side
        self._wish: tuple[object, ...] = ()
        self._image: QImage | None = None
        self._box: QRectF | None = None
        self._color = QColor()
        self.size_in_words = ""
        """How large the field is that is shown; ``""`` where nobody knows."""
        self.setFixedSize(side, side)

    @property
    def ready(self) -> bool:
        """Whether the picture of the newest wish is shown."""
        return self._image is not None

    def clear(self) -> None:
        """Show nothing."""
        self._wish = ()
        self._image = self._box = None
        self.update()

    def show_box(self, slide: Slide, box: Box, color: tuple[int, int, int], scale: Scale) -> None:
        """Show the surroundings of a box (level-0 pixels); until they are read, what was there stays."""
        wish = (slide.key, box, color, scale)
        if wish == self._wish:
            return
        self._wish = wish
        ratio, side = self.devicePixelRatioF(), self._side
        extent = scale.extent(slide)
        self.size_in_words = "" if slide.mpp is None else f"{scale.microns:g} × {scale.microns:g} µm"
        self.setToolTip(self.size_in_words)

        def show(pixels: RGB) -> None:
            if wish != self._wish:
                return
            zoom = side / extent
            x0, y0, x1, y1 = box
            left, top = (x0 + x1 - extent) / 2, (y0 + y1 - extent) / 2
            self._box = QRectF((x0 - left) * zoom, (y0 - top) * zoom, (x1 - x0) * zoom, (y1 - y0) * zoom)
            self._image, self._color = image_of(pixels), QColor(*color)
            self.update()

        self._workspace.start(
            "Reading a cell",
            lambda work: read_around(slide, box, extent, round(side * ratio)),
            done=show,
            in_activity=False,
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._image is None or self._box is None:
            painter.setOpacity(0.5)
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No cell selected")
            return
        painter.drawImage(QRectF(self.rect()), self._image)
        painter.setPen(QPen(self._color, 2))
        painter.drawRect(self._box)


def read_around(slide: Slide, box: Box, extent: float, side: int) -> RGB:
    """Read a square of ``extent`` level-0 pixels around the centre of a box, from the level that suits its size."""
    level = slide.best_level(extent / side)
    step_y, step_x = slide.levels[level].downsample_yx
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    height, width = max(1, round(extent / step_y)), max(1, round(extent / step_x))
    top, left = round(y / step_y - height / 2), round(x / step_x - width / 2)
    return np.ascontiguousarray(slide.read(level, top, left, height, width))


def image_of(pixels: RGB) -> QImage:
    """Return pixels as an image that owns them."""
    height, width, _ = pixels.shape
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
