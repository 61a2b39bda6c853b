"""A slide seen through an image operator: a slide like any other."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cytoshift.engine.grid import Tile
from cytoshift.engine.operator import ImageOperator
from cytoshift.engine.pace import breathe
from cytoshift.engine.pipeline import Pipeline, has_tissue
from cytoshift.engine.view import View
from cytoshift.slides.cache import TileCache
from cytoshift.slides.pyramid import halve
from cytoshift.slides.slide import TILE, Level, Slide

if TYPE_CHECKING:
    from cytoshift.slides.tissue import Tissue

RGB = npt.NDArray[np.uint8]

SMALLEST = 1024
"""Longest side in pixels of the coarsest level of a slide whose levels are computed."""


class DerivedSlide(Slide):
    """A slide seen through an image operator.

    Its frame is the original's, so that boxes, masks and overlays stay where they are: every level's downsample
    counts from level 0 of the *original*. A pointwise operator maps every level of the original tile by tile. Any
    other works on its own raster, which is the finest level here (its downsample is then above 1 where the
    operator works at a coarser µm/px), and coarser levels are 2 x 2 means of it.

    Parameters
    ----------
    slide : Slide
        What is looked at.
    operator : ImageOperator
        What it is seen through; prepared for the slide on first use.
    tissue : Tissue, optional
        Tiles without tissue are then left as they are, for operators that are not pointwise.

    Raises
    ------
    SlideError
        When the operator works at a given µm/px and the slide has none.
    """

    def __init__(
        self,
        slide: Slide,
        operator: ImageOperator,
        *,
        tissue: Tissue | None = None,
        cache: TileCache | None = None,
    ) -> None:
        self.source = slide
        self._unprepared = operator
        self._prepared: ImageOperator | None = None
        self._tissue = tissue
        self._prepare = threading.Lock()
        self._view = View.of(slide, operator.needs)
        levels = slide.levels if operator.pointwise else tuple(_halved(self._view.level))
        super().__init__(slide.info, levels, cache=cache)

    @property
    def operator(self) -> ImageOperator:
        """The operator, prepared for this slide; the first use may take a moment."""
        with self._prepare:
            if self._prepared is None:
                self._prepared = self._unprepared.prepare(self.source)
            return self._prepared

    @cached_property
    def key(self) -> str:
        """The original's key and the operator's."""
        if self.operator.pointwise:
            return f"{self.source.key}|{self.operator.key}"
        masked = "" if self._tissue is None else "+tissue"
        return f"{self._view.key}|{self.operator.key}{masked}"

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        """Compute one tile: map it, or gather it from the operator's tiles, or halve the finer level."""
        if self.operator.pointwise:
            mapped: RGB = self.operator.apply(self.source.tile(level, row, column)[None])[0]
            return mapped
        if level:
            return halve(self.read(level - 1, *self._finer(level, row, column)))
        here = self.levels[0]
        y, x = row * TILE, column * TILE
        pixels = np.empty((min(TILE, here.height - y), min(TILE, here.width - x), 3), np.uint8)
        for tile in self._pipeline.grid.within((x, y, x + TILE, y + TILE)):
            core = self._core(tile)
            ya, yb = max(y, tile.y), min(y + TILE, tile.y + tile.height)
            xa, xb = max(x, tile.x), min(x + TILE, tile.x + tile.width)
            pixels[ya - y : yb - y, xa - x : xb - x] = core[ya - tile.y : yb - tile.y, xa - tile.x : xb - tile.x]
        return pixels

    def _finer(self, level: int, row: int, column: int) -> tuple[int, int, int, int]:
        finer = self.levels[level - 1]
        y, x = 2 * row * TILE, 2 * column * TILE
        return y, x, min(2 * TILE, finer.height - y), min(2 * TILE, finer.width - x)

    @cached_property
    def _pipeline(self) -> Pipeline:
        needs = self.operator.needs
        return Pipeline(self._view, self._view.grid(needs), needs.batch)

    def _core(self, tile: Tile) -> RGB:
        """Return the core of one of the operator's tiles, computed together with its neighbours in the row."""
        pipeline = self._pipeline
        if not has_tissue(self._view, tile, self._tissue):
            return self._view.read(tile.y, tile.x, tile.height, tile.width)
        columns, batch = pipeline.grid.columns, pipeline.batch
        row, column = divmod(tile.index, columns)
        first = column // batch * batch
        together = [pipeline.grid[row * columns + k] for k in range(first, min(first + batch, columns))]
        # The whole batch is one entry of the cache: its tiles are computed once, whoever asks first.
        cores = self._cache.get((self.key, "batch", row, first), lambda: self._batch(tuple(together)))
        return cores[: tile.height, (column - first) * pipeline.grid.tile :][:, : tile.width]

    def _batch(self, tiles: tuple[Tile, ...]) -> RGB:
        """Compute tiles that follow each other in a row; returns their cores side by side."""
        breathe()
        return np.concatenate(self._pipeline.render(self.operator, self._pipeline.load(tiles)), axis=1)

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> DerivedSlide:
        """Return the same slide with µm/px as a person set it."""
        source = self.source.calibrated(mpp_yx, objective)
        return DerivedSlide(source, self._unprepared, tissue=self._tissue, cache=self._cache)


def _halved(level: Level) -> list[Level]:
    """Return a level and its halves down to `SMALLEST`."""
    levels = [level]
    while max(levels[-1].height, levels[-1].width) > SMALLEST:
        last = levels[-1]
        height, width = -(-last.height // 2), -(-last.width // 2)
        levels.append(replace(last, height=height, width=width, downsample_yx=_double(last.downsample_yx)))
    return levels


def _double(downsample_yx: tuple[float, float]) -> tuple[float, float]:
    return downsample_yx[0] * 2, downsample_yx[1] * 2
