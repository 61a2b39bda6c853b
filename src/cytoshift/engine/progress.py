"""Progress, remaining time and cancelling, shared by every long action."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cytoshift.errors import Cancelled


@dataclass(frozen=True, slots=True)
class Progress:
    """A report: ``done`` of ``total`` units, seconds gone and seconds expected to remain (None at first)."""

    done: int
    total: int
    elapsed: float
    remaining: float | None
    text: str = ""


Report = Callable[[Progress], None]


class Meter:
    """Turns counted units into `Progress` reports.

    Units that were already there when the work was resumed do not count for the speed.
    """

    def __init__(self, total: int, report: Report | None = None, *, text: str = "", already: int = 0) -> None:
        self.total = total
        self.done = already
        self.text = text
        self._already = already
        self._report = report
        self._start = time.monotonic()
        self._emit()

    def advance(self, units: int = 1) -> None:
        """Count finished units and report."""
        self.done += units
        self._emit()

    def _emit(self) -> None:
        if self._report is None:
            return
        elapsed = time.monotonic() - self._start
        fresh = self.done - self._already
        remaining = elapsed / fresh * (self.total - self.done) if fresh else None
        self._report(Progress(self.done, self.total, elapsed, remaining, self.text))


class CancelToken:
    """A flag one thread sets and another checks between batches."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether stopping was asked for."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if stopping was asked for."""
        if self._event.is_set():
            raise Cancelled("Stopped on request; what was finished is kept, and the same command goes on from there.")
