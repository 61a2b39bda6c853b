"""A slide of any size that costs neither disk nor memory: one field laid side by side, on every level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.slides import TileCache
from cytoshift.slides.pyramid import halve
from cytoshift.slides.slide import TILE, Level, Slide, SlideInfo

RGB = npt.NDArray[np.uint8]

SMALLEST = 1024
"""Longest side in pixels of the coarsest level."""


class RepeatedSlide(Slide):
    """A field laid side by side.

    Parameters
    ----------
    field : ndarray of uint8, shape (n, n, 3)
        What repeats; its side is a power of two, from 512 on.
    side : int
        Of the slide, in pixels.
    mpp : float
        µm/px.
    """

    def __init__(self, field: RGB, side: int, mpp: float) -> None:
        self._field, self._side, self._mpp = field, side, mpp
        self._fields = [field]
        levels = [Level(side, side, (1.0, 1.0))]
        while levels[-1].height > SMALLEST:
            finer = np.tile(self._fields[-1], (2, 2, 1)) if len(self._fields[-1]) <= TILE else self._fields[-1]
            self._fields.append(halve(finer))
            length, downsample = -(-levels[-1].height // 2), 2.0 ** len(levels)
            levels.append(Level(length, length, (downsample, downsample)))
        info = SlideInfo(f"repeated-{side}", f"repeated-{side}", "memory", mpp_yx=(mpp, mpp))
        super().__init__(info, tuple(levels), cache=TileCache(32 << 20))

    @property
    def key(self) -> str:
        return self.info.identity

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        field, here = self._fields[level], self.levels[level]
        y, x = row * TILE % len(field), column * TILE % len(field)
        height, width = min(TILE, here.height - row * TILE), min(TILE, here.width - column * TILE)
        return field[y : y + height, x : x + width].copy()

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> RepeatedSlide:
        return RepeatedSlide(self._field, self._side, mpp_yx[0])
