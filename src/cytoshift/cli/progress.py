"""Progress bars on stderr, for whoever sits in front of a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from cytoshift.engine.progress import Progress


class Bar:
    """One line of progress, fed by whatever counts."""

    def __init__(self, bars: Bars, text: str) -> None:
        self._bars = bars
        self._task = bars.add_task(text, total=None)

    def report(self, progress: Progress) -> None:
        """Show a report of the engine."""
        self.count(progress.done, progress.total)

    def count(self, done: int, total: int) -> None:
        """Show so many of so many."""
        self._bars.update(self._task, completed=done, total=total)

    def event(self, event: dict[str, Any]) -> None:
        """Show an event of a job."""
        match event.get("kind"):
            case "progress":
                self.count(event["step"], event["total"])
            case "loss":
                total = sum(v for k, v in event.items() if k not in ("kind", "step", "time"))
                self._bars.update(self._task, description=f"step {event['step']}, loss {total:.3f}")
            case "validation" | "note" | "state":
                self._bars.console.print(_words(event), highlight=False)


def _words(event: dict[str, Any]) -> str:
    if event["kind"] == "note":
        return str(event["text"])
    if event["kind"] == "state":
        behind = event.get("behind")
        return f"waits for {behind}" if behind else f"{event['state']} {event.get('text', '')}".rstrip()
    numbers = [f"{k} {v:.3f}" for k, v in event.items() if isinstance(v, float) and k != "time"]
    return f"step {event['step']}: {', '.join(numbers)}"


@contextmanager
def bar(text: str, *, quiet: bool = False) -> Iterator[Bar]:
    """Show a bar while the block runs; nothing where stderr is no terminal, or when ``quiet``."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    hidden = quiet or not sys.stderr.isatty()
    console = Console(stderr=True, quiet=hidden)
    with Progress(*columns, console=console, transient=True, disable=hidden) as bars:
        yield Bar(bars, text)
