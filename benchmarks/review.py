"""A million findings under review, and the same done with napari's own Points and Shapes.

A real window shows a slide of 100,000 x 100,000 px with the Find dock and 10^6 findings of six classes that lie evenly
over it. ``ours`` are seconds of processor time, which a busy machine leaves alone, ``wall`` those by the clock, and
``floor`` what they shall take at most; ``points`` are the same action on a plain Points layer of as many squares, and
``shapes`` on a plain Shapes layer of ``shapes-number`` rectangles, since more cannot be waited for. ``peer`` is the
faster of the two that can do it, and ``ratio`` what ours takes of it.

``review-load``
    From opening the study until its cells are there, sorted by place, filtered, counted and drawn.
``review-threshold``
    From a move of one class's slider until counts and layers are up to date, the median of moves; in a wide view, which
    shows a map of their density, and in a close one.
``review-query``
    Which cells that pass the filter a close view holds, the median of views.
``review-edit``
    One correction by the study's own methods in the window, from the call until it is on the disk and known to the
    docks, the 99th percentile of a mix of accepting, rejecting, renaming, moving, resizing, adding and undoing;
    ``fsync`` is that of writing as many bytes as a correction to a plain file on the same disk, in turns with it, by
    the clock; it holds where both together are below the floor.
``review-edit-next-frame``
    Frames of the canvas from a correction to that which shows it: 1 is the next.
``review-panning-longest``, ``review-panning-p99``
    How long the event loop stood still while a close view is panned over the cells, at most 1.5 times and 1.2 times of
    the same pan over the same tiles in memory without cells (``peer``), medians of the turns and of their ratios;
    ``points`` and ``shapes`` are those of a turn over the plain layers.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.window.hand import LONGEST, P99, Gaps, p99, pan
from benchmarks.window.many_cells import NUMBER, spread
from benchmarks.window.own_home import own_home
from benchmarks.window.wide_slide import write_wide_slide
from napari_cytoshift.headless import ensure_display

if TYPE_CHECKING:
    from cytoshift.study import Study

WINDOW = (1366, 768)
MAGNIFICATION = 20.0
TURNS = int(os.environ.get("CYTOSHIFT_TURNS", "5"))
EDITS = 400
MOVES = 7
VIEWS = 40
SHAPES = 5_000

LOAD, THRESHOLD, QUERY, EDIT = 5.0, 0.1, 0.005, 0.01
"""Seconds that loading, a move of a slider, a view's query and a correction may take."""

FSYNC = 3 * 4096
"""Bytes that a correction writes: a page each of the events, of their index, and of what lies above."""


class Took(NamedTuple):
    """Seconds by the clock, and those that the thread worked."""

    clock: float
    processor: float


Seconds = dict[str, Took]


def main() -> None:
    """Measure, print, and leave at once."""
    ensure_display(WINDOW)
    with own_home() as home:
        ours = Ours(home)
        print("the window is there", file=sys.stderr)
        measured = {**ours.load(), **ours.thresholds(), **ours.queries()}
        measured["edit"], fsync, frames = ours.edits()
        gaps = ours.pan_in_turns()
        plain = {kind: plain_layer(ours, kind) for kind in ("points", "shapes")}
    for name, seconds, floor in (
        ("load", measured["load"], LOAD),
        ("threshold-wide", measured["threshold-wide"], THRESHOLD),
        ("threshold-close", measured["threshold-close"], THRESHOLD),
        ("query", measured["query"], QUERY),
        ("edit", measured["edit"], EDIT),
    ):
        more = {"fsync": round(fsync, 5)} if name == "edit" else {}
        _print(f"review-{name}", seconds, floor, {kind: each.get(name) for kind, each in plain.items()}, **more)
    print(json.dumps({"name": "review-edit-next-frame", "ours": frames, "floor": 1, "holds": frames <= 1}), flush=True)
    for name, worst, floor in (("longest", np.max, LONGEST), ("p99", p99, P99)):
        _print_stalls(f"review-panning-{name}", worst, gaps, floor, {kind: each[name] for kind, each in plain.items()})
    sys.stdout.flush()
    os._exit(0)  # a window that was closed leaves threads behind that Python would wait for


def _print(name: str, ours: Took, floor: float, plain: dict[str, float | None], **more: float) -> None:
    able = [seconds for seconds in plain.values() if seconds is not None]
    line: dict[str, object] = {"name": name, "ours": round(ours.processor, 5), "wall": round(ours.clock, 5)}
    if able:
        line |= {"peer": round(min(able), 5), "ratio": round(ours.processor / min(able), 4)}
    holds = ours.processor + more.get("fsync", 0.0) <= floor
    line |= {"floor": floor, "ambition": floor / 2, "holds": holds, **more}
    line |= {kind: None if seconds is None else round(seconds, 5) for kind, seconds in plain.items()}
    print(json.dumps(line | {"shapes-number": SHAPES}), flush=True)


def _print_stalls(
    name: str, worst: Callable[[Gaps], Any], gaps: dict[str, list[Gaps]], floor: float, plain: dict[str, float | None]
) -> None:
    mine, theirs = ([float(worst(each)) for each in gaps[kind]] for kind in ("cells", "memory"))
    ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
    line: dict[str, object] = {
        "name": name,
        "ours": round(statistics.median(mine), 4),
        "peer": round(statistics.median(theirs), 4),
        "ratio": round(ratio, 2),
        "floor": floor,
        "ambition": 1.0,
        "holds": ratio <= floor,
    }
    line |= {kind: None if seconds is None else round(seconds, 4) for kind, seconds in plain.items()}
    print(json.dumps(line | {"shapes-number": SHAPES}), flush=True)


class Ours:
    """The window, and what is done in it."""

    def __init__(self, home: Path) -> None:
        import napari

        from benchmarks.window.clock import Heartbeat
        from cytoshift.engine.findings import Findings
        from cytoshift.slides import open_slide
        from cytoshift.slides.samples import Scene, render_tile
        from cytoshift.study import Study
        from napari_cytoshift.widgets.find import FindDock
        from napari_cytoshift.workspace import Workspace

        path = write_wide_slide(home / "wide.tif", render_tile(Scene(0), 0, 0, 512, 512, "home"))
        self.slide = open_slide(path)
        self.found = spread(self.slide.info.identity, self.slide.levels[0].width)
        with Study.create(home / "study") as study:
            study.add_slide(self.slide)
            self.nothing = Findings.empty(self.found.classes, self.found.provenance)
            self.runs = {"memory": study.add_findings(self.nothing), "cells": study.add_findings(self.found)}
        self.home = home
        self.viewer = napari.Viewer()
        self.viewer.window.resize(*WINDOW)
        self.dock = FindDock(self.viewer)
        self.viewer.window.add_dock_widget(self.dock, name="Find", area="right")
        self.workspace = Workspace.of(self.viewer)
        self.workspace.show(self.slide)
        self.heart = Heartbeat()
        self.settle()

    @property
    def cells(self) -> Any:
        """The cells that are shown."""
        return self.workspace.cells

    def settle(self) -> None:
        """Let the event loop run until nothing more is about to be drawn."""
        from benchmarks.window.clock import pump, pump_until

        pump(0.3)
        layers = self.workspace.cell_layers
        pump_until(lambda: not layers.pending and all(layer.loaded for layer in self.viewer.layers), 60)
        pump(0.2)

    def load(self) -> Seconds:
        """Open the study; wait until its cells can be worked with."""
        from benchmarks.window.clock import pump_until

        begun, worked = time.perf_counter(), time.process_time()
        self.workspace.open_study(self.home / "study")
        there = pump_until(lambda: len(self.cells.cells) == NUMBER and self.cells.sorted_by_place, 60)
        self.workspace.cell_layers.draw()
        if not there or sum(self.cells.counts().values()) == 0:
            raise RuntimeError("the cells never came")
        return {"load": Took(time.perf_counter() - begun, time.process_time() - worked)}

    def thresholds(self) -> Seconds:
        """Move a slider in a wide and in a close view."""
        self.workspace.fit(self.slide)
        self.settle()
        wide = self._move_slider()
        self.go(0)
        return {"threshold-wide": wide, "threshold-close": self._move_slider()}

    def _move_slider(self) -> Took:
        slider = self.dock.rows.sliders["HSIL"]

        def move(value: int) -> None:
            slider.setValue(value)
            self.workspace.cell_layers.draw()

        values = [30 + 7 * (turn % 5) for turn in range(1, MOVES + 1)]
        return _median([took(lambda value=value: move(value)) for value in values])

    def queries(self) -> Seconds:
        """Ask which cells a close view holds, again and again elsewhere."""
        return {"query": _median([took(lambda v=view: self.cells.inside(v)) for view in views()])}

    def edits(self) -> tuple[Took, float, int]:
        """Correct cells in a close view; return what that takes, what the disk alone takes, and frames until shown."""
        from benchmarks.window.clock import pump

        self.go(0)
        corrected, synced = [], []
        with (self.home / "plain").open("wb") as plain:
            for number, write in enumerate(corrections(self.runs["cells"], EDITS)):
                corrected.append(took(lambda write=write: self.cells.correct(write)))
                synced.append(took(lambda: _write_through(plain)).clock)
                if number % 10 == 0:
                    pump(0.01)
        frames = max(self._frames_until_drawn(cell) for cell in self._in_view()[:8])
        worst = Took(*np.percentile(np.array(corrected), 99, axis=0).tolist())
        return worst, float(np.percentile(synced, 99)), frames

    def _in_view(self) -> list[str]:
        which = self.cells.inside(self.workspace.view_box(self.slide))
        return [self.cells.cells.ids[int(at)] for at in which]

    def _frames_until_drawn(self, cell: str) -> int:
        """Reject a cell in the view and count frames of the canvas until it is gone from the layer."""
        from benchmarks.window.clock import pump_until

        seen: list[bool] = []
        scene = self.viewer.window._qt_viewer.canvas._scene_canvas
        layer = self.workspace.cell_layers.boxes.layer(self.viewer)
        number = layer.nshapes

        def note(event: Any) -> None:
            seen.append(layer.nshapes < number)

        self.settle()
        scene.events.draw.connect(note, position="last")
        self.cells.correct(lambda study, slide: study.reject(slide, cell))
        pump_until(lambda: any(seen), 10)
        scene.events.draw.disconnect(note)
        return seen.index(True) + 1

    def pan_in_turns(self) -> dict[str, list[Gaps]]:
        """Pan over the same tiles, all in memory, without and with cells, turn by turn."""
        gaps: dict[str, list[Gaps]] = {"memory": [], "cells": []}
        for turn in range(TURNS):
            self._show("cells")
            self.go(turn)
            pan(self.viewer, self.heart, MAGNIFICATION)  # reads the tiles
            for kind in ("memory", "cells") if turn % 2 else ("cells", "memory"):
                self._show(kind)
                self.go(turn)
                gaps[kind].append(pan(self.viewer, self.heart, MAGNIFICATION))
            said = ", ".join(f"{kind} {g[-1].max() * 1e3:.0f}/{p99(g[-1]) * 1e3:.0f}" for kind, g in gaps.items())
            print(f"turn {turn + 1} of {TURNS}, longest/p99 in ms: {said}", file=sys.stderr, flush=True)
        self._show("memory")
        return gaps

    def _show(self, kind: str) -> None:
        from benchmarks.window.clock import pump_until

        findings = self.found if kind == "cells" else self.nothing
        self.workspace.set_findings(self.slide, findings, self.runs[kind])
        pump_until(lambda: self.cells.run == self.runs[kind] and (kind == "memory" or self.cells.sorted_by_place), 60)

    def go(self, turn: int) -> None:
        """Look at a place of its own at the magnification of a review."""
        from napari_cytoshift.view import look_at

        x = y = 20_000.0 + 6_000 * turn
        look_at(self.viewer, self.slide.frame, x, y, magnification=MAGNIFICATION)
        self.settle()


def views() -> Iterator[tuple[float, float, float, float]]:
    """Yield views of a screen at the magnification of a review, everywhere on the slide."""
    for x, y in np.random.default_rng(1).random((VIEWS, 2)) * 95_000:
        yield float(x), float(y), float(x + 2 * WINDOW[0]), float(y + 2 * WINDOW[1])


def corrections(run: str, number: int) -> Iterator[Callable[[Study, str], Any]]:
    """Yield corrections of every kind in turn, of cells all over the run."""
    rng = np.random.default_rng(2)
    for at in range(number):
        cell = f"{run}:{rng.integers(NUMBER)}"
        x, y = (float(value) for value in rng.random(2) * 90_000)
        kinds: tuple[Callable[[Study, str], Any], ...] = (
            lambda study, slide, cell=cell: study.accept(slide, cell),
            lambda study, slide, cell=cell: study.reject(slide, cell),
            lambda study, slide, cell=cell: study.relabel(slide, cell, "HSIL"),
            lambda study, slide, cell=cell, x=x, y=y: study.move(slide, cell, (x, y, x + 60, y + 60)),
            lambda study, slide, cell=cell, x=x, y=y: study.resize(slide, cell, (x, y, x + 80, y + 70)),
            lambda study, slide, x=x, y=y: study.add(slide, (x, y, x + 60, y + 60), "LSIL"),
            lambda study, slide, cell=cell: study.unsure(slide, cell),
            lambda study, slide: study.undo(slide),
        )
        yield kinds[at % len(kinds)]


def plain_layer(ours: Ours, kind: str) -> dict[str, float | None]:
    """Do the same with a layer of napari's own; None for what it has no way to do."""
    viewer, found = ours.viewer, ours.found if kind == "points" else ours.found.select(np.arange(SHAPES))
    corners = ours.slide.frame.world_from_level0(found.boxes.reshape(-1, 2, 2))
    worked = time.process_time()
    layer = _plain_points(viewer, corners) if kind == "points" else _plain_shapes(viewer, corners)
    ours.settle()
    same: dict[str, float | None] = {"load": time.process_time() - worked, "threshold-close": None, "query": None}
    if kind == "points":
        same["threshold-wide"] = took(lambda: setattr(layer, "shown", found.scores > 0.5)).processor
        same["query"] = _median([took(lambda v=view: _look_at_all(layer.data, v)) for view in views()]).processor
        same["edit"] = took(lambda: layer.add(corners[0].mean(axis=0))).processor
    else:
        same["threshold-wide"] = took(lambda: _recolour(layer, found.scores > 0.5)).processor
        same["edit"] = took(lambda: layer.add_rectangles(corners[0])).processor
    ours.go(0)
    gaps = pan(viewer, ours.heart, MAGNIFICATION, 2)
    viewer.layers.remove(layer)
    return {**same, "longest": float(gaps.max()), "p99": p99(gaps)}


def _plain_points(viewer: Any, corners: Any) -> Any:
    return viewer.add_points(corners.mean(axis=1), size=15, symbol="square", face_color="transparent")


def _plain_shapes(viewer: Any, corners: Any) -> Any:
    rectangles = np.stack([corners[:, 0], corners[:, 1]], axis=1)
    return viewer.add_shapes(list(rectangles), shape_type="rectangle", face_color="transparent", edge_color="red")


def _recolour(layer: Any, shown: Any) -> None:
    colors = layer.edge_color.copy()
    colors[:, 3] = shown
    layer.edge_color = colors


def _look_at_all(data: Any, view: tuple[float, float, float, float]) -> Any:
    x0, y0, x1, y1 = view
    return np.flatnonzero((data[:, 1] > x0) & (data[:, 1] < x1) & (data[:, 0] > y0) & (data[:, 0] < y1))


def _write_through(file: IO[bytes]) -> None:
    file.write(bytes(FSYNC))
    file.flush()
    os.fsync(file.fileno())


def _median(every: list[Took]) -> Took:
    return Took(*np.median(np.array(every), axis=0).tolist())


def took(function: Callable[[], Any]) -> Took:
    """Return the seconds that something takes, by the clock and of this thread's work."""
    begun, worked = time.perf_counter(), time.thread_time()
    function()
    return Took(time.perf_counter() - begun, time.thread_time() - worked)
