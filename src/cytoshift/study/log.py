"""What a study has stored: slides, runs and events, read from and added to its database; nothing is ever changed."""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cytoshift.errors import StudyError
from cytoshift.study import migrations, schema
from cytoshift.study.coverage import Coverage
from cytoshift.study.events import Event
from cytoshift.study.imports import Imported, Imports, Names, Packed, outlines_of, unpacked

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings, Provenance
    from cytoshift.engine.outlines import Outlines
    from cytoshift.slides.slide import SlideInfo

_RUNS_KEPT = 8


@dataclass(frozen=True, slots=True)
class SlideRecord:
    """A slide as a study knows it.

    Parameters
    ----------
    identity : str
        Fingerprint of its content.
    name : str
        File name, for people.
    paths : tuple of str
        Where it was seen, last seen first.
    mpp_yx : tuple of float or None
        µm per level-0 pixel along y and x: what a person set, else what the file says.
    objective : float or None
        Objective power of the scan.
    """

    identity: str
    name: str
    paths: tuple[str, ...]
    mpp_yx: tuple[float, float] | None
    objective: float | None

    def calibrated(self, corrections: Iterable[Event]) -> SlideRecord:
        """Return the record with the µm/px and the objective that a person set."""
        record = self
        for event in corrections:
            if event.kind == "calibrate":
                y, x = event.payload["mpp_yx"]
                objective = event.payload["objective"]
                record = replace(record, mpp_yx=(y, x), objective=record.objective if objective is None else objective)
        return record


class Damaged(StudyError):
    """The file of a study is not whole; ``why`` says in a few words how that shows."""

    def __init__(self, folder: str, why: object) -> None:
        super().__init__(f"The study {folder} cannot be read ({why}); restore its folder from a backup.")
        self.why = why


class Log:
    """A study's database behind one lock, so that every thread may use it.

    Parameters
    ----------
    file : Path
    read_only : bool
    name : str, optional
        The study's folder in messages, where ``file`` is a copy that lies elsewhere.
    on_close : callable, optional
        Called when it has been closed.
    """

    def __init__(
        self, file: Path, *, read_only: bool, name: str = "", on_close: Callable[[], object] | None = None
    ) -> None:
        self._on_close = on_close
        self._file = file
        self._name = name or str(file.parent)
        self._lock = threading.RLock()
        self._session = False
        self._runs: OrderedDict[str, Findings] = OrderedDict()
        self._states: dict[str, npt.NDArray[np.uint8]] = {}
        with self._reading():
            self._connection = schema.connect(file, read_only=read_only)
        try:
            with self._reading():
                self.version = schema.version_of(self._connection)
                self._lies = schema.inode(file)
        except BaseException:
            self._connection.close()
            raise

    def opened_last(self) -> str:
        """Return when it was opened by a session that never closed it; ``""`` where the last one did."""
        with self._reading():
            row = self._connection.execute("SELECT value FROM meta WHERE key = 'open'").fetchone()
            return "" if row is None else str(row[0])

    def begin_session(self) -> None:
        """Write into the database itself that it is open: without its journal it is then known not to be whole."""
        if schema.on_network(self._file):  # where a journal lies beside it only while one correction is stored
            return
        with self._lock, suppress(sqlite3.Error):  # a full disk is said when something is to be stored
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('open', ?)", (now(),))
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._session = True

    def migrate(self) -> None:
        """Bring the database to the schema of this version; OSError or sqlite3.Error where it stays as it was."""
        with self._lock:
            migrations.migrate(self._connection, self._file)
            self.version = schema.version_of(self._connection)

    def close(self) -> None:
        """Close the database; nothing waits to be written."""
        with self._lock:
            if self._session:
                with suppress(sqlite3.Error):
                    self._connection.execute("DELETE FROM meta WHERE key = 'open'")
                self._session = False
            self._connection.close()
            if self._on_close is not None:
                self._on_close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.ProgrammingError as error:
                raise StudyError(f"The study {self._name} is closed; open it again.") from error
            except (sqlite3.Error, ValueError, TypeError, KeyError) as error:
                raise Damaged(self._name, error) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            if schema.inode(self._file) != self._lies:
                raise StudyError(
                    f"The study {self._name} was moved or removed while it was open, so this was not stored; open it "
                    "where it lies now and do it again."
                )
            try:
                yield
            except sqlite3.ProgrammingError as error:
                raise StudyError(f"The study {self._name} is closed; open it again.") from error
            except sqlite3.Error as error:
                raise StudyError(
                    f"The study {self._name} could not store this ({error}); what was stored before is safe: "
                    "make room or check the disk, then do it again."
                ) from error

    # Events

    def add_event(self, event: Event) -> Event:
        """Store an event; it is on the disk when this returns."""
        with self._writing():
            cursor = self._connection.execute(
                "INSERT INTO event (id, slide, kind, target, payload, author, time) VALUES (?,?,?,?,?,?,?)",
                event.row(),
            )
            return replace(event, seq=int(cursor.lastrowid or 0))

    def events(self, since: int = 0) -> list[Event]:
        """Return the events after a position in the log."""
        with self._reading():
            rows = self._connection.execute(
                "SELECT seq, id, slide, kind, target, payload, author, time FROM event WHERE seq > ? ORDER BY seq",
                (since,),
            )
            return [Event.from_row(row) for row in rows]

    # Slides

    def add_slide(self, info: SlideInfo) -> None:
        """Store a slide, or where it was seen now."""
        known = next((record for record in self.slides() if record.identity == info.identity), None)
        paths = () if known is None else known.paths
        paths = tuple(dict.fromkeys((info.path, *paths))) if info.path else paths
        with self._writing():
            if known is not None:
                self._connection.execute(
                    "UPDATE slide SET name = ?, paths = ? WHERE identity = ?",
                    (info.name, json.dumps(paths), info.identity),
                )
                return
            mpp_y, mpp_x = info.mpp_yx or (None, None)
            self._connection.execute(
                "INSERT INTO slide VALUES (?, ?, ?, ?, ?, ?, ?)",
                (info.identity, info.name, json.dumps(paths), mpp_y, mpp_x, info.objective, now()),
            )

    def slides(self) -> list[SlideRecord]:
        """Return the slides in the order in which they were added."""
        with self._reading():
            rows = self._connection.execute(
                "SELECT identity, name, paths, mpp_y, mpp_x, objective FROM slide ORDER BY rowid"
            )
            return [
                SlideRecord(identity, name, tuple(json.loads(paths)), (y, x) if y and x else None, objective)
                for identity, name, paths, y, x, objective in rows
            ]

    # Runs

    def add_findings(self, findings: Findings) -> str:
        """Store findings as a run; all of it is on the disk when this returns, or none."""
        run = str(uuid.uuid4())
        with self._writing():
            self._insert_run(run, findings, {})
        return run

    def add_import(self, event: Event, cells: Packed) -> Event:
        """Store cells of a file and the event that brings them in; all is on the disk when this returns, or nothing."""
        with self._writing():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._insert_run(event.id, cells.findings, cells.columns)
                stored = self.add_event(event)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return stored

    def _insert_run(self, run: str, findings: Findings, columns: Mapping[str, bytes | None]) -> None:
        measures = b"".join(np.ascontiguousarray(column, "<f4").tobytes() for column in findings.measures.values())
        row = {
            "id": run,
            "slide": findings.provenance.slide,
            "provenance": json.dumps(findings.provenance.to_json()),
            "classes": json.dumps(findings.classes),
            "cells": len(findings),
            "boxes": np.ascontiguousarray(findings.boxes, "<f4").tobytes(),
            "scores": np.ascontiguousarray(findings.scores, "<f4").tobytes(),
            "labels": np.ascontiguousarray(findings.labels, "<i2").tobytes(),
            "measures": json.dumps(list(findings.measures)) if findings.measures else None,
            "measured": measures or None,
            **columns,
        }
        self._connection.execute(
            f"INSERT INTO run ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
        )

    def runs(self, slide: str) -> list[tuple[str, Provenance, int]]:
        """Return id, provenance and number of predictions of a slide's runs, oldest first."""
        from cytoshift.engine.findings import Provenance

        with self._reading():
            rows = self._connection.execute(
                f"SELECT id, provenance, cells FROM run WHERE slide = ? {self._found} ORDER BY seq", (slide,)
            )
            return [(run, Provenance.from_json(json.loads(text)), cells) for run, text, cells in rows]

    @property
    def _found(self) -> str:
        """What tells runs of a model from imported cells, in SQL; earlier versions had none of these."""
        return "AND names IS NULL" if self.version >= 3 else ""

    def classes(self) -> tuple[str, ...]:
        """Return the class names of all runs and imports, in the order in which they came."""
        with self._reading():
            rows = self._connection.execute("SELECT classes FROM run GROUP BY classes ORDER BY min(seq)")
            return tuple(dict.fromkeys(name for (text,) in rows for name in json.loads(text)))

    def size(self, run: str) -> tuple[str, int] | None:
        """Return the slide and the number of predictions of a run; None where there is no such run."""
        with self._reading():
            row: Any = self._connection.execute("SELECT slide, cells FROM run WHERE id = ?", (run,)).fetchone()
            return None if row is None else (row[0], row[1])

    def findings(self, run: str) -> Findings:
        """Return the predictions of a run; the last few are kept in memory, since they never change."""
        with self._reading():
            if run in self._runs:
                self._runs.move_to_end(run)
                return self._runs[run]
            # All columns: a study of an earlier version, opened to be read, has some of them only.
            found = self._connection.execute("SELECT * FROM run WHERE id = ?", (run,))
            row = found.fetchone()
            if row is not None:
                self._runs[run] = _findings(dict(zip((name for name, *_ in found.description), row, strict=True)))
                while len(self._runs) > _RUNS_KEPT:
                    self._runs.popitem(last=False)
                return self._runs[run]
        raise StudyError(f"The study {self._name} has no run {run}; its runs are listed per slide.")

    def imports(self, events: Iterable[Event]) -> Imports:
        """Return the cells that came in with events, as they came; not those that a damaged file has lost."""
        found: dict[str, Imported] = {}
        for event in (event.id for event in events if event.kind == "import"):
            if event not in self._states and self.size(event) is not None:
                with self._reading():
                    (blob,) = self._connection.execute("SELECT states FROM run WHERE id = ?", (event,)).fetchone()
                    self._states[event] = np.frombuffer(blob, np.uint8)
            if event in self._states:
                found[event] = Imported(self.findings(event), self._states[event])
        return found

    def outlines(self, event: str) -> Outlines:
        """Return the outlines of the cells that an event brought in."""
        with self._reading():
            corners, points, cells = self._connection.execute(
                "SELECT corners, outlines, cells FROM run WHERE id = ?", (event,)
            ).fetchone()
            return outlines_of(corners, points, cells)

    def names(self, event: str) -> tuple[Names, Outlines]:
        """Return what a file called the cells that an event brought in, and their outlines."""
        with self._reading():
            (names,) = self._connection.execute("SELECT names FROM run WHERE id = ?", (event,)).fetchone()
            return unpacked(names), self.outlines(event)

    # Coverage

    def coverage(self, slide: str, reader: str) -> Coverage | None:
        """Return what a reader has seen of a slide; None for nothing. Earlier versions kept none."""
        if self.version < 4:
            return None
        with self._reading():
            row = self._connection.execute(
                "SELECT width, height, field, mpp, tissue, seen FROM coverage WHERE slide = ? AND reader = ?",
                (slide, reader),
            ).fetchone()
            return None if row is None else Coverage.from_row(row)

    def add_coverage(self, slide: str, reader: str, coverage: Coverage) -> Coverage:
        """Store what a reader has seen beside what was stored of it, and return both together."""
        with self._writing():
            stored = self.coverage(slide, reader)
            both = coverage if stored is None else coverage.merged(stored)
            self._connection.execute(
                "INSERT INTO coverage VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (slide, reader) DO UPDATE SET "
                "field = excluded.field, mpp = excluded.mpp, tissue = excluded.tissue, seen = excluded.seen",
                (slide, reader, *both.row()),
            )
        return both

    def check(self) -> str:
        """Return what SQLite says of the file's integrity: ``"ok"``, or what is wrong."""
        with self._reading():
            return str(self._connection.execute("PRAGMA integrity_check").fetchone()[0])


def _findings(row: dict[str, Any]) -> Findings:
    from cytoshift.engine.findings import Findings, Provenance

    cells, names = row["cells"], json.loads(row.get("measures") or "[]")
    measured = _floats(row.get("measured") or b"").reshape(len(names), cells)
    return Findings(
        _floats(row["boxes"]).reshape(cells, 4),
        _floats(row["scores"]),
        np.frombuffer(row["labels"], "<i2").astype(np.int16, copy=False),
        tuple(json.loads(row["classes"])),
        Provenance.from_json(json.loads(row["provenance"])),
        dict(zip(names, measured, strict=True)),
    )


def _floats(blob: bytes) -> npt.NDArray[np.float32]:
    return np.frombuffer(blob, "<f4").astype(np.float32, copy=False)


def now() -> str:
    """Return the time in UTC, as ISO text."""
    return datetime.now(UTC).isoformat(timespec="seconds")
