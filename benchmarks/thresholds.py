"""The sliders of the Find dock over a million findings, and a million findings that arrive while a search runs.

A real window shows a slide of 100,000 x 100,000 px with 10^6 findings of six classes that lie evenly over it. One
class's slider is moved again and again, as by hand. Each line is the median of the moves, in seconds of processor time
of the whole process (``ours``) and by the clock (``wall``), with what it shall take at most (``floor``):

``threshold-counts``
    From the move until the dock shows the new numbers of cells, which are exact.
``threshold-layer``
    From the move until the layer of cells, here a map of their density, is up to date too.
``threshold-close``
    ``threshold-layer`` in a close view, where each box is drawn by itself.
``preview-part``
    One of 200 parts of 5,000 cells arrives: from its arrival until the layer and the numbers are up to date; ``worst``
    is the slowest of the last twenty, when most is there.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.window.many_cells import NUMBER
from napari_cytoshift.headless import ensure_display

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings

PART = 5_000
MOVES = 9
WINDOW = (1366, 768)
SOON = 0.1
"""Seconds within which a slider acts."""

Took = tuple[float, float]
"""Seconds of processor time, and by the clock."""


def main() -> None:
    """Measure, print, and leave at once."""
    ensure_display()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CYTOSHIFT_HOME"] = os.environ["CYTOSHIFT_MODELS"] = folder
        bench = Bench(Path(folder))
        bench.measure_parts()
        bench.measure_slider()
    sys.stdout.flush()
    os._exit(0)  # a window that was closed leaves threads behind that Python would wait for


class Bench:
    """The window, and what is done in it."""

    def __init__(self, folder: Path) -> None:
        import napari

        from benchmarks.window.many_cells import spread
        from benchmarks.window.wide_slide import write_wide_slide
        from cytoshift.slides import open_slide
        from cytoshift.slides.samples import Scene, render_tile
        from napari_cytoshift.widgets.find import FindDock
        from napari_cytoshift.workspace import Workspace

        path = write_wide_slide(folder / "wide.tif", render_tile(Scene(0), 0, 0, 512, 512, "home"))
        self.viewer = napari.Viewer(show=True)
        self.viewer.window._qt_window.resize(*WINDOW)
        self.dock = FindDock(self.viewer)
        self.viewer.window.add_dock_widget(self.dock, name="Find", area="right")
        self.workspace = Workspace.of(self.viewer)
        self.slide = open_slide(path)
        self.workspace.show(self.slide)
        self.findings = spread(self.slide.info.identity, self.slide.levels[0].width)
        self._settle()

    def measure_parts(self) -> None:
        """Let findings arrive part by part."""
        cells, layers = self.workspace.cells, self.workspace.cell_layers
        took = []
        for start in range(0, NUMBER, PART):
            part = self.findings.select(np.arange(start, start + PART))

            def arrive(part: Findings = part) -> None:
                cells.preview(part)
                layers.draw()

            took.append(_timed(arrive))
        _print("preview-part", took, SOON, worst=max(cpu for cpu, _ in took[-20:]))
        cells.reload()

    def measure_slider(self) -> None:
        """Move a slider over stored findings, in a wide and in a close view."""
        from napari_cytoshift.layers.findings import know

        know(self.workspace.study, self.slide)
        run = self.workspace.study.add_findings(self.findings)
        self.workspace.set_findings(self.slide, self.findings, run)
        self.workspace.fit(self.slide)
        self._settle()
        layers, slider = self.workspace.cell_layers, self.dock.rows.sliders["HSIL"]
        counts, layer = [], []
        for value in _values():
            counts.append(_timed(lambda value=value: slider.setValue(value)))
            layer.append(_timed(layers.draw))
        _print("threshold-counts", counts, SOON)
        _print("threshold-layer", [_sum(*both) for both in zip(counts, layer, strict=True)], SOON)
        self.workspace.magnify(10)
        self._settle()
        close = []
        for value in _values():
            moved = _timed(lambda value=value: slider.setValue(value))
            close.append(_sum(moved, _timed(layers.draw)))
        _print("threshold-close", close, SOON)

    def _settle(self) -> None:
        from qtpy.QtWidgets import QApplication

        until = time.monotonic() + 2
        while time.monotonic() < until or self.workspace.cell_layers.pending:
            QApplication.processEvents()
            time.sleep(0.01)
        self.workspace.cell_layers.draw()


def _values() -> list[int]:
    """Return where the slider is moved to, there and back again."""
    return [30 + 7 * (move % 5) for move in range(1, MOVES + 1)]


def _timed(function: Callable[[], Any]) -> Took:
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return time.process_time() - cpu, time.perf_counter() - wall


def _sum(first: Took, then: Took) -> Took:
    return first[0] + then[0], first[1] + then[1]


def _print(name: str, took: list[Took], floor: float, **more: float) -> None:
    cpu, wall = np.median(np.array(took), axis=0).tolist()
    line: dict[str, object] = {"name": name, "ours": round(cpu, 4), "wall": round(wall, 4)}
    line |= {"floor": floor, "holds": cpu <= floor}
    print(json.dumps(line | {key: round(value, 4) for key, value in more.items()}), flush=True)
