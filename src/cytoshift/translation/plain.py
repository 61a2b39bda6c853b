"""A generator tile by tile, as the papers' baselines run: every tile is normalized by itself, and seams show."""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np
import numpy.typing as npt

from cytoshift.engine.grid import Shard
from cytoshift.engine.view import View
from cytoshift.slides.slide import Slide
from cytoshift.translation.mirror import mirrored
from cytoshift.translation.operator import GeneratorOperator

RGB = npt.NDArray[np.uint8]


class PlainTiles(GeneratorOperator):
    """The same generators as `Translator`, with the instance norm they were trained with; see `GeneratorOperator`."""

    _size: tuple[int, int] | None = None

    @property
    def key(self) -> str:
        return f"{super().key}-plain"

    def prepare(self, slide: Slide) -> Self:
        """Return this operator for a slide, beyond whose borders its own pixels are mirrored.

        Raises
        ------
        TranslationError
            When the slide is not brightfield.
        SlideError
            When the slide has no µm/px.
        """
        prepared = copy(super().prepare(slide))
        level = View.of(slide, self.needs).level
        prepared._size = (level.height, level.width)
        return prepared

    def render(self, tiles: Shard, windows: RGB) -> RGB:
        """Translate each window by itself, with the noise of its place."""
        if self._size is None:
            raise ValueError(f"{self.key} is not prepared for a slide yet; call prepare first")
        halo = self._passes.window.halo
        places = [(tile.y - halo, tile.x - halo) for tile in tiles]
        places += places[-1:] * (len(windows) - len(places))
        shown = [mirrored(window, *place, *self._size) for window, place in zip(windows, places, strict=True)]
        return self._plain(np.stack(shown), places)
