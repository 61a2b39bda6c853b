"""Ours and a peer's turn by turn in one run, so that a busy machine slows both."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np

ROUNDS = 7
WARM_UP = 3

Timing = Callable[[], float]
"""Does something and returns how long it took, in seconds."""


def compare(
    name: str,
    ours: Timing,
    peer: Timing,
    *,
    floor: float | None,
    ambition: float | None,
    worst: float | None = None,
    same: bool | None = None,
    warm_up: int = WARM_UP,
    rounds: int = ROUNDS,
) -> None:
    """Let two take turns; print how much faster ours is.

    The ratio is the median of the rounds' ratios and ``spread`` their interquartile range as a share of it; ``ours``
    and ``peer`` are medians in seconds.

    Parameters
    ----------
    name : str
    ours, peer : callable
        Do it once and return the seconds it took.
    floor, ambition : float or None
        What the ratio shall at least be, and what it is hoped to be.
    worst : float, optional
        How far ours is from the exact result; above 1 it does not hold, however fast.
    same : bool, optional
        Whether both have the same result; if not it does not hold.
    warm_up, rounds : int
        Turns that do not count, and those that do.
    """
    pairs = np.array([(ours(), peer()) for _ in range(warm_up + rounds)])[warm_up:]
    ratios = pairs[:, 1] / pairs[:, 0]
    low, ratio, high = np.percentile(ratios, [25, 50, 75])
    mine, theirs = np.median(pairs, axis=0)
    line: dict[str, object] = {
        "name": name,
        "ours": round(float(mine), 5),
        "peer": round(float(theirs), 5),
        "ratio": round(float(ratio), 2),
        "floor": floor,
        "ambition": ambition,
        "holds": bool((floor is None or ratio >= floor) and (worst is None or worst <= 1) and same is not False),
        "spread": round(float((high - low) / ratio), 3),
    }
    if worst is not None:
        line["worst"] = round(worst, 3)
    if same is not None:
        line["same"] = same
    print(json.dumps(line), flush=True)


def timed(function: Callable[[], object], clock: Callable[[], float] = time.process_time) -> Timing:
    """Make a timing of a function: by the CPU time of this process, or by another clock where others do the work."""

    def seconds() -> float:
        start = clock()
        function()
        return clock() - start

    return seconds
