"""What a job says while it runs: one JSON object per line, only ever appended to."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture of what a training has learnt after ``step`` steps: inputs above, what becomes of them below."""

    step: int
    path: Path


def sample_of(event: dict[str, Any], folder: Path) -> Sample | None:
    """Return the picture that an event of the job in a folder announces, None where it announces none.

    The event is ``{"kind": "sample", "step": 400, "path": "samples/000400.png"}``, the path relative to the job's
    folder; one that leads out of it is not followed.
    """
    if event.get("kind") != "sample":
        return None
    step, path = event.get("step"), (folder / str(event.get("path", ""))).resolve()
    if not isinstance(step, int) or not path.is_relative_to(folder.resolve()):
        return None
    return Sample(step, path)


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
