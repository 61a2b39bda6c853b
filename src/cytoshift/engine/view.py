"""The raster an operator works on: the slide at its µm/px, the same pixels wherever they are read."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.engine.findings import Box
from cytoshift.engine.grid import Tile, TileGrid
from cytoshift.engine.operator import Needs
from cytoshift.errors import SlideError
from cytoshift.slides.cache import shared_cache
from cytoshift.slides.coordinates import FloatArray, level0_from_level, level_from_level0
from cytoshift.slides.slide import TILE, Level, Slide

RGB = npt.NDArray[np.uint8]

SAME = 0.01
"""Relative difference in µm/px below which a level is taken as it is."""


@dataclass(frozen=True, eq=False)
class View:
    """A slide at one resolution.

    Where no level fits, the next finer one is resampled in fixed blocks anchored at (0, 0), so that a pixel
    comes out the same whichever window asks for it.

    Parameters
    ----------
    slide : Slide
        What is looked at.
    source : int
        The level that is read.
    level : Level
        Size of the raster and its exact downsample from level 0.
    """

    slide: Slide
    source: int
    level: Level

    @classmethod
    def of(cls, slide: Slide, needs: Needs) -> View:
        """Return the raster that an operator asks for.

        Raises
        ------
        SlideError
            When the operator works at a given µm/px and the slide has none.
        """
        if needs.mpp is None:
            return cls(slide, 0, slide.levels[0])
        mpp_yx = slide.frame.mpp_yx
        if mpp_yx is None:
            raise SlideError(
                f"{slide.name} does not say how large a pixel is, and this works at {needs.mpp:g} µm/px; "
                "set its µm/px by the objective or with a line of known length."
            )
        wanted = (needs.mpp / mpp_yx[0], needs.mpp / mpp_yx[1])
        source = slide.best_level(sum(wanted) / 2)
        level = slide.levels[source]
        ratios = [want / has for want, has in zip(wanted, level.downsample_yx, strict=True)]
        if all(abs(ratio - 1) <= SAME for ratio in ratios):
            return cls(slide, source, level)
        height, width = (
            max(1, round(side / ratio)) for side, ratio in zip((level.height, level.width), ratios, strict=True)
        )
        return cls(slide, source, Level(height, width, wanted))

    @classmethod
    def at(cls, slide: Slide, level: Level) -> View:
        """Return the raster of a level of another slide in the same frame; the slide's own level where it fits."""
        source = slide.best_level(level.downsample)
        return cls(slide, source, slide.levels[source] if slide.levels[source] == level else level)

    @property
    def resampled(self) -> bool:
        """Whether no level of the slide fits, so that pixels are resampled."""
        return self.level is not self.slide.levels[self.source]

    @property
    def key(self) -> str:
        """What identifies the pixels of the raster."""
        if not self.resampled:
            return f"{self.slide.key}/level{self.source}"
        return f"{self.slide.key}/at{self.level.downsample_yx[0]!r}x{self.level.downsample_yx[1]!r}"

    def grid(self, needs: Needs) -> TileGrid:
        """Return the grid of an operator's tiles on this raster."""
        return TileGrid.of(self.level.height, self.level.width, needs)

    def level0(self, xy: npt.ArrayLike) -> FloatArray:
        """Convert points ``(..., 2)`` or boxes ``(..., 4)`` from raster to level-0 pixels."""
        return level0_from_level(xy, self.level.downsample_yx)

    def raster(self, xy: npt.ArrayLike) -> FloatArray:
        """Convert points ``(..., 2)`` or boxes ``(..., 4)`` from level-0 to raster pixels."""
        return level_from_level0(xy, self.level.downsample_yx)

    def level0_core(self, tile: Tile) -> Box:
        """Return x0, y0, x1, y1 of a tile's core in level-0 pixels."""
        x0, y0, x1, y1 = self.level0(tile.core).tolist()
        return (x0, y0, x1, y1)

    def window(self, grid: TileGrid, tile: Tile) -> RGB:
        """Read a tile with its halo: always of the full size, white outside the slide."""
        return self.read(tile.y - grid.halo, tile.x - grid.halo, grid.window, grid.window)

    def read(self, y: int, x: int, height: int, width: int) -> RGB:
        """Read a region of the raster as uint8 ``(height, width, 3)``; what lies outside is white."""
        if not self.resampled:
            return self.slide.read(self.source, y, x, height, width)
        region = np.full((height, width, 3), 255, dtype=np.uint8)
        top, bottom = max(y, 0), min(y + height, self.level.height)
        left, right = max(x, 0), min(x + width, self.level.width)
        if top >= bottom or left >= right:
            return region
        for row in range(top // TILE, (bottom - 1) // TILE + 1):
            for column in range(left // TILE, (right - 1) // TILE + 1):
                block = self._block(row, column)
                y0, x0 = row * TILE, column * TILE
                ya, yb = max(top, y0), min(bottom, y0 + block.shape[0])
                xa, xb = max(left, x0), min(right, x0 + block.shape[1])
                region[ya - y : yb - y, xa - x : xb - x] = block[ya - y0 : yb - y0, xa - x0 : xb - x0]
        return region

    def _block(self, row: int, column: int) -> RGB:
        return shared_cache().get((self.key, row, column), lambda: self._resample(row, column))

    def _resample(self, row: int, column: int) -> RGB:
        """Resample one block with a triangle filter as wide as the step, antialiased."""
        source = self.slide.levels[self.source]
        y, top, bottom = _span(row, self.level.height, self._steps_yx[0], source.height)
        x, left, right = _span(column, self.level.width, self._steps_yx[1], source.width)
        pixels = self.slide.read(self.source, top, left, bottom - top, right - left)
        size = (min(TILE, self.level.width - column * TILE), min(TILE, self.level.height - row * TILE))
        box = (x[0] - left, y[0] - top, x[1] - left, y[1] - top)
        return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, box=box))

    @property
    def _steps_yx(self) -> tuple[float, float]:
        """Source pixels per raster pixel along y and x."""
        want, has = self.level.downsample_yx, self.slide.levels[self.source].downsample_yx
        return want[0] / has[0], want[1] / has[1]


def _span(block: int, side: int, step: float, source: int) -> tuple[tuple[float, float], int, int]:
    """Return where a block of the raster lies along one axis of the source, and what must be read for it."""
    start, stop = block * TILE * step, min(min((block + 1) * TILE, side) * step, float(source))
    reach = max(step, 1.0) + 1  # the triangle filter reaches one step beyond the block
    return (start, stop), max(0, math.floor(start - reach)), min(source, math.ceil(stop + reach))
