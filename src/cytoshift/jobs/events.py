"""What a job says while it runs: one JSON object per line, only ever appended to."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class EventLog:
    """The writer's end of an event file; every event is on its way to disk when `emit` returns."""

    def __init__(self, path: Path) -> None:
        torn = path.exists() and not _ends_a_line(path)
        self._file = path.open("a", encoding="utf-8")
        if torn:
            # A killed writer left half a line: end it, so that the next event is not glued to it.
            self._file.write("\n")

    def emit(self, event: dict[str, Any]) -> None:
        """Append an event, stamped with the seconds since 1970 as ``time``."""
        line = json.dumps({**event, "time": round(time.time(), 3)}, ensure_ascii=False)
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:
            return True
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def read_events(path: Path, since: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read the events appended after a position.

    Parameters
    ----------
    path : Path
        The event file; no file is no events.
    since : int
        Where the last call stopped; 0 for the beginning.

    Returns
    -------
    events : list of dict
        In the order of writing. A line that a killed writer left unfinished is passed over.
    position : int
        What to hand in next time. A last line without its end is left for then.
    """
    try:
        with path.open("rb") as file:
            file.seek(since)
            data = file.read()
    except FileNotFoundError:
        return [], 0
    whole = data[: data.rfind(b"\n") + 1]
    events = []
    for line in whole.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events, since + len(whole)
