"""A slide of 100,000 x 100,000 px under the hand while a job trains and Find searches it.

A real window is panned in strokes with short rests, turn by turn in two ways:

``memory``
    Nothing else runs, and all tiles are in memory: the same path once more.
``busy``
    Nobody has been here before, a detector is taught in a process of its own, and Find searches the whole slide.

``busy-longest`` and ``busy-p99`` are the longest time and the 99th percentile of the times for which the event loop
stood still in a turn, in seconds, medians of the turns. ``ratio`` is the median of the turns' ratios to ``memory``
(``peer``), at most 1.5 and 1.2. ``tiles`` are those that Find searched and ``steps`` those that the job took while the
view was panned, all turns together: both go on, and stand back.

The slide is a drawn field that repeats, and the job learns from drawn fields with made-up cells.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks.window.hand import LONGEST, P99, Gaps, p99, pan, print_stalls
from benchmarks.window.own_home import own_home
from benchmarks.window.wide_slide import write_wide_slide
from cytoshift.jobs import Job, start
from cytoshift.slides.samples import Scene, render_tile
from napari_cytoshift.headless import ensure_display

WINDOW = (1366, 768)
MAGNIFICATION = 20.0
PERIOD = 2048
TURNS = 6


def main() -> None:
    """Pan in turns, and print what was measured."""
    with own_home() as home:
        ensure_display(WINDOW)
        field = render_tile(Scene(0), 0, 0, PERIOD, PERIOD, "away")
        bench = Bench(write_wide_slide(home / "wide.tif", field), home, field)
        try:
            gaps = bench.pan_in_turns()
        finally:
            bench.close()
    done = {"tiles": bench.tiles, "steps": bench.steps}
    print_stalls("busy-longest", np.max, gaps["busy"], gaps["memory"], LONGEST, done)
    print_stalls("busy-p99", p99, gaps["busy"], gaps["memory"], P99, done)
    sys.stdout.flush()
    os._exit(0)  # a window that was closed leaves threads behind that Python would wait for


def training(home: Path, field: np.ndarray, study: Path) -> Job:
    """Start a job of a study that teaches a detector for longer than anybody looks."""
    from cytoshift.jobs import new_job_folder
    from cytoshift.jobs.train import spec_of
    from cytoshift.training.recipe import read_recipe

    data, random = home / "fields", np.random.default_rng(0)
    data.mkdir()
    images, cells = [], []
    for number in range(4):
        y, x = divmod(number, 2)
        Image.fromarray(field[y * 1024 :, x * 1024 :][:1024, :1024]).save(data / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 1024, "height": 1024, "mpp": 0.25})
        for left, top in random.integers(0, 960, (30, 2)).tolist():
            cells.append({"id": len(cells), "image_id": number, "category_id": 1, "bbox": [left, top, 60, 60]})
    document = {"images": images, "annotations": cells, "categories": [{"id": 1, "name": "cell"}]}
    (data / "annotations.json").write_text(json.dumps(document))
    changes = [f'data.path="{data}"', 'data.split=""', "data.holdout=0.25", "training.steps=100000", 'start=""']
    recipe, name = read_recipe("detector-small", [*changes, "training.validate_every=100000"])
    spec = spec_of(recipe, name).model_copy(update={"study": str(study)})
    return start(spec, new_job_folder(study, "train"))


class Bench:
    """The window, the search and the job."""

    def __init__(self, path: Path, home: Path, field: np.ndarray) -> None:
        import napari

        from benchmarks.window.clock import Heartbeat, pump_until
        from cytoshift.slides import open_slide
        from napari_cytoshift.workspace import Workspace

        self.viewer = napari.Viewer()
        self.viewer.window.resize(*WINDOW)
        _, self.find = self.viewer.window.add_plugin_dock_widget("napari-cytoshift", "Find")
        self.workspace = Workspace.of(self.viewer)
        self.slide = open_slide(path)
        self.workspace.show(self.slide)
        self.heart, self.job = Heartbeat(), training(home, field, self.workspace.study.folder)
        self.tiles = self.steps = self._searched = self._position = self._fresh = 0
        self.find.where.setCurrentIndex(self.find.where.findData("slide"))
        self.find.start()
        self.work = self.find.running
        self.work.progressed.connect(self._note)
        if not pump_until(lambda: self._searched and self._steps(), 180):
            raise RuntimeError("the job or the search never began")
        self._hold(True)

    def pan_in_turns(self) -> dict[str, list[Gaps]]:
        """Pan in both ways in turn; return for each turn the times for which the event loop stood still."""
        from benchmarks.window.clock import pump

        gaps: dict[str, list[Gaps]] = {"memory": [], "busy": []}
        for turn in range(TURNS):
            place = self._new_place()
            self._go(place)
            self._pan()
            self._go(place)
            gaps["memory"].append(self._pan())
            self._hold(False)
            pump(2)
            self._go(self._new_place())
            self._steps()
            before = self._searched
            gaps["busy"].append(self._pan())
            self.tiles, self.steps = self.tiles + self._searched - before, self.steps + self._steps()
            self._hold(True)
            last = {kind: each[-1] for kind, each in gaps.items()}
            said = ", ".join(f"{kind} {each.max() * 1e3:.0f}/{p99(each) * 1e3:.0f}" for kind, each in last.items())
            print(f"turn {turn + 1} of {TURNS}, longest/p99 in ms: {said}", file=sys.stderr, flush=True)
        return gaps

    def close(self) -> None:
        """End the job and the search, and close the window."""
        self._hold(False)
        self.job.cancel()
        self.job.wait(60)
        self.work.abandon()
        self.viewer.close()

    def _hold(self, on: bool) -> None:
        """Let the job and the search stand still, or go on."""
        from benchmarks.window.clock import pump

        for runner in _runners(self.job):
            runner.suspend() if on else runner.resume()
        self.work.pause() if on else self.work.resume()
        if on:
            pump(8)  # until the search has done the batch that it is in

    def _note(self, progress: Any) -> None:
        self._searched = progress.done

    def _steps(self) -> int:
        """Return how many steps the job has taken since this was asked last."""
        events, self._position = self.job.events(self._position)
        return sum(event["kind"] == "loss" for event in events)

    def _new_place(self) -> tuple[float, float]:
        row, column = divmod(self._fresh, 8)
        self._fresh += 1
        return (column + 1) * 5 * PERIOD + PERIOD / 2, (row + 1) * 5 * PERIOD + PERIOD / 2

    def _go(self, place: tuple[float, float]) -> None:
        from benchmarks.window.clock import pump, pump_until
        from napari_cytoshift.view import look_at

        look_at(self.viewer, self.slide.frame, *place, magnification=MAGNIFICATION)
        pump(0.3)
        pump_until(lambda: all(layer.loaded for layer in self.viewer.layers), 60)
        pump(0.3)

    def _pan(self) -> Gaps:
        return pan(self.viewer, self.heart, MAGNIFICATION)


def _runners(job: Job) -> list[psutil.Process]:
    """Return the process of a job and those that it has started."""
    here = [each for each in psutil.Process().children(recursive=True) if str(job.folder) in each.cmdline()]
    return [process for each in here for process in (each, *each.children(recursive=True))]
