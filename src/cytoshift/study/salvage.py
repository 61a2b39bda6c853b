"""A study's database that is damaged: what is left of it goes into a new one, and the damaged one is kept."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cytoshift.durable import sync_folder
from cytoshift.study import schema
from cytoshift.study.coverage import Coverage
from cytoshift.study.pages import Pages, Value

RUN_COLUMNS = (
    *("seq", "id", "slide", "provenance", "classes", "cells", "boxes", "scores", "labels"),
    *("measures", "measured", "corners", "outlines", "states", "names"),
)


@dataclass(frozen=True, slots=True)
class Saved:
    """What a damaged file still held.

    Parameters
    ----------
    events : dict
        Columns ``seq, id, slide, kind, target, payload, author, time`` of the events, by their place in the log.
    runs : dict
        Columns of the runs that are there as a whole, by their place.
    slides : dict
        Columns of the slides, by identity.
    coverage : dict
        What was looked at, by identity of the slide and reader.
    """

    events: dict[int, tuple[Value, ...]]
    runs: dict[int, tuple[Value, ...]]
    slides: dict[str, tuple[Value, ...]]
    coverage: dict[tuple[str, str], Coverage] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        """Whether there is something to go on with."""
        return bool(self.events or self.runs or self.slides)

    def words(self) -> str:
        """Say up to where the study goes, and what is missing in between."""
        if not self.events:
            return f"with {len(self.slides)} slides and no correction"
        last = max(self.events)
        gaps = last - len(self.events)
        missing = f", of which {gaps} are missing" if gaps else ""
        return f"up to its last good event, {last} of {self.events[last][7]!s}{missing}"


def read(file: Path) -> Saved:
    """Find what a damaged file and the write-ahead log beside it still hold; OSError where it cannot be read."""
    data, log = file.read_bytes(), wal_of(file)
    saved = Saved({}, {}, {})
    if schema.version_in(data) > schema.VERSION:  # whose tables may hold what this version knows nothing of
        return saved
    for number, values in Pages(data, log.read_bytes() if log.exists() else b"").rows():
        if _is_event(values):
            saved.events[number] = (number, *values[1:])
        elif _is_run(values):
            saved.runs[number] = (number, *values[1:])
        elif _is_slide(values):
            saved.slides[str(values[0])] = values
        elif _is_coverage(values):
            saved.coverage.update(_coverage(values))
    return saved


def write(saved: Saved, path: Path) -> None:
    """Write what was saved as a new database; OSError or sqlite3.Error where that cannot be."""
    for left in path.parent.glob(f"{path.name}*"):  # of a crash
        left.unlink()
    schema.create(path, datetime.now(UTC).isoformat(timespec="seconds"))
    connection = schema.connect(path)
    try:
        connection.execute("BEGIN")
        _insert(connection, "slide", [*saved.slides.values(), *_unknown_slides(saved)])
        _insert(connection, "event", saved.events.values())
        for run in saved.runs.values():
            padded = (*run, *[None] * (len(RUN_COLUMNS) - len(run)))
            marks = ", ".join("?" * len(RUN_COLUMNS))
            connection.execute(f"INSERT INTO run ({', '.join(RUN_COLUMNS)}) VALUES ({marks})", padded)
        _insert(connection, "coverage", [(*whose, *coverage.row()) for whose, coverage in saved.coverage.items()])
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, which a rename moves as a whole
    finally:
        connection.close()


def mend(file: Path) -> tuple[Saved, Path] | None:
    """Put a new database with all that is left in the place of a damaged one, which is kept beside it.

    Returns
    -------
    (Saved, Path) or None
        What was saved, and where the damaged file is now; None where nothing is left to go on with.

    Raises
    ------
    OSError, sqlite3.Error
        There is no room, say; the damaged file is then where it was.
    """
    saved = read(file)
    if not saved.anything:
        return None
    partial = file.with_name(f".{file.name}.partial")
    write(saved, partial)
    kept = file.with_name(f"{file.stem}-damaged-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}{file.suffix}")
    for one, other in ((file, kept), (wal_of(file), wal_of(kept))):
        if one.exists():
            shutil.copy2(one, other)
    os.replace(partial, _ready(file))
    sync_folder(file.parent)
    finish(file)
    return saved, kept


def finish(file: Path) -> None:
    """Take the last step of mending, also where a crash came between: the new file takes the damaged one's place."""
    if _ready(file).exists():
        for ending in ("-wal", "-shm", "-journal"):  # of the damaged file; SQLite would write them into the new one
            with suppress(FileNotFoundError):
                file.with_name(f"{file.name}{ending}").unlink()
        os.replace(_ready(file), file)
        sync_folder(file.parent)


def wal_of(file: Path) -> Path:
    """Return where a database's write-ahead log lies."""
    return file.with_name(f"{file.name}-wal")


def _ready(file: Path) -> Path:
    return file.with_name(f".{file.name}.mended")


def _insert(connection: sqlite3.Connection, table: str, rows: Any) -> None:
    for row in rows:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _unknown_slides(saved: Saved) -> list[tuple[Value, ...]]:
    """Return rows for slides of which nothing is left but what was found or decided on them."""
    named = [str(row[2]) for row in (*saved.runs.values(), *saved.events.values())]
    named += [slide for slide, _ in saved.coverage]
    lost = [identity for identity in dict.fromkeys(named) if identity not in saved.slides]
    return [(identity, identity, "[]", None, None, None, "") for identity in lost]


def _is_event(values: tuple[Value, ...]) -> bool:
    return len(values) == 8 and values[0] is None and _texts(values[1:]) and _is_json(values[5], dict)


def _is_run(values: tuple[Value, ...]) -> bool:
    if not (9 <= len(values) <= len(RUN_COLUMNS) and values[0] is None and _texts(values[1:5])):
        return False
    cells, (boxes, scores, labels) = values[5], values[6:9]
    if not (isinstance(cells, int) and isinstance(boxes, bytes) and isinstance(scores, bytes)):
        return False
    sizes = (len(boxes), len(scores), len(labels) if isinstance(labels, bytes) else -1)
    return sizes == (16 * cells, 4 * cells, 2 * cells) and _is_json(values[3], dict) and _is_json(values[4], list)


def _is_slide(values: tuple[Value, ...]) -> bool:
    if not (len(values) == 7 and _texts((*values[:3], values[6])) and _is_json(values[2], list)):
        return False
    return all(value is None or isinstance(value, int | float) for value in values[3:6])


def _is_coverage(values: tuple[Value, ...]) -> bool:
    kinds = (str, str, int, int, int | float, int | float, bytes, bytes)
    return len(values) == 8 and all(isinstance(value, kind) for value, kind in zip(values, kinds, strict=True))


def _coverage(values: tuple[Any, ...]) -> dict[tuple[str, str], Coverage]:
    """Return what a row holds, by slide and reader; nothing where it is not whole."""
    try:
        return {(values[0], values[1]): Coverage.from_row(values[2:])}
    except (ValueError, ArithmeticError):
        return {}


def _texts(values: tuple[Value, ...]) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_json(text: Value, kind: type) -> bool:
    try:
        return isinstance(json.loads(str(text)), kind)
    except ValueError:
        return False
