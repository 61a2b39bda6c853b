"""Standing back: threads that compute for long leave the processors to whoever paints the window."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

ASIDE = 10
"""How far work stands back that a person waits for, but that takes minutes."""

REST = 0.3
"""Seconds for which the view must have been the same before such work goes on."""

_LOOK = 0.05


def stand_back(niceness: int) -> None:
    """Let this thread, and those that it starts from now on, stand back where processors are scarce.

    There is no way back for a thread. On Linux alone: elsewhere a niceness is the whole process's.
    """
    if sys.platform == "linux":
        me = threading.get_native_id()
        nice = min(19, os.getpriority(os.PRIO_PROCESS, me) + niceness)
        os.setpriority(os.PRIO_PROCESS, me, nice)


class Hand:
    """The hand that moves the view: long work waits until it rests."""

    def __init__(self) -> None:
        self._until = 0.0

    def move(self) -> None:
        """Say that the view has moved."""
        self._until = time.monotonic() + REST

    def wait(self, check: Callable[[], None]) -> None:
        """Wait until the view has rested; what ``check`` raises ends that."""
        check()
        while (left := self._until - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK))
            check()
