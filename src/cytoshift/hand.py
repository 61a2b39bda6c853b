"""The hand that moves the view: long work waits until it rests, in the window's own process and in its jobs."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

REST = 0.3
"""Seconds for which the view must have been the same before such work goes on."""

_LOOK = 0.05


class Hand:
    """The hand in this process; once it is shared, that of all processes that share it.

    What is shared is a moment of the computer's clock in eight bytes of memory: whoever moves never waits for a disk,
    and when a window dies its hand rests.
    """

    def __init__(self) -> None:
        self._until = memoryview(bytearray(8)).cast("d")

    def share(self, study: str | Path) -> None:
        """Be the same hand as whoever else works on a study on this computer; alone where that cannot be."""
        self._until = memoryview(bytearray(8)).cast("d")
        with suppress(OSError, ValueError):
            self._until = memoryview(_memory(study)).cast("d")

    def move(self) -> None:
        """Say that the view has moved."""
        self._until[0] = time.monotonic() + REST

    def wait(self, check: Callable[[], None] = lambda: None) -> None:
        """Wait until the view has rested; what ``check`` raises ends that."""
        check()
        while 0 < (left := self._until[0] - time.monotonic()) <= REST:  # more is of before the computer started
            time.sleep(min(left, _LOOK))
            check()


def _memory(study: str | Path) -> mmap.mmap:
    """Open the eight bytes of a study, this person's own, in a folder that is never on another computer."""
    name = hashlib.sha256(os.path.realpath(study).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    me = os.getuid() if hasattr(os, "getuid") else 0
    path = Path(tempfile.gettempdir()) / f"cytoshift-{me}-{name}.hand"
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != me):
            raise OSError(f"{path} is somebody else's")
        if found.st_size < mmap.PAGESIZE:
            os.ftruncate(file, mmap.PAGESIZE)
        return mmap.mmap(file, 8)
    finally:
        os.close(file)
