"""A stand-in for a slide whose tiles are costly: the original on the same raster, through a map of colours."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from cytoshift.engine.derived import DerivedSlide
from cytoshift.engine.operator import ImageOperator
from cytoshift.engine.view import View
from cytoshift.slides.cache import TileCache
from cytoshift.slides.slide import TILE, Slide

RGB = npt.NDArray[np.uint8]


class PreviewSlide(Slide):
    """A slide with the levels of a derived one, every tile of which is the original seen through a colour map.

    A coarse level of a derived slide is made of its fine ones; here it is the original's coarse level, mapped. So a
    tile costs one read and one map at any level, and nothing is computed that is not looked at.

    Parameters
    ----------
    derived : DerivedSlide
        What is stood in for.
    operator : ImageOperator
        Pointwise, and prepared: what comes close to the derived slide's own operator.
    """

    def __init__(self, derived: DerivedSlide, operator: ImageOperator, *, cache: TileCache | None = None) -> None:
        if not operator.pointwise:
            raise ValueError(f"{operator.title} is no map of colours; a preview needs one")
        self.derived = derived
        self.operator = operator
        super().__init__(derived.info, derived.levels, cache=cache)

    @cached_property
    def key(self) -> str:
        """The original's key, the map's, and the raster of the finest level."""
        y, x = self.levels[0].downsample_yx
        return f"{self.derived.source.key}|{self.operator.key}|from {y!r}x{x!r}"

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        """Read the original on the raster of a level, and map its colours."""
        here = self.levels[level]
        y, x = row * TILE, column * TILE
        pixels = self._views[level].read(y, x, min(TILE, here.height - y), min(TILE, here.width - x))
        mapped: RGB = self.operator.apply(pixels[None])[0]
        return mapped

    @cached_property
    def _views(self) -> tuple[View, ...]:
        return tuple(View.at(self.derived.source, level) for level in self.levels)

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> PreviewSlide:
        """Return the same slide with µm/px as a person set it."""
        return PreviewSlide(self.derived.calibrated(mpp_yx, objective), self.operator, cache=self._cache)
