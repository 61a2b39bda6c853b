"""A slide of 100,000 x 100,000 px under the hand: previews while panning, against the same pan over tiles in memory.

A real window with the Compare dock, the original on the left and the slide in other colours on the right, is panned in
strokes with short rests, for a minute in each of four ways, turn by turn:

``memory``
    A classical method where all tiles are in memory: the path of the turn before, once more.
``classical``
    The same method where nobody has been before.
``learned``
    A restyling network (the recipe ``restain-small``, not trained, which takes as long) where nobody has been before:
    its preview first, its own tiles at every rest.
``translated``
    A translator of three steps, tile by tile without seams, where nobody has been before: its preview first, then its
    own tiles at every rest. It is small and not trained; ``python -m benchmarks panning MODEL`` takes another one.

``panning-classical-longest``, ``…-p99``, and the same for ``learned`` and ``translated``, are the longest time and the
99th percentile of the times for which the event loop stood still in a turn, in seconds, medians of the turns. ``ratio``
is the median of the turns' ratios to ``memory`` (``peer``), at most 1.5 and 1.2; ``whole`` is the ratio over all turns
together, which one moment of a busy machine decides. ``tiles`` are how many tiles of its own the network went over
while the view was panned: networks wait while it moves.
``blank-translated`` is the number of frames of one more pan in which something on the screen was not known at all.

``jump-classical`` and ``jump-learned`` are the seconds from a jump to the first picture on the screen that is sharp, or
that is the whole preview, medians of several jumps; ``peer`` is the same jump where all is in memory, and ``later``
their difference, at most 0.15 s and 1 s. ``choice-learned`` is the same from the choice of the network: its weights are
read, the preview is fitted in the view, and painted.

The slide is a drawn field of 2048 px that repeats, so that every turn sees the same pixels at another place.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.window.hand import LONGEST, P99, STROKES, Gaps, p99, print_stalls
from benchmarks.window.own_home import own_home
from benchmarks.window.wide_slide import write_wide_slide
from cytoshift.slides.samples import Scene, render_tile
from cytoshift.slides.slide import TILE
from napari_cytoshift.headless import ensure_display

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide

WINDOW = (1366, 768)
MAGNIFICATION = 20.0
METHOD = "reinhard"
RECIPE = Path(__file__).parents[1] / "recipes" / "restain-small.toml"

PERIOD = 2048
"""Side in pixels of the field that repeats."""

TURNS = 6
JUMPS = 7
LATER = {"jump-classical": 0.15, "jump-learned": 1.0, "choice-learned": 1.0}


def main() -> None:
    """Open the window, pan and jump in turns, and print what was measured."""
    with own_home() as home:
        ensure_display(WINDOW)
        path = write_wide_slide(home / "wide.tif", render_tile(Scene(0), 0, 0, PERIOD, PERIOD, "away"))
        translator = _registered(Path(sys.argv[2])) if len(sys.argv) > 2 else _untrained_translator(home)
        bench = Bench(path, _untrained_restyler(home), translator)
        bench.warm_up()
        stalls = bench.pan_in_turns()
        blank = bench.blank_frames()
        jumps = bench.jump_in_turns()
        bench.close()
    for kind in ("classical", "learned", "translated"):
        done = {"tiles": bench.computed[kind]} if kind in bench.computed else {}
        print_stalls(f"panning-{kind}-longest", np.max, stalls[kind], stalls["memory"], LONGEST, done)
        print_stalls(f"panning-{kind}-p99", p99, stalls[kind], stalls["memory"], P99, done)
    print(json.dumps({"name": "blank-translated", "ours": blank, "floor": 0, "holds": blank == 0}), flush=True)
    for name, most in LATER.items():
        _print_later(name, jumps[name], jumps["jump-memory"], most)
    sys.stdout.flush()
    os._exit(0)  # a window that was closed leaves threads behind that Python would wait for


def _print_later(name: str, ours: list[float], peer: list[float], floor: float) -> None:
    mine, theirs = statistics.median(ours), statistics.median(peer)
    line = {"name": name, "ours": round(mine, 4), "peer": round(theirs, 4), "ratio": round(mine / theirs, 2)}
    later = mine - theirs
    print(json.dumps({**line, "later": round(later, 4), "floor": floor, "holds": bool(later <= floor)}), flush=True)


def _registered(folder: Path) -> str:
    """Put a model among the models; return its id."""
    from cytoshift.models import Registry

    return Registry().add(folder).card.id


def _untrained_translator(home: Path) -> str:
    """Put a small translator that is not trained among the models; return its id."""
    import torch

    from cytoshift.models import Card
    from cytoshift.models.model import save_model
    from cytoshift.translation import Generator, GeneratorPlan, TranslatorArchitecture

    plan = TranslatorArchitecture(generator=GeneratorPlan(width=16, blocks=4), tile=256)
    torch.manual_seed(0)
    state = Generator(plan.generator).state_dict()
    card = Card(id="bridge", title="Bridge", task="translation", mpp=0.5, architecture=plan.model_dump())
    save_model(home / "bridge", card, state)
    return _registered(home / "bridge")


def _untrained_restyler(home: Path) -> str:
    """Put an untrained network of the small recipe among the models; return its id."""
    import torch

    from cytoshift.models import Card
    from cytoshift.models.model import save_model
    from cytoshift.stain.restyling.networks import Generator
    from cytoshift.stain.restyling.recipe import RestylerArchitecture

    recipe = tomllib.loads(RECIPE.read_text("utf-8"))
    plan = RestylerArchitecture.model_validate(recipe["architecture"])
    torch.manual_seed(0)
    state = Generator(plan.removal.channels, plan.widths).state_dict()
    card = Card(id="untrained", title="Untrained", task="stain", mpp=recipe["mpp"], architecture=plan.model_dump())
    save_model(home / "untrained", card, state)
    return _registered(home / "untrained")


class Bench:
    """The window, and what is done in it."""

    def __init__(self, path: Path, restyler: str, translator: str) -> None:
        import napari

        from benchmarks.window.clock import Heartbeat, Screen
        from cytoshift.slides import open_slide
        from napari_cytoshift.comparison import Comparison
        from napari_cytoshift.sights import MODEL
        from napari_cytoshift.workspace import Workspace

        learned = {"learned": MODEL + restyler, "translated": MODEL + translator}
        self.methods = {"memory": METHOD, "classical": METHOD, **learned}
        self.computed = dict.fromkeys(learned, 0)
        self.viewer = napari.Viewer()
        self.viewer.window.resize(*WINDOW)
        self.viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")
        self.workspace, self.comparison = Workspace.of(self.viewer), Comparison.of(self.viewer)
        self.slide: Slide = open_slide(path)
        self.workspace.show(self.slide)
        self.heart, self.screen = Heartbeat(), Screen(self.viewer)
        self._fresh = 0

    def warm_up(self) -> None:
        """Load and compile whatever a first use does."""
        for kind in ("translated", "learned", "classical"):
            self._see(kind)
            self._go(self._new_place())
            self._pan(strokes=1)
            self._settle()

    def pan_in_turns(self) -> dict[str, list[Gaps]]:
        """Pan in the four ways in turn; return for each turn the times for which the event loop stood still."""
        gaps: dict[str, list[Gaps]] = {kind: [] for kind in self.methods}
        for turn in range(TURNS):
            place = self._new_place()
            self._see("classical")
            self._go(place)
            gaps["classical"].append(self._pan())
            self._settle()
            self._go(place)
            gaps["memory"].append(self._pan())
            for kind in self.computed:
                self._see(kind)
                place = self._new_place()
                self._go(place)
                before = self._network_tiles(place)
                gaps[kind].append(self._pan())
                self.computed[kind] += self._network_tiles(place) - before
            _tell(turn, {kind: each[-1] for kind, each in gaps.items()})
        return gaps

    def blank_frames(self) -> int:
        """Pan over a translated slide where nobody has been; return how many frames showed what nobody knew."""
        from benchmarks.window.clock import shows_nothing

        self._see("translated")
        self._go(self._new_place())
        self.screen.watch(self.screen.layer, shows_nothing)
        self._pan()
        return len(self.screen.seen)

    def jump_in_turns(self) -> dict[str, list[float]]:
        """Jump in the three ways in turn; return the seconds until the picture was there."""
        seconds: dict[str, list[float]] = {name: [] for name in ("jump-memory", *LATER)}
        for _ in range(JUMPS):
            home, place = self._new_place(), self._new_place()
            self._see("classical")
            for name in ("jump-classical", "jump-memory"):
                self._go(home)
                seconds[name].append(self._jump(place, self.comparison.sight.slide))
            self._go(home)
            begun = time.perf_counter()
            self._see("learned")
            self._settle()
            seconds["choice-learned"].append(self._shown(self.comparison.sight.preview, home) - begun)
            seconds["jump-learned"].append(self._jump(self._new_place(), self.comparison.sight.preview))
        return seconds

    def close(self) -> None:
        """Close the window."""
        self.comparison.see_original()
        self.viewer.close()

    # Where

    def _new_place(self) -> tuple[float, float]:
        """Return a point on the slide, x and y, far from all before, around which the pixels are the same."""
        row, column = divmod(self._fresh, 8)
        self._fresh += 1
        step = 5 * PERIOD
        return (column + 1) * step + PERIOD / 2, (row + 1) * step + PERIOD / 2

    def _network_tiles(self, place: tuple[float, float]) -> int:
        """Return how many tiles around a place, as far as a pan goes, a network went over: for moments, or pixels."""
        sight, reach = self.comparison.sight, 4096
        slide, needs = sight.slide, sight.fitted.needs
        x, y = (at / slide.levels[0].downsample for at in place)

        def around(side: int) -> list[tuple[int, int]]:
            rows, columns = (range(int(max(at - reach, 0)) // side, int(at + reach) // side) for at in (y, x))
            return [(row, column) for row in rows for column in columns]

        shown = sum(slide.cached_tile(0, *at) is not None for at in around(TILE)) * (TILE // needs.tile) ** 2
        known = getattr(sight.fitted, "known_field", lambda row, column: None)
        return shown + sum(known(*at) is not None for at in around(needs.tile))

    def _see(self, kind: str) -> None:
        from benchmarks.window.clock import pump_until

        method = self.methods[kind]
        if self.comparison.sight is None or self.comparison.sight.method != method:
            self.comparison.see(method)
            if not pump_until(lambda: self.comparison.sight and self.comparison.sight.method == method, 120):
                raise RuntimeError(f"the window never showed {method}")
        self.screen.watch(self.workspace.layer(self.slide, "derived"))

    def _go(self, place: tuple[float, float]) -> None:
        from napari_cytoshift.view import look_at

        look_at(self.viewer, self.slide.frame, *place, magnification=MAGNIFICATION)
        self._settle()

    def _settle(self) -> None:
        from benchmarks.window.clock import pump, pump_until

        pump(0.3)
        pump_until(lambda: all(layer.loaded for layer in self.viewer.layers) and not self.comparison.approximate, 60)
        pump(0.3)

    # What

    def _pan(self, strokes: int = STROKES) -> Gaps:
        from benchmarks.window.hand import pan

        return pan(self.viewer, self.heart, MAGNIFICATION, strokes)

    def _jump(self, place: tuple[float, float], truth: Slide) -> float:
        """Jump to a place; return the seconds until the layer shows there what a slide is."""
        from napari_cytoshift.view import look_at

        self.screen.watch(self.screen.layer)
        begun = time.perf_counter()
        look_at(self.viewer, self.slide.frame, *place, magnification=MAGNIFICATION)
        self._settle()
        return self._shown(truth, place) - begun

    def _shown(self, truth: Slide, place: tuple[float, float]) -> float:
        """Return when the layer first showed at a place what a slide is there."""
        shown = (painted.at for painted in self.screen.seen if self._is(painted, truth, place))
        first = next(shown, None)
        if first is None:
            raise RuntimeError("the picture that was waited for was never on the screen")
        return first

    def _is(self, painted: Any, truth: Slide, place: tuple[float, float]) -> bool:
        (y, x), (height, width) = painted.corner, painted.pixels.shape[:2]
        step = truth.levels[painted.level].downsample
        near = abs((y + height / 2) * step - place[1]) < PERIOD and abs((x + width / 2) * step - place[0]) < PERIOD
        return near and np.array_equal(truth.read(painted.level, y, x, height, width), painted.pixels)


def _tell(turn: int, gaps: dict[str, Gaps]) -> None:
    said = ", ".join(f"{kind} {each.max() * 1e3:.0f}/{p99(each) * 1e3:.0f}" for kind, each in gaps.items())
    print(f"turn {turn + 1} of {TURNS}, longest/p99 in ms: {said}", file=sys.stderr, flush=True)
