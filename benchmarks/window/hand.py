"""A hand that pans a window in strokes with short rests, and what it did to the event loop meanwhile."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QTimer

from benchmarks.window.clock import Heartbeat, pump
from napari_cytoshift.view import zoom_of

Gaps = npt.NDArray[np.float64]
"""Seconds for which the event loop stood still, again and again."""

STROKES = 7
STROKE, REST = 1.0, 0.5
"""Seconds of a stroke and of the rest after it; a turn is ten and a half seconds, six of them a minute."""

SPEED = 700.0
"""Screen pixels a second, halfway through a stroke."""

LONGEST, P99 = 1.5, 1.2
"""What the longest stall and the 99th percentile may be, in those of the same pan over tiles in memory."""


def pan(viewer: Any, heart: Heartbeat, magnification: float, strokes: int = STROKES) -> Gaps:
    """Pan in strokes from where the view is; return how long the event loop stood still, each time."""
    camera, start = viewer.scene.camera, np.array(viewer.scene.camera.center[-2:])
    path = path_of(strokes)
    begun = time.perf_counter()

    def move() -> None:
        y, x = start + path(time.perf_counter() - begun) / zoom_of(magnification)
        camera.center = (0.0, y, x)

    hand = QTimer(interval=16)
    hand.timeout.connect(move)
    heart.start()
    hand.start()
    pump(strokes * (STROKE + REST))
    hand.stop()
    return heart.stop()


def p99(gaps: Gaps) -> float:
    """Return the 99th percentile of the times for which the event loop stood still."""
    return float(np.percentile(gaps, 99))


def print_stalls(
    name: str,
    worst: Callable[[Gaps], float],
    ours: list[Gaps],
    peer: list[Gaps],
    floor: float,
    done: Mapping[str, int],
) -> None:
    """Print one measurement: the medians of the turns' worst, and of their ratios to the same pan over memory."""
    mine, theirs = [worst(gaps) for gaps in ours], [worst(gaps) for gaps in peer]
    ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
    line: dict[str, object] = {
        "name": name,
        "ours": round(float(statistics.median(mine)), 4),
        "peer": round(float(statistics.median(theirs)), 4),
        "ratio": round(float(ratio), 2),
        "floor": floor,
        "holds": bool(ratio <= floor),
        "whole": round(float(worst(np.concatenate(ours)) / worst(np.concatenate(peer))), 2),
    }
    print(json.dumps({**line, **done}), flush=True)


def path_of(count: int) -> Callable[[float], npt.NDArray[np.float64]]:
    """Return where the hand is after some seconds, y and x in screen pixels: it speeds up, slows down and rests."""
    length = SPEED * STROKE / 2
    directions = np.array([(0, 1), (1, 0), (0, 1), (-1, 0)], np.float64)
    ends = np.cumsum([length * directions[k % 4] for k in range(count)], axis=0)

    def at(seconds: float) -> npt.NDArray[np.float64]:
        number, within = divmod(seconds, STROKE + REST)
        done = min(int(number), count)
        before = ends[done - 1] if done else np.zeros(2)
        if done == count:
            return before
        share = min(within / STROKE, 1.0)
        return before + length * directions[done % 4] * (0.5 - 0.5 * np.cos(np.pi * share))

    return at
