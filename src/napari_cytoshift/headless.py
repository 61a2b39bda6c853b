"""A display that nobody sees, for machines without one: an X server that draws into memory.

It lives as long as the process that started it, however that process ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from cytoshift.errors import CytoshiftError
from napari_cytoshift.system_libraries import has_display

SIZE = (1920, 1080)

# The pipe on standard input closes when the parent is gone, killed or not; then the server is stopped. Windows lose
# their display last, since Qt ends a process whose display goes away.
_GUARD = 'exec 9<&0; Xvfb "$@" 9<&- </dev/null & server=$!; cat <&9 >/dev/null; kill "$server"'


def ensure_display(size: tuple[int, int] = SIZE) -> None:
    """Start a display for this process, and set ``DISPLAY`` to it, where there is none.

    Parameters
    ----------
    size : tuple of int
        Width and height of the screen in pixels.

    Raises
    ------
    CytoshiftError
        No X server is installed, or it does not start.
    """
    if has_display():
        return
    if shutil.which("Xvfb") is None:
        raise CytoshiftError(
            "There is no display and Xvfb is not installed; run python -m napari_cytoshift.system_libraries."
        )
    os.environ["DISPLAY"] = _start(size)


def _start(size: tuple[int, int]) -> str:
    reading, writing = os.pipe()
    watched, held = os.pipe()  # the end that is held is closed by the end of this process, and by nothing else
    screen = f"{size[0]}x{size[1]}x24"
    server = ["-displayfd", str(writing), "-screen", "0", screen, "-nolisten", "tcp", "-noreset", "-dpi", "96"]
    guard = subprocess.Popen(
        ["sh", "-c", _GUARD, "sh", *server],
        stdin=watched,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[writing],
    )
    os.close(writing)
    os.close(watched)
    with open(reading, "rb") as answer:
        number = answer.readline().strip().decode()  # written when the server accepts connections
    if not number:
        os.close(held)
        guard.kill()
        guard.wait()
        raise CytoshiftError("The virtual display did not start; run Xvfb :99 to see why.")
    guard.returncode = 0  # nobody waits for it: it outlives this process by a moment
    return f":{number}"
