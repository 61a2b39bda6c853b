"""One writer per study: a lock that the system lets go when its holder dies, however it dies."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import IO

from cytoshift.author import login_name

LOCK = "study.lock"

if sys.platform == "win32":
    import msvcrt

    _BEYOND = 1 << 30  # Windows locks bytes against reading, so lock one that nobody reads

    def _take(file: IO[bytes]) -> None:
        file.seek(_BEYOND)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)

else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class WriterLock:
    """The right to write into a study, held from `take` to `release`.

    The file stays when the lock is released: removing it would let two processes hold two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Take the lock if it is free, without waiting; OSError where the file cannot be made."""
        file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            _take(file)
        except OSError:
            file.close()
            return False
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "user": login_name()}
        file.truncate(0)
        file.write(json.dumps(holder).encode())
        file.flush()
        self._file = file
        return True

    def holder(self) -> str:
        """Return in words who holds the lock."""
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
            return f"{said['user']}, process {said['pid']} on {said['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def release(self) -> None:
        """Let the lock go; nothing where it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None


def writer_lock(file: Path) -> tuple[WriterLock | None, str]:
    """Take the right to write into a study's file; without it, say why in one sentence."""
    folder = file.parent
    lock = WriterLock(folder / LOCK)
    try:
        if not os.access(file, os.W_OK):
            raise PermissionError
        if lock.take():
            return lock, ""
    except OSError:
        return None, (
            f"The study {folder} lies where nothing can be written, so it is read-only; copy the folder to a disk of "
            "your own to correct cells."
        )
    return None, (
        f"The study {folder} is already open elsewhere ({lock.holder()}), so it is read-only here; close it there and "
        "open it again."
    )
