"""Pictures of what a training has learnt so far: inputs above, what becomes of them below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.durable import new_file
from cytoshift.room import check_room
from cytoshift.training.loop import Emit

RGB = npt.NDArray[np.uint8]

Show = Callable[[int, RGB], None]
"""Is given the step, and rows of tiles as they are and as they become, as one image."""

SHOWN = 6
"""Tiles that are shown, and with ``JUDGED`` more measured."""

JUDGED = 18
"""Tiles that are measured."""

SAMPLES = "samples"
"""Folder, in the training's, of the pictures."""


def show_in(folder: Path, emit: Emit) -> Show:
    """Return what writes pictures to ``samples`` in a training's folder.

    Each is announced by an event ``sample`` with its step and its path in the folder.
    """

    def show(step: int, sheet: RGB) -> None:
        path = Path(SAMPLES, f"{step:06d}.png")
        check_room(folder, sheet.nbytes, "a sample")
        (folder / SAMPLES).mkdir(exist_ok=True)  # the training's is there, unless somebody moved it
        with new_file(folder / path) as file:
            Image.fromarray(sheet).save(file, format="png")
        emit({"kind": "sample", "step": step, "path": str(path)})

    return show


def contact_sheet(before: RGB, after: RGB, gap: int = 4) -> RGB:
    """Lay pairs of tiles ``(n, y, x, 3)`` out: inputs above, what became of them below."""
    count, height, width = before.shape[:3]
    sheet = np.full((2 * height + gap, count * (width + gap) - gap, 3), 255, np.uint8)
    for row, tiles in enumerate((before, after)):
        for column, tile in enumerate(tiles):
            y, x = row * (height + gap), column * (width + gap)
            sheet[y : y + height, x : x + width] = tile
    return sheet
