"""Two compilers in one process: imported before torchvision, this keeps them from meeting.

Mesa's software OpenGL loads its LLVM with names visible to everybody. Triton, which torchvision imports on its way
though nothing here is compiled with it, brings an LLVM of its own, binds to Mesa's names instead, and crashes. The
other way round both work.
"""

from __future__ import annotations

import sys
from pathlib import Path

_MAPS = Path("/proc/self/maps")


def leave_triton_out() -> None:
    """Let triton look as if it were not installed, where Mesa's LLVM is already in this process."""
    if "triton" not in sys.modules and _MAPS.exists() and "libLLVM" in _MAPS.read_text(errors="replace"):
        sys.modules["triton"] = None  # type: ignore[assignment]  # importing it now fails, as torch expects


leave_triton_out()
