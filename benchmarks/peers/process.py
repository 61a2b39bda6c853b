"""A contestant: a process of its own, on one thread, that runs a call when told to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]

_THREADS = ("OMP", "MKL", "OPENBLAS", "NUMBA", "NUMEXPR", "VECLIB")


class Contestant:
    """A process that serves `benchmarks.peers.worker`'s protocol.

    Parameters
    ----------
    python : Path
        The interpreter of its environment.
    name : str
        What it runs, ``benchmarks/peers/NAME.py``.
    """

    def __init__(self, python: Path, name: str) -> None:
        pinned = {f"{name}_NUM_THREADS": "1" for name in _THREADS}
        self._name = name
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", "-m", "benchmarks.peers.worker", name],
            cwd=ROOT,
            env=os.environ | pinned,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    @classmethod
    def ours(cls, name: str = "ours") -> Self:
        """Start one of this project's own."""
        return cls(Path(sys.executable), name)

    def load(self, image: Path, target: Path) -> None:
        """Let it load an image and the target it shall look like, ``.npy`` files of uint8 ``(y, x, 3)``."""
        self._ask(image=str(image), target=str(target))

    def give(self, **what: object) -> None:
        """Hand over what its ``given`` takes: anything JSON can hold."""
        self._ask(give=what)

    def timing(self, call: str) -> partial[float]:
        """Return a function that runs a call there and returns the CPU seconds it took."""
        return partial(self._seconds, call)

    def tell(self, question: str) -> Any:
        """Ask something that is not timed."""
        return self._ask(tell=question)["told"]

    def _seconds(self, call: str) -> float:
        return float(self._ask(run=call)["cpu"])

    def _ask(self, **request: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            pass
        if not line:
            raise RuntimeError(f"{self._name} ended at {request}; what it printed above says why")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
