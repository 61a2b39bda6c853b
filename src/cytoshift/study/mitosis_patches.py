"""The mitoses of a study as patches with a table, for a classifier to learn from: `cytoshift.mitosis.read_patches`."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cytoshift.durable import new_folder
from cytoshift.engine.operator import Needs
from cytoshift.engine.progress import CancelToken, Meter, Report
from cytoshift.engine.view import View
from cytoshift.errors import StudyError
from cytoshift.mitosis.crops import crop_corners
from cytoshift.mitosis.patches import KINDS
from cytoshift.slides.slide import TILE, Slide
from cytoshift.study.decided import DecidedMitoses, check_enough, decided_mitoses
from cytoshift.study.mitosis_split import split_mitoses
from cytoshift.study.store import Study
from cytoshift.training.table import TABLE

SIDE = 128
"""Side of a patch in pixels, that of the published ones."""

UNKNOWN_SCANNER = "unknown scanner"
"""The domain of a slide whose file does not say what scanned it."""

_COLUMNS = ("file_name", "slide", "scanner", "label", "split", "x", "y")


def mitosis_patches(
    study: Study,
    slides: Mapping[str, Slide],
    folder: str | Path,
    *,
    mpp: float,
    seed: int = 0,
    report: Report | None = None,
    cancel: CancelToken | None = None,
) -> None:
    """Cut out the normal and atypical mitoses that a person decided on, and write ``labels.csv`` beside them.

    Its columns are ``file_name``, ``slide``, ``scanner`` (the domain), ``label``, ``split`` (see `split_mitoses`), and
    ``x``, ``y`` of the centre in level-0 pixels. A patch has the pixels that a classifier sees there.

    Parameters
    ----------
    study : Study
    slides : mapping of str to Slide
        The slides by identity, calibrated; mitoses of others are left out.
    folder : path
        A new folder; it appears when it is complete.
    mpp : float
        µm/px of the patches.
    seed : int
        Chooses what is held back among equally good choices.

    Raises
    ------
    StudyError
        There are too few mitoses, they cannot be held apart, or the folder cannot be written.
    Cancelled
        On request; nothing is left behind.
    """
    folder = Path(folder)
    sets = [decided_mitoses(study, record) for record in study.slides() if record.identity in slides]
    sets = [one for one in sets if len(one)]
    check_enough(sets)
    views = [View.of(slides[one.record.identity], Needs(mpp=mpp)) for one in sets]
    corners = [crop_corners(view.raster(one.boxes), SIDE) for view, one in zip(views, sets, strict=True)]
    splits = split_mitoses(sets, corners, SIDE, seed)
    meter = Meter(sum(map(len, sets)), report, text="Cutting out the mitoses")
    rows: list[tuple[object, ...]] = []
    try:
        with new_folder(folder) as partial:
            (partial / "patches").mkdir()
            for one, view, places, parts in zip(sets, views, corners, splits, strict=True):
                for number in np.lexsort((places[:, 0], places[:, 1] // TILE)).tolist():  # neighbours share reads
                    if cancel is not None:
                        cancel.check()
                    x, y = places[number].tolist()
                    name = f"patches/{len(rows):05d}-{one.record.identity[:12]}-x{x}-y{y}.png"
                    Image.fromarray(view.read(y, x, SIDE, SIDE)).save(partial / name, compress_level=1)
                    rows.append(_row(name, one, number, parts, view.slide))
                    meter.advance()
            with (partial / TABLE).open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([_COLUMNS, *rows])
    except OSError as error:
        raise StudyError(
            f"The mitoses cannot be written to {folder} ({error.strerror}); make room or choose another folder."
        ) from error


def _row(name: str, one: DecidedMitoses, number: int, parts: Sequence[str], slide: Slide) -> tuple[object, ...]:
    """Return a row of the table; a slide that is divided counts as one slide a part."""
    x0, y0, x1, y1 = one.boxes[number].tolist()
    split = parts[number]
    part = f" ({split})" if len(set(parts)) > 1 else ""
    return (
        name,
        f"{one.record.name} {one.record.identity[:8]}{part}",
        slide.info.scanner or UNKNOWN_SCANNER,
        KINDS[one.labels[number]],
        split,
        (x0 + x1) / 2,
        (y0 + y1) / 2,
    )
