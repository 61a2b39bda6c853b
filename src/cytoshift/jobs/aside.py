"""A job leaves the processors to whoever works at the computer; where nobody does, it has all of them."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import psutil

NICENESS = 15

GROUP = Path("/proc/self/autogroup")
"""The scheduling group of a Linux session. A job is a session of its own, and a niceness counts within a session."""


def stand_aside() -> None:
    """Let this process, and those that it starts, wait where processors are scarce; where that is refused, go on."""
    with contextlib.suppress(OSError, psutil.Error):
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else NICENESS)
    with contextlib.suppress(OSError):  # of other systems, and of kernels without such groups
        GROUP.write_text(str(NICENESS))
