"""``cytoshift demo``: the whole loop on the sample slide or on one's own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from cytoshift.cli.opening import Mpp
from cytoshift.errors import CytoshiftError


def demo(
    slide: Annotated[Path | None, typer.Option(help="A slide of your own; the sample slide without.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for screenshots, findings and report.html.")] = None,
    mpp: Mpp = None,
) -> None:
    """Open the window with everything loaded; without a display, write what it would show into a folder."""
    if importlib.util.find_spec("napari_cytoshift") is None:
        raise CytoshiftError("The window is not installed; run pip install napari-cytoshift[all].")
    command = [sys.executable, "-m", "napari_cytoshift.demo"]
    command += [] if slide is None else ["--slide", str(slide)]
    command += [] if out is None else ["--out", str(out)]
    command += [] if mpp is None else ["--mpp", str(mpp)]
    # A process of its own: this package imports no window.
    raise typer.Exit(subprocess.run(command, check=False).returncode)
