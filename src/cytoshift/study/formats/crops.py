"""Cells as crops to train on: a folder of images, one for each cell, in a folder for each class, and a table.

Every crop shows the same width around the middle of its cell, at the slide's own µm/px. ``crops.csv`` has a row for
each with the columns of `table`, so that what is said of a cell comes back, and ``file_name``, ``slide``, ``x`` and
``y`` (the middle in level-0 pixels).
"""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

from PIL import Image

from cytoshift.durable import new_folder
from cytoshift.engine.progress import CancelToken, Meter, Report
from cytoshift.errors import StudyError
from cytoshift.slides.slide import Slide
from cytoshift.study.change import State
from cytoshift.study.formats import table
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.formats.picture import Picture

TABLE = "crops.csv"
SIDE_UM, SIDE = 32.0, 128
"""Width of a crop in µm, and in level-0 pixels where nobody knows µm/px."""

_OWN = ("file_name", "slide", "x", "y")


def write(
    path: str | Path, cells: Annotations, slide: Slide, report: Report | None = None, cancel: CancelToken | None = None
) -> Path:
    """Write a crop of every cell that was not rejected into a new folder; it appears when it is complete.

    Raises
    ------
    StudyError
        The folder is there already, or cannot be written.
    SlideError
        The slide cannot be read.
    Cancelled
        On request; nothing is left behind.
    """
    path = Path(path)
    if path.exists() and any(path.iterdir() if path.is_dir() else [path]):
        raise StudyError(f"{path} is there already; choose a new folder for the crops.")
    kept = cells.select(cells.states != State.REJECTED)
    side = SIDE if slide.mpp is None else max(8, round(SIDE_UM / slide.mpp))
    meter = Meter(len(kept), report, text="Cutting out the cells")
    try:
        with new_folder(path) as partial, (partial / TABLE).open("w", encoding="utf-8", newline="") as text:
            rows = csv.writer(text, lineterminator="\n")
            rows.writerow((*_OWN, *table.COLUMNS, *kept.measures))
            middles = (kept.boxes[:, :2] + kept.boxes[:, 2:]) / 2
            for number, (row, (x, y)) in enumerate(zip(table.table_rows(kept), middles.tolist(), strict=True), start=1):
                if cancel is not None:
                    cancel.check()
                name = f"{_folder(row[table.COLUMNS.index('class')])}/{number:06d}-x{x:.0f}-y{y:.0f}.png"
                (partial / name).parent.mkdir(exist_ok=True)
                pixels = slide.read(0, round(y - side / 2), round(x - side / 2), side, side)
                Image.fromarray(pixels).save(partial / name, compress_level=1)
                rows.writerow((name, slide.name, f"{x:.9g}", f"{y:.9g}", *row))
                meter.advance()
    except OSError as error:
        raise StudyError(
            f"The crops cannot be written to {path} ({error.strerror}); make room or choose another folder."
        ) from error
    return path


def read(path: str | Path, slide: Picture | None = None, image: str = "") -> Annotations:
    """Read what a folder's table says of its cells.

    Raises
    ------
    StudyError
        There is no such table, or it is of another slide.
    """
    file = Path(path)
    file = file / TABLE if file.is_dir() else file
    cells = table.read(file)
    named = _slides(file)
    wanted = Picture(image) if image else slide
    if wanted is not None and not any(Picture(name).named_like(wanted) for name in named):
        raise StudyError(f"{file} is of {', '.join(sorted(named)[:3]) or 'no slide'} and not of {wanted}; choose that.")
    if len(named) > 1:
        raise StudyError(f"{file} has crops of {len(named)} slides; export one slide at a time.")
    return replace(cells, measures={name: column for name, column in cells.measures.items() if name not in _OWN})


def recognises(head: str) -> bool:
    """Whether a table that begins so is one of crops."""
    return head.startswith(",".join(_OWN))


def _slides(file: Path) -> set[str]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return {row.get("slide") or "" for row in csv.DictReader(text)}


def _folder(label: str) -> str:
    """Return a class name as a folder can be called."""
    return re.sub(r"[^\w.+-]+", "-", label).strip(".-") or "no-class"
