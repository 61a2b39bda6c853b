"""A generator tile by tile, as the papers' baselines run: every tile is normalized by itself, and seams show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.engine.grid import Shard
from cytoshift.translation.operator import GeneratorOperator

RGB = npt.NDArray[np.uint8]


class PlainTiles(GeneratorOperator):
    """The same generators as `Translator`, with the instance norm they were trained with; see `GeneratorOperator`."""

    @property
    def key(self) -> str:
        return f"{super().key}-plain"

    def render(self, tiles: Shard, windows: RGB) -> RGB:
        """Translate each window by itself, with the noise of its place."""
        halo = self._passes.window.halo
        places = [(tile.y - halo, tile.x - halo) for tile in tiles]
        return self._plain(windows, places + places[-1:] * (len(windows) - len(places)))
