"""The cell under review, large, always at the same place and the same physical size."""

from __future__ import annotations

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

SIDE = 190
"""Side of the picture in screen pixels."""

MICRONS = 40.0
"""Side of what it shows; a pixel count stands in while µm/px are unknown."""

PIXELS = 160.0


class CellCrop(QWidget):
    """Paints the surroundings of a box; they are read in a thread, and the newest wish wins."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._wish = 0
        self._image: QImage | None = None
        self._box: QRectF | None = None
        self._color = QColor()
        self.setFixedSize(SIDE, SIDE)

    @property
    def ready(self) -> bool:
        """Whether the picture of the newest wish is shown."""
        return self._image is not None

    def clear(self) -> None:
        """Show nothing."""
        self._wish += 1
        self._image = self._box = None
        self.update()

    def show_box(self, slide: Slide, box: Box, color: tuple[int, int, int]) -> None:
        """Show the surroundings of a box (level-0 pixels); until they are read, what was there stays."""
        self._wish += 1
        wish, ratio = self._wish, self.devicePixelRatioF()
        extent = PIXELS if slide.mpp is None else MICRONS / slide.mpp
        self.setToolTip("" if slide.mpp is None else f"{MICRONS:g} × {MICRONS:g} µm")

        def show(pixels: RGB) -> None:
            if wish != self._wish:
                return
            height, width, _ = pixels.shape
            image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
            scale = SIDE / extent
            x0, y0, x1, y1 = box
            left, top = (x0 + x1 - extent) / 2, (y0 + y1 - extent) / 2
            self._box = QRectF((x0 - left) * scale, (y0 - top) * scale, (x1 - x0) * scale, (y1 - y0) * scale)
            self._image, self._color = image, QColor(*color)
            self.update()

        self._workspace.start(
            "Reading a cell",
            lambda work: read_around(slide, box, extent, round(SIDE * ratio)),
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
