"""Ours and a peer's turn by turn in one run, so that a busy machine slows both."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

ROUNDS = 7
WARM_UP = 2


def compare(
    name: str, ours: Callable[[], object], peer: Callable[[], object], *, floor: float, ambition: float
) -> None:
    """Time two functions in alternation and print how much faster ours is, by the CPU time of this process.

    The ratio is the median of the rounds' ratios; ``ours`` and ``peer`` are medians in seconds.
    """
    pairs = [(_seconds(ours), _seconds(peer)) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
    ratio = statistics.median(theirs / mine for mine, theirs in pairs)
    line = {
        "name": name,
        "ours": round(statistics.median(mine for mine, _ in pairs), 4),
        "peer": round(statistics.median(theirs for _, theirs in pairs), 4),
        "ratio": round(ratio, 2),
        "floor": floor,
        "ambition": ambition,
        "holds": ratio >= floor,
    }
    print(json.dumps(line), flush=True)


def _seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start
