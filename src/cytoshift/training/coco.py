"""Data sets of annotated fields in COCO's JSON."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.errors import DataError
from cytoshift.training.midog import image_folder, in_coco_form, is_midog


@dataclass(frozen=True, slots=True)
class Field:
    """One annotated image.

    Parameters
    ----------
    path : Path
        The image file.
    name : str
        Its name in the data set.
    height, width : int
        Pixels.
    mpp : float or None
        µm/px where the data set says it.
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in pixels of the image.
    labels : ndarray of int64, shape (n,)
        Index into the data set's classes.
    ignored : ndarray of float32, shape (m, 4)
        Boxes (COCO's crowds) of which it is not known what they hold.
    slide : str
        What it was cut from, where the data set says it: fields of one slide are not independent.
    corrected : ndarray of float32, shape (k, 4)
        Boxes of what a person corrected in a model's findings: cells it named or placed wrongly or missed, and places
        where it saw one and none is.
    level0 : tuple of float or None
        Where it lies on the slide, x0, y0, x1, y1 in level-0 pixels, where the data set says it.
    """

    path: Path
    name: str
    height: int
    width: int
    mpp: float | None
    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    ignored: npt.NDArray[np.float32]
    slide: str = ""
    corrected: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    level0: tuple[float, float, float, float] | None = None

    def read(self) -> npt.NDArray[np.uint8]:
        """Read the image as RGB ``(y, x, 3)``."""
        with Image.open(self.path) as image:
            return np.asarray(image.convert("RGB"))


@dataclass(frozen=True, slots=True)
class CocoSet:
    """A data set: its classes and its fields."""

    name: str
    classes: tuple[str, ...]
    fields: tuple[Field, ...]
    licence: str = ""
    source: str = ""


def data_folder() -> Path:
    """Return the folder of the data: ``CYTOSHIFT_DATA``, or ``../shared/data`` beside the working folder."""
    return Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data"))


def found(path: str) -> str:
    """Return where a data set lies, whatever folder the program runs in later; what is not there as it is."""
    for place in (Path(path), data_folder() / path):
        if place.exists():
            return str(place.resolve())
    return path


POINT_UM, NOMINAL_MPP = 16.0, 0.25
"""Side of the box around a cell of which only a point is known, and µm/px where an image does not say: 40x."""


def read_coco(
    path: str | Path,
    split: str | None = None,
    half: str | None = None,
    *,
    point_um: float = POINT_UM,
    mpp: float = NOMINAL_MPP,
    images: Path | None = None,
) -> CocoSet:
    """Read a data set, of COCO's JSON or of MIDOG's.

    Parameters
    ----------
    path : path
        A COCO JSON file or a folder with ``annotations.json``; also looked for under `data_folder`.
    split : str, optional
        Keep the images whose ``split`` is this; all without.
    half : str, optional
        Keep the images whose ``half`` is this, for unpaired work on a data set that divides its scenes in two.
    point_um : float
        Side of the box that cells with a ``point`` and no ``bbox`` get, in µm.
    mpp : float
        µm/px, for those boxes, of images that do not say it.
    images : Path, optional
        Folder of the images; that of the file by default, and for MIDOG's JSON also one named ``images`` near it.

    Raises
    ------
    DataError
        The file is not there, is not COCO, has no image of the split and half, or names images that are not there.
    """
    file = _find(Path(path))
    data = _parse(file)
    try:
        if is_midog(data):
            data = in_coco_form(file, data)
            images = images or image_folder(file, data["images"][0]["file_name"])
        return _build(file, _choose(file, data, split, half), point_um, mpp, images or file.parent)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(
            f"{file} is not COCO JSON ({type(error).__name__}: {error}); it needs images, annotations and categories."
        ) from error


PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


def read_fields(path: str | Path, split: str | None = None, half: str | None = None) -> CocoSet:
    """Read a data set, or a plain folder of images as one without cells and without splits.

    Raises
    ------
    DataError
        As `read_coco`; and where a plain folder's images cannot be read, or a split of it is asked for.
    """
    for folder in (Path(path), data_folder() / path):
        if folder.is_dir() and not (folder / "annotations.json").is_file():
            images = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)
            if not images:
                raise DataError(f"There is no image in {folder}; give a folder of images, or COCO JSON.")
            if split or half:
                raise DataError(f"{folder} has no annotations.json that says what split {split or half} is; name none.")
            return CocoSet(folder.resolve().name, (), tuple(unlabelled(file) for file in images))
    return read_coco(path, split, half)


def unlabelled(file: Path) -> Field:
    """Return an image file as a field of which no cell is known; DataError where it is not an image."""
    try:
        with Image.open(file) as image:
            width, height = image.size
    except OSError as error:
        raise DataError(f"{file} cannot be read as an image ({error}); export it again or remove it.") from error
    none = np.zeros((0, 4), np.float32)
    return Field(file, file.name, height, width, None, none, np.zeros(0, np.int64), none)


def _find(path: Path) -> Path:
    for candidate in (path, data_folder() / path):
        if candidate.is_dir() and (candidate / "annotations.json").is_file():
            return candidate / "annotations.json"
        if candidate.is_file():
            return candidate
    raise DataError(
        f"There is no COCO file at {path}; give annotations.json or its folder, or set CYTOSHIFT_DATA to where data is."
    )


def _parse(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{file} is not JSON ({error}); export the annotations again.") from error
    if not isinstance(data, dict):
        raise DataError(f"{file} is not COCO JSON; it needs images, annotations and categories.")
    return data


def _build(file: Path, data: dict[str, Any], point_um: float, mpp: float, images: Path) -> CocoSet:
    categories = sorted(data["categories"], key=lambda category: category["id"])
    index = {category["id"]: position for position, category in enumerate(categories)}
    by_image: dict[int, list[dict[str, Any]]] = {}
    for annotation in data["annotations"]:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    if not data["images"]:
        raise DataError(f"{file} has no image; export the annotations again.")
    fields = tuple(
        _field(images, image, by_image.get(image["id"], []), index, point_um / float(image.get("mpp") or mpp))
        for image in data["images"]
    )
    missing = [field.name for field in fields if not field.path.is_file()]
    if missing:
        raise DataError(
            f"{file} names {len(missing)} images that are not there, the first {missing[0]};"
            " put them beside the file or correct their names."
        )
    info = data.get("info") or {}
    licence = "; ".join(str(entry.get("name", "")) for entry in data.get("licenses") or [])
    return CocoSet(
        name=file.parent.name,
        classes=tuple(str(category["name"]) for category in categories),
        fields=fields,
        licence=licence or str(info.get("licence", "")),
        source=str(info.get("source", "")),
    )


def _choose(file: Path, data: dict[str, Any], split: str | None, half: str | None) -> dict[str, Any]:
    """Keep the images of a split and of a half."""
    for key, plural, wanted in (("split", "splits", split), ("half", "halves", half)):
        if wanted is None:
            continue
        chosen = [image for image in data["images"] if image.get(key) == wanted]
        if not chosen:
            there = sorted({str(image.get(key)) for image in data["images"]})
            raise DataError(f"{file} has no image of {key} '{wanted}'; its {plural} are {', '.join(there)}.")
        data = {**data, "images": chosen}
    return data


def _field(
    folder: Path, image: dict[str, Any], annotations: list[dict[str, Any]], index: dict[int, int], side: float
) -> Field:
    corners = _corners(annotations, side)
    crowd = np.array([bool(a.get("iscrowd", 0)) for a in annotations], bool)
    labels = np.array([index[a["category_id"]] for a in annotations], np.int64)
    # boxes of one pixel are defects of some public sets and would divide by nothing
    real = (corners[:, 2:] - corners[:, :2] > 1).all(axis=1)
    mpp = image.get("mpp")
    return Field(
        path=folder / str(image["file_name"]),
        name=str(image["file_name"]),
        height=int(image["height"]),
        width=int(image["width"]),
        mpp=None if mpp is None else float(mpp),
        boxes=corners[real & ~crowd],
        labels=labels[real & ~crowd],
        ignored=corners[real & crowd],
        slide=str(image.get("slide", "")),
        corrected=_corners([{"bbox": box} for box in image.get("corrected", [])], side),
        level0=_level0(image),
    )


def _level0(image: dict[str, Any]) -> tuple[float, float, float, float] | None:
    if "level0" not in image:
        return None
    x0, y0, x1, y1 = image["level0"]
    return float(x0), float(y0), float(x1), float(y1)


def _corners(annotations: list[dict[str, Any]], side: float) -> npt.NDArray[np.float32]:
    """Return the boxes of annotations as x0, y0, x1, y1, ``(n, 4)``."""
    corners = np.array([_bbox(a, side) for a in annotations], np.float32).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    return corners


def _bbox(annotation: dict[str, Any], side: float) -> list[float]:
    """Return an annotation's x, y, width and height; around its point where it has no more."""
    if "bbox" not in annotation and "point" in annotation:
        x, y = annotation["point"]
        return [x - side / 2, y - side / 2, side, side]
    box: list[float] = annotation["bbox"]
    return box
