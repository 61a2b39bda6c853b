"""How a study's database is opened: who may write, of which version it is, and what a person must be told."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cytoshift.durable import sync_folder
from cytoshift.errors import StudyError
from cytoshift.study import salvage, schema
from cytoshift.study.events import Event
from cytoshift.study.lock import LOCK, WriterLock, writer_lock
from cytoshift.study.log import Damaged, Log, now

FILE = "study.sqlite"


class Opened(NamedTuple):
    """An open database, the right to write into it, or why there is none, what else a person must know, its events."""

    log: Log
    lock: WriterLock | None
    reason: str
    notice: str
    events: list[Event]


def create_file(file: Path) -> None:
    """Make an empty study's database; StudyError where there is one already or nothing can be written."""
    folder = file.parent
    lock = WriterLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file.exists() or not lock.take():
            raise StudyError(f"There is a study in {folder} already; open it, or choose another folder.")
        partial = folder / f".{file.name}.partial"
        for left in folder.glob(f"{partial.name}*"):  # of a crash; SQLite would merge a journal that lies there
            left.unlink()
        schema.create(partial, now())
        os.replace(partial, file)
        sync_folder(folder)
    except (OSError, sqlite3.Error) as error:
        raise StudyError(f"No study can be made in {folder} ({error}); choose another folder.") from error
    finally:
        lock.release()


def open_log(file: Path, *, read_only: bool) -> Opened:
    """Open a study's database for writing where that can be.

    A damaged one is mended first, where it may be written, and looked at in a mended copy where not.

    Raises
    ------
    StudyError
        It cannot be read.
    """
    lock, reason = (None, "") if read_only else writer_lock(file)
    try:
        try:
            return _open(file, lock, reason)
        except Damaged as error:
            return _open_what_is_left(file, lock, reason, error)
    except BaseException:
        if lock is not None:
            lock.release()
        raise


def _open(file: Path, lock: WriterLock | None, reason: str) -> Opened:
    """Open a database that is whole; raise `Damaged` where it is not."""
    if lock is not None:
        _finish_mending(file)
    journal = salvage.wal_of(file)
    left = journal.exists()
    # Who only reads may come in the middle of a correction, where the file alone says little.
    torn = schema.why_not_whole(file, journal) if lock is not None or not (left or schema.on_network(file)) else ""
    if torn:
        raise Damaged(str(file.parent), torn)
    if lock is None and left and not schema.writable(file):
        log = _copied(file, _copy_both)
    else:
        log = Log(file, read_only=lock is None)
    try:
        notice = "" if left else _missing_journal(file, log.opened_last())
        events = log.events()
        log.slides()
        if lock is None:
            return Opened(log, None, reason, notice, events)
        reason = _bring_up_to_date(log, file)
        if not reason:
            log.begin_session()
            return Opened(log, lock, "", notice or schema.network_notice(file), events)
    except BaseException:
        log.close()
        raise
    log.close()
    lock.release()
    return Opened(Log(file, read_only=True), None, reason, notice, events)


def _finish_mending(file: Path) -> None:
    try:
        salvage.finish(file)
    except OSError as error:
        raise StudyError(
            f"The study {file.parent} is damaged and could not be mended ({error}); make room or copy the folder to "
            "another disk, then open it again."
        ) from error


def _open_what_is_left(file: Path, lock: WriterLock | None, reason: str, error: Damaged) -> Opened:
    """Mend a damaged database, or look at what is left of it where it must not be written."""
    try:
        if lock is None:
            saved = salvage.read(file)
            log = _copied(file, lambda _, copy: salvage.write(saved, copy)) if saved.anything else None
            kept = file
        else:
            mended = salvage.mend(file)
            log = None if mended is None else Log(file, read_only=False)
            saved, kept = mended or (salvage.Saved({}, {}, {}), file)
    except (OSError, sqlite3.Error) as full:
        raise StudyError(
            f"The study {file.parent} is damaged ({error.why}) and could not be mended ({full}); make room or copy the "
            "folder to another disk, then open it again."
        ) from error
    if log is None:
        raise error
    if lock is not None:
        log.begin_session()
    notice = f"The study {file.parent} was damaged ({error.why}); it opens {saved.words()}, and "
    notice += f"the damaged file is kept as {kept.name}." if lock is not None else "nothing was changed in its folder."
    return Opened(log, lock, reason, notice, log.events())


def _copied(file: Path, make: Callable[[Path, Path], object]) -> Log:
    """Open a copy that is made elsewhere and goes when the log is closed."""
    folder = tempfile.TemporaryDirectory(prefix="cytoshift-study-", ignore_cleanup_errors=True)
    copy = Path(folder.name) / file.name
    try:
        make(file, copy)
        return Log(copy, read_only=True, name=str(file.parent), on_close=folder.cleanup)
    except BaseException:
        folder.cleanup()
        raise


def _copy_both(file: Path, copy: Path) -> None:
    shutil.copyfile(file, copy)
    shutil.copyfile(salvage.wal_of(file), salvage.wal_of(copy))


def _missing_journal(file: Path, since: str) -> str:
    """Return what a person must know where a session began and neither its end nor its journal is there."""
    if not since:
        return ""
    return (
        f"The study {file.parent} was copied without {salvage.wal_of(file).name} while it was open, so what was done "
        f"after {since} may be missing; copy the whole folder again from where it was, once it is closed there."
    )


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
