"""Patches with a mitosis in their middle as fields that a detector learns from: mosaics of patches of one slide.

A detector looks at more than one patch at a time, so patches of a slide are laid side by side, each turned and
mirrored at random. Where two of them meet, cells are cut that no slide has; a strip along every such border is
ignored. The rest of a patch is known: other rows of the table that lie within it are mitoses, too, and whatever else
there is is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.durable import new_folder
from cytoshift.errors import Cancelled, DataError
from cytoshift.mitosis.patches import PatchSet
from cytoshift.training.augmentation import Crop, crop_boxes
from cytoshift.training.coco import CocoSet, read_coco
from cytoshift.training.midog import LOOK_ALIKE, MITOSIS

if TYPE_CHECKING:
    from cytoshift.training.loop import Control, Emit

RGB = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]

SIDE = 5
"""Patches along each side of a mosaic: 640 px of 128, room for a view of 256 px at twice the µm/px to move in."""

ROUNDS = 2
"""Times that each patch is laid at least."""

BOX_UM = 12.5
"""Side of the box around a mitosis: the 50 px at 0.25 µm/px that MIDOG draws."""

CUT_UM = 5.0
"""A cell whose centre is nearer to a border may be cut by it: about the radius of a large nucleus."""


@dataclass(frozen=True, slots=True)
class Mosaic:
    """A field made of patches: pixels, mitoses, and boxes of which nothing is said; all in pixels of the patches."""

    slide: str
    pixels: RGB
    boxes: Boxes
    ignored: Boxes


def mosaic_fields(
    patches: PatchSet,
    folder: Path,
    *,
    mpp: float,
    box_um: float = BOX_UM,
    seed: int = 0,
    emit: Emit | None = None,
    control: Control | None = None,
) -> CocoSet:
    """Write mosaics of a set of patches as COCO fields and read them; what is there already is only read.

    Parameters
    ----------
    patches : PatchSet
        With a mitosis in the middle of each; all the patches of the slides they are of.
    folder : Path
        To be made; belongs to one set and seed.
    mpp : float
        µm/px of the patches.
    box_um : float
        Side in µm of the box around a mitosis.
    seed : int
        Of the order and the turns of the patches.
    emit, control : optional
        See `cytoshift.training.fit`.

    Returns
    -------
    CocoSet
        With the classes `MITOSIS` and `LOOK_ALIKE`, none of which is known yet.

    Raises
    ------
    DataError
        A patch cannot be read or is smaller than a box.
    Cancelled
        On request; nothing is left behind.
    """
    if not folder.is_dir():
        if emit is not None:
            emit({"kind": "note", "text": f"laying {len(patches)} patches side by side"})
        with new_folder(folder) as partial:
            _write(partial, patches, box_um, mpp, seed, control)
    fields = read_coco(folder)
    return CocoSet(patches.name, fields.classes, fields.fields, patches.licence, patches.source)


def lay_mosaics(patches: PatchSet, *, box: float, cut: float, seed: int) -> Iterator[Mosaic]:
    """Yield mosaics, slide by slide; every patch is in `ROUNDS` of them at least.

    Parameters
    ----------
    patches : PatchSet
    box : float
        Side of a mitosis' box in pixels.
    cut : float
        Pixels from a border within which cells may be cut.
    seed : int
    """
    slides = np.array(patches.slides)
    for number, slide in enumerate(sorted(set(patches.slides))):
        rng = np.random.default_rng((seed, number))
        own = np.flatnonzero(slides == slide)
        count = -(-ROUNDS * len(own) // SIDE**2)
        order = np.concatenate([rng.permutation(own) for _ in range(-(-count * SIDE**2 // len(own)))])
        for turn in range(count):
            yield _lay(patches, slide, order[turn * SIDE**2 :][: SIDE**2], box, cut, rng)


def _lay(
    patches: PatchSet,
    slide: str,
    chosen: npt.NDArray[np.int64],
    box: float,
    cut: float,
    rng: np.random.Generator,
) -> Mosaic:
    rows, boxes, ignored = [], [], []
    for row in range(SIDE):
        images = []
        for column in range(SIDE):
            index = int(chosen[row * SIDE + column])
            turns, flip = int(rng.integers(4)), bool(rng.integers(2))
            image, own, unsure = _turned(patches, index, box, turns, flip)
            corner = np.array([column, row, column, row], np.float32) * len(image)
            images.append(image)
            boxes.append(own + corner)
            ignored.append(unsure + corner)
        rows.append(np.concatenate(images, axis=1))
    pixels = np.concatenate(rows)
    strips = inner_borders(len(pixels), cut)
    return Mosaic(slide, pixels, np.concatenate(boxes), np.concatenate([*ignored, strips]))


def _turned(patches: PatchSet, index: int, box: float, turns: int, flip: bool) -> tuple[RGB, Boxes, Boxes]:
    """Return a patch turned and mirrored, its mitoses, and boxes of mitoses that its border cuts."""
    image = patches.read(index)
    side = len(image)
    if side < box:
        raise DataError(
            f"{patches.files[index].name} is {side} px wide, less than the box of {box:g} px around a mitosis; give the"
            " µm/px of the patches as data.mpp, or a smaller data.point_um."
        )
    there = mitoses_within(patches, index, side, box)
    turned, _ = crop_boxes(there, Crop(0, 0, side, turns, flip), side)
    whole = ((there >= 0) & (there <= side)).all(axis=1)
    seen = image[:, ::-1] if flip else image
    return np.rot90(seen, turns), turned[whole], turned[~whole]


def mitoses_within(patches: PatchSet, index: int, side: int, box: float) -> Boxes:
    """Return the boxes of all mitoses of a slide that touch one of its patches, in the patch's pixels."""
    centres = np.full((1, 2), side / 2)
    same = np.char.equal(np.array(patches.slides), patches.slides[index])
    others = np.flatnonzero(same & (np.arange(len(patches)) != index))
    apart = patches.points[others] - patches.points[index]
    near = (np.abs(apart) < (side + box) / 2).all(axis=1)  # False where a place is not known
    centres = np.concatenate([centres, side / 2 + apart[near]])
    return np.concatenate([centres - box / 2, centres + box / 2], axis=1).astype(np.float32)


def inner_borders(width: int, cut: float) -> Boxes:
    """Return the strips along the inner borders of a mosaic of a width, ``(2 (SIDE - 1), 4)``."""
    at = np.arange(1, SIDE) * (width / SIDE)
    low, high, none, all_of_it = at - cut, at + cut, np.zeros(len(at)), np.full(len(at), width)
    columns, rows = np.stack([low, none, high, all_of_it], 1), np.stack([none, low, all_of_it, high], 1)
    return np.concatenate([columns, rows]).astype(np.float32)


def _write(folder: Path, patches: PatchSet, box_um: float, mpp: float, seed: int, control: Control | None) -> None:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, mosaic in enumerate(lay_mosaics(patches, box=box_um / mpp, cut=CUT_UM / mpp, seed=seed)):
        if control is not None and control.state() == "cancel":
            raise Cancelled("The training was cancelled; nothing of it is kept.")
        name = f"{number:05d}.png"
        Image.fromarray(mosaic.pixels).save(folder / name, "PNG", compress_level=1)
        height, width = mosaic.pixels.shape[:2]
        about = {"id": number, "file_name": name, "height": height, "width": width, "mpp": mpp}
        images.append(about | {"slide": mosaic.slide})
        for boxes, crowd in ((mosaic.boxes, 0), (mosaic.ignored, 1)):
            for x0, y0, x1, y1 in boxes.tolist():
                own = {"id": len(annotations), "image_id": number, "category_id": 1, "iscrowd": crowd}
                annotations.append(own | {"bbox": [x0, y0, x1 - x0, y1 - y0]})
    categories = [{"id": 1, "name": MITOSIS}, {"id": 2, "name": LOOK_ALIKE}]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (folder / "annotations.json").write_text(text, encoding="utf-8")
