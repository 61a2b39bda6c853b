"""The system libraries that Qt, OpenGL and the virtual display need: find what is missing, and install it where we may.

``python -m napari_cytoshift.system_libraries`` does so. Wheels carry Qt itself, but not what lies under it. Only the
standard library is used here, since this runs before any of the others can be loaded.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

LIBRARIES: Mapping[str, str] = {
    "libdbus-1.so.3": "libdbus-1-3",
    "libEGL.so.1": "libegl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libGL.so.1": "libgl1",
    "libGLX_mesa.so.0": "libglx-mesa0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libXrender.so.1": "libxrender1",
}
"""Shared libraries and the Debian packages that hold them: what ``ldd`` names for Qt's xcb platform, and Mesa."""

FONTS = "fonts-dejavu-core"
DISPLAY_SERVER = "xvfb"

_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")
_TRIES = 5
_PAUSE_S = 10


def missing_packages() -> list[str]:
    """Return the Debian packages of what cannot be loaded on this machine; none on systems other than Linux."""
    if sys.platform != "linux":
        return []
    missing = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if not any(font for folder in _FONT_FOLDERS for font in Path(folder).rglob("*.[ot]tf")):
        missing.append(FONTS)
    if not has_display() and shutil.which("Xvfb") is None:
        missing.append(DISPLAY_SERVER)
    return missing


def has_display() -> bool:
    """Return whether a window would be seen by somebody."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def install_command(packages: list[str]) -> list[str]:
    """Return the command that installs packages and nothing that they merely recommend."""
    return ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]


def ensure() -> int:
    """Install what is missing where we may, otherwise print the one line that does it; return the exit status."""
    packages = missing_packages()
    if not packages:
        return 0
    if shutil.which("apt-get") is None:
        print(f"Missing system libraries; install what Debian calls: {' '.join(packages)}", flush=True)
        return 1
    if os.geteuid() != 0:
        print(f"Missing system libraries; run: sudo {' '.join(install_command(packages))}", flush=True)
        return 1
    print(f"Installing system libraries: {' '.join(packages)}", flush=True)
    if not (_apt(["apt-get", "update", "-q"]) and _apt(install_command(packages))):
        print(f"The system libraries could not be installed; run: {' '.join(install_command(packages))}", flush=True)
        return 1
    return 0


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _apt(command: list[str]) -> bool:
    """Run apt, again while another installation holds its lock or the archive does not answer."""
    waiting = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for attempt in range(_TRIES):
        if subprocess.run([command[0], *waiting, *command[1:]], env=environment, check=False).returncode == 0:
            return True
        if attempt + 1 < _TRIES:
            time.sleep(_PAUSE_S)
    return False


if __name__ == "__main__":
    sys.exit(ensure())
