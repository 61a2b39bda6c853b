"""Two workers of a cluster on this computer against one, on a run that reads more than it computes.

A slide of JPEG tiles is searched by an operator that does no more than look for dark pixels, with a LocalCluster of two
worker processes and with one of one, turn by turn, each with one thread. ``scale-decode`` is the ratio of the seconds,
at least 1.6: of two processors, what is lost is what this computer does alone, collecting and merging. ``same`` says
whether both found what a run without workers finds. ``python -m benchmarks scale SIDE`` takes a slide of another side.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import tifffile

from benchmarks.alternating import compare, timed
from cytoshift.engine import FindingOperator, Findings, Needs, TileBoxes, run_findings
from cytoshift.engine.clusters import reach
from cytoshift.slides import Slide, TileCache, open_slide
from cytoshift.slides.cache import shared_cache
from cytoshift.slides.samples import Scene, render_tile

SIDE, PERIOD, TILE = 24_576, 2048, 512
DARK = 40
ROUNDS, WARM_UP = 5, 1


class Dark(FindingOperator):
    """Puts one box around all dark pixels of a tile.

    For every turn there is another one, which begins with nothing in memory: workers keep the tiles they have read.
    """

    title = "dark"
    needs = Needs(tile=TILE, halo=0, batch=4)
    classes, model, threshold = ("dark",), ("dark", "1"), 0.0

    def __init__(self, turn: int) -> None:
        self._turn = turn

    @property
    def key(self) -> str:
        """The turn tells one from another."""
        return f"dark-{self._turn}"

    def prepare(self, slide: Slide) -> Self:
        """Forget the tiles of this process."""
        shared_cache().clear()
        return self

    def find(self, tiles: npt.NDArray[np.uint8]) -> list[TileBoxes]:
        """Look at tiles ``(batch, y, x, 3)``."""
        return [self._one(tile) for tile in tiles]

    def _one(self, tile: npt.NDArray[np.uint8]) -> TileBoxes:
        rows, columns = np.nonzero(tile[::8, ::8, 1] < DARK)
        if not len(rows):
            return TileBoxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int16))
        box = [[columns.min() * 8, rows.min() * 8, columns.max() * 8 + 8, rows.max() * 8 + 8]]
        return TileBoxes(np.array(box, np.float32), np.ones(1, np.float32), np.zeros(1, np.int16))


def main() -> None:
    """Write a slide, search it in both ways, compare."""
    side = int(sys.argv[2]) if len(sys.argv) > 2 else SIDE
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        slide = open_slide(write_slide(home / "slide.tif", side), cache=TileCache(1 << 20))
        stack.callback(slide.close)
        found: dict[int, Findings] = {}
        turns = itertools.count(1)
        remotes = {workers: stack.enter_context(reach(plan(home, workers), partial(Dark, 0))) for workers in (1, 2)}

        def search(workers: int) -> None:
            build = partial(Dark, next(turns))
            found[workers] = run_findings(slide, build(), remote=replace(remotes[workers], operator=build))

        expected = run_findings(slide, Dark(0))
        for workers in remotes:
            search(workers)
        compare(
            "scale-decode",
            timed(partial(search, 2), time.perf_counter),
            timed(partial(search, 1), time.perf_counter),
            floor=1.6,
            ambition=1.9,
            same=all(np.array_equal(each.boxes, expected.boxes) for each in found.values()),
            warm_up=WARM_UP,
            rounds=ROUNDS,
        )


def plan(home: Path, workers: int) -> str:
    """Write the file of a cluster on this computer."""
    path = home / f"workers-{workers}.toml"
    path.write_text(f"kind = 'local'\nworkers = {workers}\nthreads = 1\n")
    return str(path)


def write_slide(path: Path, side: int) -> Path:
    """Write a drawn field that repeats, as JPEG tiles of their own, so that each has to be read and decoded."""
    field = render_tile(Scene(0), 0, 0, PERIOD, PERIOD, "home")
    count = -(-side // TILE)

    def tiles() -> Iterator[npt.NDArray[np.uint8]]:
        for number in range(count * count):
            row, column = divmod(number, count)
            y, x = row * TILE % PERIOD, column * TILE % PERIOD
            yield field[y : y + TILE, x : x + TILE]

    tifffile.imwrite(
        path,
        tiles(),
        shape=(count * TILE, count * TILE, 3),
        dtype=np.uint8,
        tile=(TILE, TILE),
        photometric="ycbcr",
        compression="jpeg",
        subsampling=(2, 2),
    )
    return path
