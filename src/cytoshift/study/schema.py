"""The tables of a study, and how its database is opened."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

VERSION = 4
"""The schema this version writes."""

APPLICATION = 0x43797453
"""SQLite's application id: "CytS"."""

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "9p", "fuse.sshfs"}

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE slide (
    identity TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    paths TEXT NOT NULL,      -- JSON list, last seen first
    mpp_y REAL, mpp_x REAL,   -- as the file says; a person's calibration is an event
    objective REAL,
    added TEXT NOT NULL
);

CREATE TABLE run (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    slide TEXT NOT NULL REFERENCES slide (identity),
    provenance TEXT NOT NULL,
    classes TEXT NOT NULL,
    cells INTEGER NOT NULL,
    boxes BLOB NOT NULL,      -- float32, x0 y0 x1 y1 in level-0 pixels; every blob is little-endian
    scores BLOB NOT NULL,     -- float32
    labels BLOB NOT NULL,     -- int16
    measures TEXT,            -- JSON list of the names of what was measured besides; NULL for nothing
    measured BLOB,            -- float32, one column after the other
    corners BLOB,             -- int32, how many corners each outline has, 0 for none; NULL where there are no outlines
    outlines BLOB,            -- float32, x y of all corners in level-0 pixels, one outline after the other
    states BLOB,              -- uint8, what a file said of imported cells; the id of such a run is that of its event
    names BLOB                -- what a file called imported cells, as `imports.packed` has it
);
CREATE INDEX run_of_slide ON run (slide);

CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    slide TEXT NOT NULL REFERENCES slide (identity),
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    payload TEXT NOT NULL,
    author TEXT NOT NULL,
    time TEXT NOT NULL
);

CREATE TABLE coverage (
    slide TEXT NOT NULL REFERENCES slide (identity),
    reader TEXT NOT NULL,     -- a blinded one; '' for the common reading
    width INTEGER NOT NULL, height INTEGER NOT NULL,  -- of the slide, and the side of a field, in level-0 pixels
    field REAL NOT NULL,
    mpp REAL NOT NULL,        -- by which magnifications were reckoned
    tissue BLOB NOT NULL,     -- uint8 for each field, row after row, as zlib packs them
    seen BLOB NOT NULL,       -- float16, the highest magnification, likewise
    PRIMARY KEY (slide, reader)
);

CREATE TRIGGER run_stays BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'predictions are never changed'); END;
CREATE TRIGGER run_kept BEFORE DELETE ON run BEGIN SELECT RAISE(ABORT, 'predictions are never removed'); END;
CREATE TRIGGER event_stays BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER event_kept BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
"""


def create(path: Path, made: str) -> None:
    """Write an empty study's database."""
    connection = connect(path)
    try:
        connection.executescript(
            f"BEGIN; {TABLES} PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION}; COMMIT;"
        )
        connection.execute("INSERT INTO meta VALUES ('schema', ?), ('made', ?)", (str(VERSION), made))
    finally:
        connection.close()


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a database: every commit is on the disk before it returns.

    Read-only connections write nothing either where the folder can be written: SQLite then needs its ``-shm`` file
    beside the database. Where it cannot, the file is read as it lies there, without a journal that a crash left.
    """
    if path.exists() and not writable(path):
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        return sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
    try:
        if not read_only:
            connection.execute(f"PRAGMA journal_mode={'DELETE' if on_network(path) else 'WAL'}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA recursive_triggers=ON")  # REPLACE must not slip past the triggers
        connection.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
    except BaseException:
        connection.close()
        raise
    return connection


def why_not_whole(path: Path, journal: Path) -> str:
    """Return in a few words how it shows that a study's file is torn, ``""`` where it does not; nothing is written."""
    if path.with_name(f"{path.name}-journal").exists():  # of a crash; SQLite takes back what was half written
        return ""
    if journal.exists() and journal.stat().st_size:  # some of its pages are there only
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.DatabaseError as error:
            said = str(error)
        finally:
            connection.close()
        return "" if said == "ok" else said.splitlines()[-1]
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100 or int.from_bytes(head[68:72], "big") != APPLICATION:
        return "it is not the database of a study"
    size = int.from_bytes(head[16:18], "big") or 1
    missing = int.from_bytes(head[28:32], "big") * (1 << 16 if size == 1 else size) - path.stat().st_size
    return f"{missing} bytes of it are missing" if missing > 0 else ""


def version_in(head: bytes) -> int:
    """Return the schema that the head of a study's file names; 0 where it names none."""
    return int.from_bytes(head[60:64], "big") if head[68:72] == APPLICATION.to_bytes(4, "big") else 0


def writable(path: Path) -> bool:
    """Whether a study's file and its folder can be written."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def inode(path: Path) -> tuple[int, int]:
    """Return what tells a file from another that lies in its place; zeros where there is none, or none can be told."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def network_notice(path: Path) -> str:
    """Return what must be known of a database that lies on another machine; ``""`` where it lies on this one.

    Shared memory, which SQLite's write-ahead log needs, does not work across a network: there every correction goes
    through a rollback journal, which is as safe and several times as slow.
    """
    if not on_network(path):
        return ""
    return (
        f"The study {path.parent} lies on a network drive, where each correction takes longer to store and one "
        "computer at a time may open it; copy the folder to a disk of your own to work faster."
    )


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema of a study's database; ValueError where it is another kind of database."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise ValueError("it is not the database of a study")
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def on_network(path: Path) -> bool:
    """Whether a file lies on another machine, as far as the system tells (Linux mounts, Windows' UNC paths)."""
    resolved = path.resolve()
    if str(resolved).startswith("\\\\"):
        return True
    best, kind = "", ""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    for line in mounts:
        _, point, system, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if len(point) >= len(best) and resolved.is_relative_to(point):
            best, kind = point, system
    return kind in _NETWORK
