"""From the schema of an earlier version to that of this one, after a copy has been laid beside it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from cytoshift.durable import sync_folder
from cytoshift.study import schema

STEPS = {
    1: """
        ALTER TABLE run ADD COLUMN measures TEXT;
        ALTER TABLE run ADD COLUMN measured BLOB;
        ALTER TABLE run ADD COLUMN corners BLOB;
        ALTER TABLE run ADD COLUMN outlines BLOB;
    """,
    2: """
        ALTER TABLE run ADD COLUMN states BLOB;
        ALTER TABLE run ADD COLUMN names BLOB;
    """,
    3: """
        CREATE TABLE coverage (
            slide TEXT NOT NULL REFERENCES slide (identity), reader TEXT NOT NULL,
            width INTEGER NOT NULL, height INTEGER NOT NULL, field REAL NOT NULL, mpp REAL NOT NULL,
            tissue BLOB NOT NULL, seen BLOB NOT NULL, PRIMARY KEY (slide, reader)
        );
    """,
}
"""What leads from a version to the next one."""


def backup_of(file: Path, version: int) -> Path:
    """Return where the copy of a study's database lies that was made before it left a version."""
    return file.with_name(f"{file.stem}-version-{version}{file.suffix}")


def migrate(connection: sqlite3.Connection, file: Path) -> None:
    """Bring a database to the schema of this version: one copy first, then all of it or nothing.

    Raises
    ------
    OSError, sqlite3.Error
        The copy cannot be made, or a step fails; the database is then as it was.
    """
    version = schema.version_of(connection)
    if version >= schema.VERSION:
        return
    _back_up(connection, backup_of(file, version))
    steps = "".join(STEPS[number] for number in range(version, schema.VERSION))
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version={schema.VERSION}; COMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, path: Path) -> None:
    """Copy a database, what lies in its journal included; the copy has its name only when it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    copy = sqlite3.connect(partial)
    try:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file that can be carried away
    finally:
        copy.close()
    with partial.open("rb+") as whole:
        os.fsync(whole.fileno())
    os.replace(partial, path)
    sync_folder(path.parent)
