"""Print the largest memory of this process while it translates the first rows of a slide: side, rows and steps."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import torch

from benchmarks.translating.repeated import RepeatedSlide
from benchmarks.translating.runs import MPP, built, narrow
from cytoshift.engine.pipeline import Pipeline
from cytoshift.engine.view import View
from cytoshift.slides.samples import Scene, render_tile
from cytoshift.translation import Translator

PERIOD = 2048
TILE = 256


def main() -> None:
    """Run, throwing the pixels away, and print the mebibytes."""
    side, rows, steps = (int(word) for word in sys.argv[1:])
    torch.set_num_threads(1)
    slide = RepeatedSlide(render_tile(Scene(0), 0, 0, PERIOD, PERIOD, "away"), side, MPP)
    operator = built(Translator, narrow(TILE, arch="release", width=4, blocks=1, mapping=0), steps=steps).prepare(slide)
    view = View.of(slide, operator.needs)
    pipeline = Pipeline(view, view.grid(operator.needs), operator.needs.batch)
    for _ in pipeline.map(operator, pipeline.grid.tiles[: rows * pipeline.grid.columns]):
        pass
    print(peak())


def peak() -> float:
    """Return the largest resident memory of this process since it was started, in MiB.

    Not `getrusage`'s, which a process inherits from the one that started it.
    """
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    if found is None:
        sys.exit("This system does not say how much memory a process had at most.")
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
