"""A network over a slide, beside its bare forward over the same tiles that are in memory already."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from cytoshift.detection import DetectorOperator
from cytoshift.engine import TileGrid, View, run_findings
from cytoshift.models import Registry, build_operator
from cytoshift.slides import TileCache, open_slide
from cytoshift.slides.slide import Slide

MPP = 0.25

Spent = tuple[float, float]
"""Seconds by the clock, and of this process on all processors."""


class Beside:
    """The starter detector over a square in the middle of a slide.

    Parameters
    ----------
    file : Path
        The slide.
    across : int
        Tiles along each side of the square.
    """

    def __init__(self, file: Path, across: int) -> None:
        operator = build_operator(Registry().find("starter", "detector"))
        assert isinstance(operator, DetectorOperator)
        self._file, self._operator, needs = file, operator, operator.needs
        slide = self._slide()
        view = View.of(slide, needs)
        grid = TileGrid.of(view.level.height, view.level.width, needs)
        row, column = (grid.rows - across) // 2, (grid.columns - across) // 2
        tiles = [grid[(row + v) * grid.columns + column + u] for v in range(across) for u in range(across)]
        x0, y0 = tiles[0].x, tiles[0].y
        self._region = tuple(view.level0(np.array([[x0, y0, x0 + across * grid.tile, y0 + across * grid.tile]]))[0])
        windows = np.stack([view.window(grid, tile) for tile in tiles])
        images = torch.from_numpy(windows).permute(0, 3, 1, 2).float() / 255
        self._batches = [list(batch) for batch in images.split(needs.batch)]
        self._last = len(tiles) % needs.batch
        if self._last:  # the engine fills up a short batch
            self._batches[-1] += [images[-1]] * (needs.batch - self._last)
        self.tiles = len(tiles)
        slide.close()

    def pipeline(self) -> Spent:
        """Search the square as everyone does, from the file on."""

        def run() -> None:
            slide = self._slide()
            run_findings(slide, self._operator, region=self._region)  # type: ignore[arg-type]
            slide.close()

        return spent(run)

    def bare(self) -> Spent:
        """Give the network the same batches of images that are in memory already."""

        def run() -> None:
            with torch.inference_mode():
                for batch in self._batches:
                    self._operator._network(batch)

        return spent(run)

    def _slide(self) -> Slide:
        return open_slide(self._file, cache=TileCache(256 << 20)).calibrated((MPP, MPP))


def spent(run: Callable[[], None]) -> Spent:
    """Run and return what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu
