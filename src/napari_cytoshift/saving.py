"""Where files about a slide are written, and the slide as it is seen, as an OME-Zarr."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from napari_cytoshift.background import Work
    from napari_cytoshift.sights import Sight

SUFFIX = ".ome.zarr"


def beside(slide: Slide) -> Path:
    """Return the folder for files about a slide: where it lies, or at home where nothing can be written there."""
    folder = Path(slide.info.path).absolute().parent
    return folder if folder.is_dir() and os.access(folder, os.W_OK) else Path.home()


def suggested(sight: Sight) -> Path:
    """Return where the result would be written."""
    method = re.sub(r"[^a-z0-9]+", "-", sight.method.rpartition(":")[2].lower()).strip("-")
    strength = "" if sight.choice.strength == 1 else f"-{round(100 * sight.choice.strength)}"
    return beside(sight.slide) / f"{sight.slide.name.split('.')[0]}-{method}{strength}{SUFFIX}"


def with_suffix(path: Path) -> Path:
    """Return a path that ends as an OME-Zarr does."""
    name = path.name.removesuffix(".zarr").removesuffix(".ome")
    return path.with_name(name + SUFFIX)


def save_seen(sight: Sight, out: Path, work: Work) -> Path:
    """Write a slide as it is seen; an interrupted run goes on when it is called again with the same path.

    Raises
    ------
    SlideError
        When the path is taken or cannot be written.
    Cancelled
        When stopping was asked for; what is finished is kept.
    """
    from cytoshift.engine import run_image

    return run_image(sight.slide.source, sight.slide.operator, out, report=work.report, cancel=work.cancel)
