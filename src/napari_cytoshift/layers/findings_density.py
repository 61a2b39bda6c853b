"""How many cells lie where: a map over the whole slide, for views that hold too many to draw each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells
from napari_cytoshift.layers.findings_colors import class_colors
from napari_cytoshift.layers.slide_layers import METADATA, role_of

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image

    from cytoshift.slides.slide import Slide
    from napari_cytoshift.layers.findings import ShownCells

ROLE = "density"
FIELDS = 512
"""Fields of the map along the longer side of the slide."""

FAINTEST = 0.25
FULL = 99.0
"""Percentile of the numbers of cells in a field from which on the map is not transparent any more."""

RGBA = npt.NDArray[np.uint8]


class DensityMap:
    """Draws the cells of a `ShownCells` that pass the filter into an image layer of few, coloured fields."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._fields: tuple[Cells, str, npt.NDArray[np.int32]] | None = None

    def layer(self, viewer: Viewer) -> Image | None:
        """Return the layer, None where there is none."""
        return next((layer for layer in viewer.layers if role_of(layer) == ROLE), None)

    def draw(self, viewer: Viewer, shown: ShownCells) -> None:
        """Bring the layer up to date."""
        slide, layer = shown.slide, self.layer(viewer)
        if slide is None:
            return
        key = (shown.cells, shown.filter, slide.key, slide.frame, layer)
        if key == self._key:
            return
        height, width, side = _raster(slide)
        pixels = density(shown.cells, shown.mask(), self._fields_of(shown.cells, slide), (height, width))
        scale = tuple(float(step) * side for step in slide.frame.scale_yx)
        options = {
            "scale": scale,
            "translate": tuple(slide.frame.world_from_level0([side / 2, side / 2]).tolist()),
            "units": (slide.frame.unit, slide.frame.unit),
            "metadata": {METADATA: {"role": ROLE, "identity": slide.info.identity}},
        }
        if layer is None:
            active = viewer.layers.selection.active
            layer = viewer.add_image(pixels, name="Density of cells", rgb=True, interpolation2d="linear", **options)
            viewer.layers.selection.active = active
        else:
            layer.data = pixels
            if self._key[2:4] != key[2:4]:
                for name, value in options.items():
                    setattr(layer, name, value)
        self._key = (*key[:-1], layer)

    def _fields_of(self, cells: Cells, slide: Slide) -> npt.NDArray[np.int32]:
        """Return in which field each cell lies; kept, for it is the same for every threshold."""
        if self._fields is None or self._fields[0].boxes is not cells.boxes or self._fields[1] != slide.key:
            height, width, side = _raster(slide)
            boxes = cells.boxes
            columns = ((boxes[:, 0] + boxes[:, 2]) * np.float32(0.5 / side)).astype(np.int32).clip(0, width - 1)
            rows = ((boxes[:, 1] + boxes[:, 3]) * np.float32(0.5 / side)).astype(np.int32).clip(0, height - 1)
            self._fields = (cells, slide.key, rows * width + columns)
        return self._fields[2]


def _raster(slide: Slide) -> tuple[int, int, float]:
    """Return rows and columns of the map of a slide, and the side of a field in level-0 pixels."""
    level = slide.levels[0]
    side = max(level.height, level.width) / FIELDS
    return int(np.ceil(level.height / side)), int(np.ceil(level.width / side)), side


def density(cells: Cells, mask: npt.NDArray[np.bool_], fields: npt.NDArray[np.int32], shape: tuple[int, int]) -> RGBA:
    """Return a map: each field in the mean colour of its cells' classes, the more of them the less transparent.

    Parameters
    ----------
    cells : Cells
    mask : ndarray of bool, shape (n,)
        Which of them count.
    fields : ndarray of int32, shape (n,)
        Row times columns plus column of the field each lies in.
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 4)
    """
    number, kinds = shape[0] * shape[1], max(len(cells.classes), 1)
    places = fields[mask] + cells.labels[mask].astype(np.int32) * np.int32(number)
    counts = np.bincount(places, minlength=kinds * number).reshape(kinds, number).astype(np.float32)
    total = counts.sum(axis=0)
    pixels = np.zeros((number, 4), np.float32)
    held = np.flatnonzero(total)
    if len(held):
        pixels[held, :3] = counts[:, held].T @ class_colors(cells.classes) / total[held, None]
        full = max(float(np.percentile(total[held], FULL)), 1.0)
        pixels[held, 3] = FAINTEST + (1 - FAINTEST) * np.sqrt(np.minimum(total[held] / full, 1))
    return (pixels * 255).round().astype(np.uint8).reshape(*shape, 4)
