"""The training set of a study: crops of the regions marked complete, with their cells, as COCO."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.durable import new_folder
from cytoshift.engine.progress import CancelToken, Meter, Report
from cytoshift.errors import StudyError
from cytoshift.slides.slide import Slide
from cytoshift.study.palette import in_order
from cytoshift.study.split import split_fields
from cytoshift.study.store import Study
from cytoshift.study.truth import Field, complete_fields

SIDE = 2048
"""Largest side of an image in pixels; larger fields are cut into equal parts."""

VALIDATION_SHARE = 0.25
"""Share of the cells that is held back, unless somebody asks for another."""

ANNOTATIONS = "annotations.json"


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A data set on the disk.

    Parameters
    ----------
    folder : Path
        Holds ``annotations.json`` (COCO; every image has ``split``, ``mpp``, the boxes ``corrected`` by a person, and
        where it lies: ``slide`` and ``level0``) and ``images``.
    classes : tuple of str
        Class names in the order of the categories.
    images : dict of str to int
        Images per split, ``"train"`` and ``"val"``.
    cells : dict of str to dict of str to int
        Cells per split and class.
    ignored : int
        Boxes with ``iscrowd`` 1, neither cell nor background: a person was not sure, or the centre lies elsewhere.
    left_out : tuple of str
        Names of slides with regions that were not at hand.
    """

    folder: Path
    classes: tuple[str, ...]
    images: dict[str, int]
    cells: dict[str, dict[str, int]]
    ignored: int
    left_out: tuple[str, ...]


def training_set(
    study: Study,
    slides: Mapping[str, Slide],
    folder: str | Path,
    *,
    mpp: float | None = None,
    validation_share: float = VALIDATION_SHARE,
    seed: int = 0,
    report: Report | None = None,
    cancel: CancelToken | None = None,
) -> TrainingSet:
    """Write what may be learned from a study: regions marked complete, and nothing else.

    In a region the cells are those that were accepted, renamed, moved or added, and the predictions of the region's run
    from its threshold that were not rejected; a cell of which a person was not sure is a box to ignore. Pixels are
    those that a model sees at the same µm/px.

    Parameters
    ----------
    study : Study
    slides : mapping of str to Slide
        The slides by identity.
    folder : path
        A new folder; it appears when it is complete.
    mpp : float, optional
        µm/px of the images; level 0 without it, and for slides of which nobody knows µm/px.
    validation_share : float
        Share of the cells to hold back, between 0 and 1.
    seed : int
        Chooses what is held back among equally good choices.

    Raises
    ------
    StudyError
        Nothing is marked complete, a split would have no cells, or the folder cannot be written.
    Cancelled
        On request; nothing is left behind.
    """
    if not 0 < validation_share < 1:
        raise StudyError(f"The validation share {validation_share} is not between 0 and 1; 0.25 is usual.")
    folder = Path(folder)
    if folder.exists():
        raise StudyError(f"{folder} is there already; choose a new folder for the training set.")
    fields, missing = complete_fields(study, slides, mpp)
    classes = in_order({name for field in fields for name in field.classes})
    tiles = [(tile, split) for field, split in split_fields(fields, validation_share, seed) for tile in _tiles(field)]
    writer = _Writer(classes)
    meter = Meter(len(tiles), report, text="Cutting out the fields")
    try:
        with new_folder(folder) as partial:
            (partial / "images").mkdir()
            for tile, split in tiles:
                if cancel is not None:
                    cancel.check()
                writer.add(partial, tile, split)
                meter.advance()
            written = json.dumps(writer.coco(study), indent=1, ensure_ascii=False)
            (partial / ANNOTATIONS).write_text(written + "\n", encoding="utf-8")
    except OSError as error:
        raise StudyError(
            f"The training set cannot be written to {folder} ({error.strerror}); make room or choose another folder."
        ) from error
    cells = {split: dict(counts) for split, counts in writer.cells.items()}
    return TrainingSet(folder, classes, dict(writer.split_sizes), cells, writer.ignored, missing)


def _tiles(field: Field) -> Iterator[Field]:
    x0, y0, x1, y1 = field.rectangle
    rows, columns = -(-(y1 - y0) // SIDE), -(-(x1 - x0) // SIDE)
    ys = np.linspace(y0, y1, rows + 1).round().astype(int).tolist()
    xs = np.linspace(x0, x1, columns + 1).round().astype(int).tolist()
    for top, bottom in pairwise(ys):
        for left, right in pairwise(xs):
            tile = field.cut((left, top, right, bottom))
            if tile is not None:
                yield tile


class _Writer:
    """Writes images and collects what COCO says of them."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._categories = {name: number for number, name in enumerate(classes, start=1)}
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self.split_sizes: Counter[str] = Counter()
        self.cells: dict[str, Counter[str]] = {"train": Counter(), "val": Counter()}
        self.ignored = 0

    def add(self, folder: Path, tile: Field, split: str) -> None:
        """Write one image and note its cells."""
        x0, y0, x1, y1 = tile.rectangle
        number = len(self._images) + 1
        name = f"images/{number:05d}-{tile.slide[:12]}-x{x0}-y{y0}.png"
        Image.fromarray(tile.view.read(y0, x0, y1 - y0, x1 - x0)).save(folder / name, compress_level=1)
        self._images.append(
            {
                "id": number,
                "file_name": name,
                "width": x1 - x0,
                "height": y1 - y0,
                "split": split,
                "mpp": _mpp(tile),
                "slide": tile.slide,
                "level0": [float(value) for value in tile.view.level0(tile.rectangle)],
                "corrected": [_wide(box) for box in _within(tile, tile.corrected)],
            }
        )
        self.split_sizes[split] += 1
        for box, label, true in zip(_within(tile, tile.boxes), tile.labels.tolist(), tile.true.tolist(), strict=True):
            self._note(number, box, label, true)
            self.cells[split][label] += true
            self.ignored += not true

    def _note(self, image: int, box: list[float], label: str, true: bool) -> None:
        x, y, width, height = _wide(box)
        self._annotations.append(
            {
                "id": len(self._annotations) + 1,
                "image_id": image,
                "category_id": self._categories[label],
                "bbox": [x, y, width, height],
                "area": width * height,
                "iscrowd": int(not true),
            }
        )

    def coco(self, study: Study) -> dict[str, Any]:
        """Return the whole of the annotations."""
        last = next((event.seq for event in reversed(study.events())), 0)
        return {
            "info": {"description": f"Corrections of the study {study.folder.name}", "last_event": last},
            "images": self._images,
            "annotations": self._annotations,
            "categories": [{"id": number, "name": name} for name, number in self._categories.items()],
        }


def _within(tile: Field, boxes: npt.NDArray[np.float64]) -> list[list[float]]:
    """Return boxes in pixels of an image, x0, y0, x1, y1, cut at its edges."""
    x0, y0, x1, y1 = tile.rectangle
    cut: list[list[float]] = np.clip(boxes - [x0, y0, x0, y0], 0, [x1 - x0, y1 - y0] * 2).tolist()
    return cut


def _wide(box: list[float]) -> list[float]:
    """Return a box as COCO writes it: x, y, width, height."""
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def _mpp(field: Field) -> float | None:
    known = field.view.slide.frame.mpp_yx
    if known is None:
        return None
    return sum(size * step for size, step in zip(known, field.view.level.downsample_yx, strict=True)) / 2
