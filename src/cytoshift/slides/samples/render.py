"""Draw any window of a scene alone: lay the dyes of all that reaches into it, then let a scanner look at them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.slides.samples.cells import DYES, Stamp, stamp
from cytoshift.slides.samples.debris import bank
from cytoshift.slides.samples.scene import FIELD, Scene
from cytoshift.slides.samples.stain import HALO, STYLES, StyleName, develop
from cytoshift.slides.samples.texture import Field

RGB = npt.NDArray[np.uint8]


def render_tile(scene: Scene, y: int, x: int, height: int, width: int, style: StyleName = "home") -> RGB:
    """Draw a window of a scene.

    Parameters
    ----------
    scene : Scene
        What lies where.
    y, x, height, width : int
        Window in level-0 pixels.
    style : {"home", "away"}
        Stain and scanner.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        The same pixels as in any other window that contains them.
    """
    picture = np.full((height, width, 3), 255, np.uint8)
    for row in range(y // FIELD, (y + height - 1) // FIELD + 1):
        for column in range(x // FIELD, (x + width - 1) // FIELD + 1):
            if scene.scanned(row, column):
                top, bottom = max(y, row * FIELD), min(y + height, (row + 1) * FIELD)
                left, right = max(x, column * FIELD), min(x + width, (column + 1) * FIELD)
                dyes = _dyes(scene, top - HALO, left - HALO, bottom - top + 2 * HALO, right - left + 2 * HALO)
                picture[top - y : bottom - y, left - x : right - x] = develop(dyes, top, left, STYLES[style])
    return picture


def _dyes(scene: Scene, y: int, x: int, height: int, width: int) -> Field:
    dyes = np.zeros((DYES, height, width), np.float32)
    for cell in scene.cells(y, x, height, width):
        if _reaches(cell.y - y, height) and _reaches(cell.x - x, width):
            _press(dyes, stamp(cell.kind, cell.seed), cell.y - y, cell.x - x)
    for thing in scene.things(y, x, height, width):
        _press(dyes, bank(thing.sort, thing.number), thing.y - y, thing.x - x)
    return dyes


def _reaches(at: int, length: int) -> bool:
    return -FIELD // 2 < at < length + FIELD // 2


def _press(dyes: Field, mark: Stamp, y: int, x: int) -> None:
    """Add a stamp with its centre at a pixel."""
    for amounts, layer in mark.layers:
        top, left = y - layer.shape[0] // 2, x - layer.shape[1] // 2
        rows = slice(max(top, 0), min(top + layer.shape[0], dyes.shape[1]))
        columns = slice(max(left, 0), min(left + layer.shape[1], dyes.shape[2]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        seen = layer[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        for dye, amount in enumerate(amounts):
            if amount:
                dyes[dye, rows, columns] += seen * np.float32(amount)
