"""Levels that answer at once: what they show before and after their tiles are computed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from napari.layers import Image

from cytoshift.engine.pace import breathe
from cytoshift.slides.cache import TileCache
from cytoshift.slides.slide import RGB, TILE, Level, Slide
from napari_cytoshift.layers import sharpening
from napari_cytoshift.layers.refresher import Refresher
from napari_cytoshift.layers.sharpening import Sharpener


class Slow(Slide):
    """The inverse of a slide, whose tiles wait until they are let go."""

    def __init__(self, source: Slide) -> None:
        super().__init__(source.info, source.levels, cache=TileCache(1 << 28))
        self.source = source
        self.go = threading.Event()
        self.started: list[tuple[int, int, int]] = []
        self.bad: tuple[int, int, int] | None = None
        self.on_compute: Callable[[], object] = lambda: None

    @property
    def key(self) -> str:
        return f"{self.source.key}|inverse"

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        self.on_compute()
        self.started.append((level, row, column))
        assert self.go.wait(20)
        if (level, row, column) == self.bad:
            raise OSError("the disk is gone")
        return 255 - self.source.tile(level, row, column)

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> Slide:
        raise NotImplementedError


Waiter = Callable[[Callable[[], bool]], None]


@pytest.fixture
def wait() -> Waiter:
    """Return a function that waits for a condition that threads bring about."""

    def until(condition: Callable[[], bool]) -> None:
        for _ in range(4000):
            if condition():
                return
            threading.Event().wait(0.005)
        raise AssertionError("it never became true")

    return until


@pytest.fixture
def slow(make_slide: Any) -> Any:
    """Return a slow slide; whatever still waits is let go at the end."""
    slide = Slow(make_slide())
    yield slide
    slide.go.set()


def test_a_read_never_waits_and_falls_back_on_the_original(slow: Slow) -> None:
    original = slow.source.read(0, 0, 0, TILE, TILE)
    sharpener = Sharpener([slow], slow.source)
    shown = sharpener.levels()[0][0:TILE, 0:TILE]
    assert np.array_equal(shown, original)
    assert sharpener.approximate
    sharpener.stop()


def test_nothing_known_is_shown_as_empty_glass(slow: Slow) -> None:
    sharpener = Sharpener([slow], slow.source)
    assert np.unique(sharpener.levels()[0][0:700, 0:700]).tolist() == [232]
    sharpener.stop()


def test_a_coarser_level_of_the_derived_slide_comes_before_the_original(slow: Slow) -> None:
    slow.go.set()
    coarse = slow.read(2, 0, 0, slow.levels[2].height, slow.levels[2].width)
    slow.go.clear()
    slow.source.read(0, 0, 0, TILE, TILE)
    sharpener = Sharpener([slow], slow.source)
    shown = sharpener.levels()[0][0:TILE, 0:TILE]
    assert np.array_equal(shown, coarse[:128, :128].repeat(4, 0).repeat(4, 1))
    sharpener.stop()


def test_tiles_arrive_until_the_view_is_true(slow: Slow, wait: Waiter) -> None:
    arrivals = []
    sharpener = Sharpener([slow], slow.source)
    sharpener.on_arrival = arrivals.append
    level = sharpener.levels()[0]
    level[100:1200, 300:1500]
    slow.go.set()
    wait(lambda: not sharpener.approximate)
    exact = 255 - slow.source.read(0, 100, 300, 1100, 1200)
    assert np.array_equal(level[100:1200, 300:1500], exact)
    wait(lambda: len(arrivals) >= 9)
    assert arrivals.count(True) == 1
    assert arrivals[-1]
    sharpener.stop()


def test_the_newest_view_drops_what_was_wanted_before(slow: Slow, wait: Waiter) -> None:
    sharpener = Sharpener([slow], slow.source)
    level = sharpener.levels()[0]
    level[0:1500, 0:2100]
    wait(lambda: len(slow.started) == 2)  # both workers are busy with the old view
    level[1024:1500, 1536:2048]
    slow.go.set()
    wait(lambda: not sharpener.approximate)
    wait(lambda: len(slow.started) >= 3)
    assert slow.started[2:] == [(0, 2, 3)]
    sharpener.stop()


def test_one_bad_tile_is_told_once_and_ends_nothing(slow: Slow, wait: Waiter) -> None:
    slow.bad = (0, 0, 0)
    sharpener = Sharpener([slow], slow.source)
    level = sharpener.levels()[0]
    level[0:1024, 0:1024]
    slow.go.set()
    wait(lambda: not sharpener.approximate)
    assert "disk" in str(sharpener.error)
    again = level[0:1024, 0:1024]
    assert np.array_equal(again[512:, 512:], 255 - slow.source.read(0, 512, 512, 512, 512))
    assert slow.started.count((0, 0, 0)) == 1
    sharpener.stop()


@pytest.mark.parametrize(
    "key",
    [
        (slice(3, 40), slice(5, 9), slice(None)),
        (slice(None, None, 7), slice(10, 300, 11)),
        5,
        (-1, -2),
        (Ellipsis, 1),
        (slice(20, 10), slice(None)),
        (slice(None), 4, 2),
    ],
)
def test_it_indexes_as_an_array_does(slow: Slow, key: Any) -> None:
    slow.go.set()
    level = Sharpener([slow], slow.source).levels()[2]
    exact = np.asarray(level)
    assert np.array_equal(level[key], exact[key])


def test_outside_and_backwards_are_refused(slow: Slow) -> None:
    level = Sharpener([slow], slow.source).levels()[2]
    with pytest.raises(IndexError, match="outside"):
        level[99999]
    with pytest.raises(IndexError, match="forwards"):
        level[::-1]


def test_what_was_seen_whole_stands_in_until_its_successor_is_there(slow: Slow, wait: Waiter) -> None:
    first, sharpener = slow.source, Sharpener([slow.source], slow.source)
    level = sharpener.levels()[0]
    level[0:700, 0:700]
    wait(lambda: not sharpener.approximate)
    before = level[0:700, 0:700]
    sharpener.replace([slow])
    assert np.array_equal(level[0:700, 0:700], before)
    assert sharpener.approximate
    unready = Slow(first)
    sharpener.replace([unready])  # the one in between was never whole, so that the first still stands in
    assert np.array_equal(level[0:700, 0:700], before)
    slow.go.set()
    unready.go.set()
    wait(lambda: not sharpener.approximate)
    assert np.array_equal(level[0:700, 0:700], 255 - before)
    sharpener.stop()


class Quick(Slow):
    """Half as bright, and never waiting unless told to."""

    @property
    def key(self) -> str:
        return f"{self.source.key}|half"

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        super().compute_tile(level, row, column)
        return self.source.tile(level, row, column) // 2


@pytest.fixture
def quick(slow: Slow) -> Any:
    """Return a preview of the slow slide; whatever still waits is let go at the end."""
    preview = Quick(slow.source)
    yield preview
    preview.go.set()


def test_a_preview_is_computed_first_and_stands_in_until_the_true_tiles_come(
    slow: Slow, quick: Quick, wait: Waiter
) -> None:
    quick.go.set()
    sharpener = Sharpener((quick, slow), slow.source)
    whole: list[bool] = []
    sharpener.on_arrival = whole.append
    level = sharpener.levels()[0]
    level[0:1024, 0:1024]
    wait(lambda: True in whole)
    assert np.array_equal(level[0:1024, 0:1024], slow.source.read(0, 0, 0, 1024, 1024) // 2)
    assert sharpener.approximate
    assert not sharpener.too_wide
    wait(lambda: len(slow.started) == 1)
    slow.go.set()
    wait(lambda: not sharpener.approximate)
    assert np.array_equal(level[0:1024, 0:1024], 255 - slow.source.read(0, 0, 0, 1024, 1024))
    sharpener.stop()


def test_the_previews_of_a_new_view_do_not_wait_for_a_true_tile_of_the_old(
    slow: Slow, quick: Quick, wait: Waiter
) -> None:
    quick.go.set()
    sharpener = Sharpener((quick, slow), slow.source)
    level = sharpener.levels()[0]
    level[0:512, 0:512]
    wait(lambda: slow.started == [(0, 0, 0)])  # which now holds up whatever else is true
    level[0:512, 1024:1536]
    wait(lambda: quick.cached_tile(0, 0, 2) is not None)
    assert np.array_equal(level[0:512, 1024:1536], slow.source.read(0, 0, 1024, 512, 512) // 2)
    sharpener.stop()


def test_true_tiles_far_from_the_finest_level_are_left_to_the_preview(
    make_slide: Any, wait: Waiter, qtbot: Any
) -> None:
    source = make_slide()
    fine = source.pixels[2]
    source.pixels.append(fine[::2, ::2])
    source.levels = (*source.levels, Level(*source.pixels[3].shape[:2], (8.0, 8.0)))
    slow, quick = Slow(source), Quick(source)
    slow.go.set()
    quick.go.set()
    sharpener = Sharpener((quick, slow), source)
    wide, near = sharpener.levels()[3], sharpener.levels()[2]
    layer, changes = Image(sharpener.levels()), []
    refresher = Refresher(layer, sharpener)
    refresher.approximate_changed.connect(lambda now: changes.append((now, refresher.too_wide)))
    wide[:]
    qtbot.waitUntil(lambda: changes[-1:] == [(True, True)])
    wait(lambda: quick.cached_tile(3, 0, 0) is not None)
    assert sharpener.too_wide
    assert sharpener.approximate
    slow.go.clear()
    layer.data_level = 2
    near[:]
    qtbot.waitUntil(lambda: changes[-1:] == [(True, False)])
    slow.go.set()
    wait(lambda: not sharpener.approximate)
    assert not sharpener.too_wide
    assert {level for level, _, _ in slow.started} == {2}
    sharpener.stop()


def test_without_its_own_tile_a_view_shows_the_coarser_preview(slow: Slow, quick: Quick) -> None:
    quick.go.set()
    coarse = quick.read(2, 0, 0, quick.levels[2].height, quick.levels[2].width)
    quick.go.clear()
    sharpener = Sharpener((quick, slow), slow.source)
    shown = sharpener.levels()[0][512:1024, 512:1024]
    assert np.array_equal(shown, coarse[128:256, 128:256].repeat(4, 0).repeat(4, 1))
    sharpener.stop()


def test_the_thumbnail_is_made_of_the_preview_and_computes_nothing(slow: Slow, quick: Quick) -> None:
    quick.go.set()
    coarse = quick.read(2, 0, 0, quick.levels[2].height, quick.levels[2].width)
    sharpener = Sharpener((quick, slow), slow.source)
    level = sharpener.levels()[2]
    assert np.array_equal(np.asarray(level), coarse)
    assert not slow.started
    assert not sharpener.approximate
    level.look()
    assert sharpener.approximate
    slow.go.set()
    assert np.array_equal(np.asarray(sharpener.levels()[1]), 255 - slow.source.pixels[1])
    sharpener.stop()


def test_a_preview_that_fails_is_told_and_the_true_tiles_still_come(slow: Slow, quick: Quick, wait: Waiter) -> None:
    quick.bad = (0, 0, 0)
    quick.go.set()
    slow.go.set()
    sharpener = Sharpener((quick, slow), slow.source)
    sharpener.levels()[0][0:512, 0:512]
    wait(lambda: sharpener.error is not None)
    wait(lambda: not sharpener.approximate)
    sharpener.stop()


def test_a_read_in_its_own_thread_waits_a_moment_and_then_is_true_at_once(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharpening, "PATIENCE", 20.0)
    slow.go.set()
    sharpener = Sharpener([slow], slow.source)
    told: list[bool] = []
    sharpener.on_arrival = told.append
    level = sharpener.levels()[0]
    with ThreadPoolExecutor(1) as thread:
        shown = thread.submit(lambda: level[0:1024, 0:1024]).result()
        assert np.array_equal(shown, 255 - slow.source.read(0, 0, 0, 1024, 1024))
        assert not told  # what has been read need not be read again
        monkeypatch.setattr(sharpening, "PATIENCE", 0.01)
        slow.go.clear()
        shown = thread.submit(lambda: level[1024:1500, 0:512]).result()
    assert np.array_equal(shown, slow.source.read(0, 1024, 0, 476, 512)) or np.unique(shown).tolist() == [232]
    sharpener.stop()


class Breathing(Slow):
    """Breathes for as long as it is not let go, and counts its breaths."""

    def __init__(self, source: Slide) -> None:
        super().__init__(source)
        self.breaths = 0

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        self.started.append((level, row, column))
        while not self.go.wait(0.001):
            breathe()
            self.breaths += 1
        return 255 - self.source.tile(level, row, column)


def test_what_left_the_view_is_dropped_at_its_next_breath(slow: Slow, quick: Quick, wait: Waiter) -> None:
    quick.go.set()
    deep = Breathing(slow.source)
    sharpener = Sharpener((quick, deep), slow.source)
    level = sharpener.levels()[0]
    level[0:512, 0:512]
    wait(lambda: deep.breaths > 3)
    level[0:512, 1024:1536]
    wait(lambda: deep.started[1:] == [(0, 0, 2)])  # by the same thread, though the first tile was never let go
    assert sharpener.error is None
    level[0:512, 1024:1800]
    deep.go.set()
    wait(lambda: not sharpener.approximate)
    assert deep.started.count((0, 0, 2)) == 1  # it stayed in view, and was not begun anew
    assert deep.cached_tile(0, 0, 0) is None
    sharpener.stop()


def test_true_tiles_wait_while_the_view_moves(slow: Slow, quick: Quick, wait: Waiter) -> None:
    quick.go.set()
    deep = Breathing(slow.source)
    sharpener = Sharpener((quick, deep), slow.source)
    level = sharpener.levels()[0]
    level[0:512, 0:400]
    wait(lambda: deep.breaths > 3)
    sharpener._slow._rest = 1000.0
    level[0:512, 0:401]
    level[0:512, 0:402]
    wait(lambda: bool(sharpener._slow._wake._waiters))  # the thread stands still
    before = deep.breaths
    sharpener._slow._rest = 0.0
    level[0:512, 0:403]
    wait(lambda: deep.breaths > before + 3)
    assert deep.started == [(0, 0, 0)]
    sharpener.stop()
    deep.go.set()


def test_stages_are_shown_one_after_the_other(slow: Slow, quick: Quick, wait: Waiter) -> None:
    quick.go.set()
    draft = Breathing(slow.source)
    sharpener = Sharpener((quick, draft, slow), slow.source)
    level = sharpener.levels()[0]
    assert sharpener.stage == 2
    level[0:512, 0:1024]
    wait(lambda: sharpener.stage == 0)
    assert np.array_equal(level[0:512, 0:1024], slow.source.read(0, 0, 0, 512, 1024) // 2)
    assert not slow.started
    draft.go.set()
    wait(lambda: sharpener.stage == 1 and len(slow.started) == 1)
    assert sharpener.approximate
    assert np.array_equal(level[0:512, 0:1024], 255 - slow.source.read(0, 0, 0, 512, 1024))
    slow.go.set()
    wait(lambda: not sharpener.approximate)
    assert sharpener.stage == 2
    sharpener.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a niceness of its own on Linux alone")
def test_true_tiles_stand_back_behind_the_window(slow: Slow, quick: Quick, wait: Waiter) -> None:
    before, seen = os.getpriority(os.PRIO_PROCESS, 0), []
    slow.on_compute = lambda: seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    quick.go.set()
    slow.go.set()
    sharpener = Sharpener((quick, slow), slow.source)
    sharpener.levels()[0][0:512, 0:512]
    wait(lambda: not sharpener.approximate)
    assert seen
    assert seen[0] > before
    sharpener.stop()


def test_the_threads_of_a_network_sleep_while_they_wait() -> None:
    code = "import os, sys, napari_cytoshift; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    said = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["PASSIVE", "False"]
