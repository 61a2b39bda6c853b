"""Patches with a mitosis in their middle as fields that a detector learns from: mosaics of pieces of one slide.

A detector looks at more than one patch at a time, so patches of a slide are laid side by side, each turned and
mirrored at random. Were they laid whole, every mitosis would stand in the middle between four borders, and borders are
easier to learn than mitoses: a detector taught so finds all of them in mosaics and nothing on a slide. So pieces of
random size from random places of the patches are laid. A mitosis that a piece cuts is ignored, as is a thin strip along
every border. The rest is known: other rows of the table that lie within a patch are mitoses, too, and whatever else
there is is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.durable import new_folder
from cytoshift.errors import DataError
from cytoshift.mitosis.patches import PatchSet
from cytoshift.training.augmentation import Crop, crop_boxes
from cytoshift.training.coco import CocoSet, read_coco
from cytoshift.training.midog import LOOK_ALIKE, MITOSIS
from cytoshift.training.wishes import heed

if TYPE_CHECKING:
    from cytoshift.training.loop import Control, Emit

RGB = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]

SIDE = 5
"""Whole patches that would fit along each side of a mosaic: 640 px of 128, so that a view of 256 px at twice the µm/px
has room to move in."""

ROUNDS = 2
"""Times that each patch is laid at least."""

BOX_UM = 12.5
"""Side of the box around a mitosis: the 50 px at 0.25 µm/px that MIDOG draws."""

LEAST = 0.45
"""Shortest side of a piece, as a share of the patch's: the longest is all of it."""

CUT_UM = 2.0
"""Nearer to a border than this there is mostly border to see."""


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
    Cancelled, Paused
        On request; nothing is left behind.
    """
    if not folder.is_dir():
        if emit is not None:
            emit({"kind": "note", "text": f"laying {len(patches)} patches side by side"})
        with new_folder(folder) as partial:
            mosaics = lay_mosaics(patches, box=box_um / mpp, cut=CUT_UM / mpp, seed=seed)
            write_mosaics(partial, mosaics, mpp=mpp, control=control)
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
        order = _forever(rng, own)
        for _ in range(-(-ROUNDS * len(own) // SIDE**2)):  # a mosaic takes this many pieces, and mostly twice as many
            yield _lay(patches, slide, order, box, cut, rng)


def _forever(rng: np.random.Generator, indices: npt.NDArray[np.int64]) -> Iterator[int]:
    """Yield indices in one random order after the other."""
    while True:
        yield from rng.permutation(indices).tolist()


def _lay(
    patches: PatchSet, slide: str, order: Iterator[int], box: float, cut: float, rng: np.random.Generator
) -> Mosaic:
    """Fill rows of random height with pieces of random width."""
    first = next(order)
    side = len(patches.read(first))
    order = chain([first], order)
    width = SIDE * side
    pixels = np.empty((width, width, 3), np.uint8)
    boxes, ignored = [np.zeros((0, 4), np.float32)], [np.zeros((0, 4), np.float32)]
    for y0, y1 in _stretches(rng, width, side):
        for x0, x1 in _stretches(rng, width, side):
            turned = turned_patch(patches, next(order), box, int(rng.integers(4)), bool(rng.integers(2)))
            piece = _piece(turned, int(rng.integers(side - (x1 - x0) + 1)), int(rng.integers(side - (y1 - y0) + 1)))
            own, unsure = piece.within(x1 - x0, y1 - y0)
            pixels[y0:y1, x0:x1] = piece.pixels[: y1 - y0, : x1 - x0]
            corner = np.array([x0, y0, x0, y0], np.float32)
            boxes.append(own + corner)
            ignored += [unsure + corner, _strips(x0, y0, x1, y1, cut)]
    return Mosaic(slide, pixels, np.concatenate(boxes), np.concatenate(ignored))


def _stretches(rng: np.random.Generator, total: int, most: int) -> list[tuple[int, int]]:
    """Cut a length into stretches of `LEAST` to all of a patch's side."""
    least, ends = int(np.ceil(LEAST * most)), [0]
    while total - ends[-1] > most:
        left = total - ends[-1]
        ends.append(ends[-1] + int(rng.integers(least, min(most, left - least) + 1)))
    return list(pairwise([*ends, total]))


@dataclass(frozen=True, slots=True)
class Turned:
    """A patch turned and mirrored, or what is left of it: pixels, its mitoses, and those that its border cuts."""

    pixels: RGB
    boxes: Boxes
    cut: Boxes

    def within(self, width: int, height: int) -> tuple[Boxes, Boxes]:
        """Return the mitoses that lie in its upper left part, and those that reach into it, cut to it."""
        size = np.array([width, height, width, height], np.float32)
        whole = ((self.boxes >= 0) & (self.boxes <= size)).all(axis=1)
        rest = np.clip(np.concatenate([self.boxes[~whole], self.cut]), 0, size)
        return self.boxes[whole], rest[(rest[:, 2:] > rest[:, :2]).all(axis=1)]


def turned_patch(patches: PatchSet, index: int, box: float, turns: int, flip: bool) -> Turned:
    """Return a patch mirrored, where it is to be, and then turned by quarters, with the mitoses in it.

    Raises
    ------
    DataError
        It cannot be read or is smaller than a box.
    """
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
    return Turned(np.rot90(seen, turns), turned[whole], turned[~whole])


def _piece(turned: Turned, x: int, y: int) -> Turned:
    """Return what is right of and below a corner."""
    corner = np.array([x, y, x, y], np.float32)
    return Turned(turned.pixels[y:, x:], turned.boxes - corner, turned.cut - corner)


def _strips(x0: int, y0: int, x1: int, y1: int, cut: float) -> Boxes:
    """Return the strips along the left and the upper border of a piece, without the mosaic's own edges."""
    left, upper = (x0 - cut, y0, x0 + cut, y1), (x0, y0 - cut, x1, y0 + cut)
    return np.array([strip for strip, at in ((left, x0), (upper, y0)) if at], np.float32).reshape(-1, 4)


def mitoses_within(patches: PatchSet, index: int, side: int, box: float) -> Boxes:
    """Return the boxes of all mitoses of a slide that touch one of its patches, in the patch's pixels."""
    centres = np.full((1, 2), side / 2)
    same = np.char.equal(np.array(patches.slides), patches.slides[index])
    others = np.flatnonzero(same & (np.arange(len(patches)) != index))
    apart = patches.points[others] - patches.points[index]
    near = (np.abs(apart) < (side + box) / 2).all(axis=1)  # False where a place is not known
    centres = np.concatenate([centres, side / 2 + apart[near]])
    return np.concatenate([centres - box / 2, centres + box / 2], axis=1).astype(np.float32)


def write_mosaics(folder: Path, mosaics: Iterable[Mosaic], *, mpp: float, control: Control | None = None) -> None:
    """Write fields made of patches as pictures and COCO's JSON; Cancelled or Paused on request.

    Parameters
    ----------
    folder : Path
        Is there, and empty.
    mosaics : iterable of Mosaic
    mpp : float
        µm/px of the patches.
    control : Control, optional
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, mosaic in enumerate(mosaics):
        if control is not None:
            heed(control.state())
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
