"""Standing back: threads that compute for long leave the processors to whoever paints the window."""

from __future__ import annotations

import os
import sys
import threading

ASIDE = 10
"""How far work stands back that a person waits for, but that takes minutes."""


def stand_back(niceness: int) -> None:
    """Let this thread, and those that it starts from now on, stand back where processors are scarce.

    There is no way back for a thread. On Linux alone: elsewhere a niceness is the whole process's.
    """
    if sys.platform == "linux":
        me = threading.get_native_id()
        nice = min(19, os.getpriority(os.PRIO_PROCESS, me) + niceness)
        os.setpriority(os.PRIO_PROCESS, me, nice)
