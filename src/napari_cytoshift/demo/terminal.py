"""Progress of the demo in a terminal: a bar where somebody watches, a line for each step in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cytoshift.engine.progress import Progress as Report


class Bar:
    """One line of progress."""

    def __init__(self, bars: Progress, text: str) -> None:
        self._bars = bars
        self._task = bars.add_task("", total=None)
        self.begin(text)

    def begin(self, text: str) -> None:
        """Begin anew, with other words."""
        self._bars.reset(self._task, total=None, description=text)
        if self._bars.disable:
            self._bars.console.print(text, highlight=False, soft_wrap=True)

    def count(self, done: int, total: int) -> None:
        """Show so many of so many."""
        self._bars.update(self._task, completed=done, total=total)

    def report(self, report: Report) -> None:
        """Show a report of the engine."""
        self.count(report.done, report.total)


@contextmanager
def bar(text: str) -> Iterator[Bar]:
    """Show a bar while the block runs."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        yield Bar(bars, text)
