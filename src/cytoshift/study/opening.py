"""How a study's database is opened: who may write, of which version it is, and what a person must be told."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from cytoshift.study import schema
from cytoshift.study.lock import WriterLock, writer_lock
from cytoshift.study.log import Log


class Opened(NamedTuple):
    """An open database: the right to write into it, or why there is none, and what else must be known of it."""

    log: Log
    lock: WriterLock | None
    reason: str
    notice: str


def open_log(file: Path, *, read_only: bool) -> Opened:
    """Open a study's database for writing where that can be.

    Raises
    ------
    StudyError
        It cannot be read.
    """
    lock, reason = (None, "") if read_only else writer_lock(file)
    try:
        log = Log(file, read_only=lock is None)
        if lock is not None:
            reason = _bring_up_to_date(log, file)
            if reason:
                log.close()
                lock.release()
                lock, log = None, Log(file, read_only=True)
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    return Opened(log, lock, reason, schema.network_notice(file) if lock is not None else "")


def _bring_up_to_date(log: Log, file: Path) -> str:
    """Migrate a database of an earlier version; return why it must not be written, ``""`` where it may."""
    folder = file.parent
    if log.version > schema.VERSION:
        return (
            f"The study {folder} was written by a newer version (schema {log.version}, this one writes "
            f"{schema.VERSION}), so it is read-only; update napari-cytoshift to correct cells."
        )
    try:
        log.migrate()
    except (OSError, sqlite3.Error) as error:
        return (
            f"The study {folder} is of an earlier version (schema {log.version}) and could not be brought up to date "
            f"({error}), so it is read-only; make room or copy the folder to a disk of your own, then open it again."
        )
    return ""
