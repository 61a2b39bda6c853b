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
    """What one thread sets and another looks at between batches: to stop, or to wait.

    Whoever looks while work is paused waits there until it is resumed or cancelled, and takes no time of a processor.
    """

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._go_on = threading.Event()
        self._go_on.set()
        self._guard = threading.Lock()
        self._since = 0.0
        self._waited = 0.0

    def cancel(self) -> None:
        """Ask the work to stop, paused or not."""
        self._cancelled.set()
        self.resume()

    def pause(self) -> None:
        """Ask the work to wait; work that is to stop does not."""
        with self._guard:
            if self._go_on.is_set() and not self._cancelled.is_set():
                self._since = time.monotonic()
                self._go_on.clear()

    def resume(self) -> None:
        """Let paused work go on."""
        with self._guard:
            if not self._go_on.is_set():
                self._waited += time.monotonic() - self._since
                self._go_on.set()

    @property
    def cancelled(self) -> bool:
        """Whether stopping was asked for."""
        return self._cancelled.is_set()

    @property
    def paused(self) -> bool:
        """Whether the work is to wait."""
        return not self._go_on.is_set()

    @property
    def waited(self) -> float:
        """Seconds for which the work was paused before it was last resumed."""
        return self._waited

    def check(self) -> None:
        """Wait while the work is paused; raise `Cancelled` if stopping was asked for."""
        self._go_on.wait()
        if self._cancelled.is_set():
            raise Cancelled("Stopped on request; what was finished is kept, and the same command goes on from there.")
