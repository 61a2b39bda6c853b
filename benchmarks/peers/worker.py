"""The process that is timed: it loads images, then runs one call for each line it reads and answers how long it took.

``python -m benchmarks.peers.worker NAME`` runs in the environment of ``benchmarks/peers/NAME.py``, whose ``load`` takes
the image and the target, uint8 ``(y, x, 3)``, or whose ``given`` takes what its benchmark knows, and which returns the
calls to time and the questions to answer. So this file knows nothing but Python and numpy. One line of JSON comes in,
one goes out: ``{"image": "FILE.npy", "target": "FILE.npy"}`` loads a pair, ``{"give": {"file": ..., "window": ...}}``
hands over what ``given`` takes, ``{"run": CALL}`` runs a call and answers
``{"cpu": seconds, "wall": seconds}``, ``{"tell": QUESTION}`` answers ``{"told": ...}``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module

import numpy as np

Calls = dict[str, Callable[[], object]]


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints, even while it is imported, goes elsewhere
    contestant = import_module(f"benchmarks.peers.{sys.argv[1]}")
    runs: Calls = {}
    questions: Calls = {}
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, object] = {}
        if "image" in request:
            runs, questions = contestant.load(np.load(request["image"]), np.load(request["target"]))
        elif "give" in request:
            runs, questions = contestant.given(**request["give"])
        elif "run" in request:
            answer = _timed(runs[request["run"]])
        else:
            answer = {"told": questions[request["tell"]]()}
        print(json.dumps(answer), file=answers, flush=True)


def _timed(call: Callable[[], object]) -> dict[str, object]:
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


if __name__ == "__main__":
    main()
