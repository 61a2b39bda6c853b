"""Patches of a domain, at the µm/px of the recipe, each with the white point of its field or slide."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.errors import DataError
from cytoshift.slides import open_slide
from cytoshift.stain.colours import white_point
from cytoshift.training import domains
from cytoshift.training.coco import CocoSet, Field
from cytoshift.training.domain_files import DomainFields, DomainFile, list_files, read_pictures

RGB = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
UNKNOWN = -1


@dataclass(frozen=True)
class DomainImages:
    """The fields of a domain, or parts of its slides, in memory.

    Parameters
    ----------
    images : list of ndarray of uint8, shape (y, x, 3)
    whites : ndarray of float32, shape (fields, 3)
        Colour of each field's glass, 0 to 1.
    cells : ndarray of int64, shape (cells, 3)
        Field, y and x of the centre of each labelled cell, in pixels of ``images``.
    labels : ndarray of int64, shape (cells,)
        Index into ``classes``.
    data : CocoSet
        Of slides the name alone.
    tissue : sequence of ndarray of bool, shape (y, x)
        Where each part of a slide shows tissue; empty of fields.
    notes : tuple of str
        What a person should know of how slides were read.
    """

    images: list[RGB]
    whites: Float32
    cells: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    data: CocoSet
    tissue: Sequence[npt.NDArray[np.bool_]] = ()
    notes: tuple[str, ...] = ()

    def abnormal(self, normal: tuple[str, ...]) -> npt.NDArray[np.int64]:
        """Return 1 for every cell whose class is not among the normal ones, else 0."""
        table = np.array([name not in normal for name in self.data.classes], np.int64)
        return table[self.labels]


def read_domain(fields: DomainFields, mpp: float, size: int) -> DomainImages:
    """Read the fields of a domain whole, with their cells; where it has whole slides, parts that show tissue.

    Parameters
    ----------
    fields : DomainFields
    mpp : float
        µm/px of the images returned.
    size : int
        Side of the patches in pixels; parts of slides are twice as large.

    Raises
    ------
    DataError
        There are none, or too little tissue.
    SlideError
        A slide cannot be read, or does not say its µm/px.
    """
    if all(file.pixels for file in list_files(fields).files):
        return domain_images(read_pictures(fields), mpp, fields.mpp)
    read = domains.read_domain(fields, mpp, size)
    white = {number: _white(read.files.files[number]) for number in set(read.origins)}
    whites = np.array([white[number] for number in read.origins], np.float32)
    cells, labels = np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
    return DomainImages(read.images, whites, cells, labels, CocoSet(read.name, (), ()), read.tissue, read.notes)


def _white(file: DomainFile) -> tuple[float, float, float]:
    with closing(file.open()) as slide:
        red, green, blue = white_point(slide)
    return (red / 255, green / 255, blue / 255)


def domain_images(data: CocoSet, mpp: float, nominal: float) -> DomainImages:
    """Read the fields of a data set at a µm/px; ``nominal`` is theirs where they say nothing of it."""
    images, whites, cells = [], [], [np.zeros((0, 3), np.int64)]
    for index, field in enumerate(data.fields):
        zoom = mpp / (field.mpp or nominal)
        images.append(resized(field.read(), zoom))
        whites.append(field_white(field))
        centres = (field.boxes[:, [1, 0]] + field.boxes[:, [3, 2]]) / 2 / zoom
        cells.append(np.column_stack([np.full(len(centres), index), centres.round()]).astype(np.int64))
    labels = np.concatenate([np.zeros(0, np.int64), *(field.labels for field in data.fields)])
    return DomainImages(images, np.array(whites, np.float32), np.concatenate(cells), labels, data)


def resized(image: RGB, zoom: float) -> RGB:
    """Shrink an image ``zoom`` times with the triangle filter that the engine uses between levels."""
    if zoom == 1:
        return image
    size = (max(1, round(image.shape[1] / zoom)), max(1, round(image.shape[0] / zoom)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def field_white(field: Field) -> tuple[float, float, float]:
    """Return the colour of a field's glass, 0 to 1."""
    red, green, blue = white_point(open_slide(field.path))
    return (red / 255, green / 255, blue / 255)


def cut(image: RGB, y: int, x: int, size: int) -> RGB:
    """Cut a square around a point; what lies outside the image is its mirror image, so that no border shows."""
    half = size // 2
    rows = _mirrored(np.arange(y - half, y - half + size), image.shape[0])
    columns = _mirrored(np.arange(x - half, x - half + size), image.shape[1])
    return image[rows[:, None], columns]


def _mirrored(places: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    period = 2 * length
    folded = places % period
    return np.where(folded < length, folded, period - 1 - folded)


def turned(rng: np.random.Generator, patch: RGB) -> RGB:
    """Turn a patch by a random number of quarter turns, and flip every second one."""
    patch = np.rot90(patch, int(rng.integers(4)))
    return patch[:, ::-1] if rng.integers(2) else patch


def draw_around_cell(
    rng: np.random.Generator, domain: DomainImages, abnormal: npt.NDArray[np.int64], size: int
) -> tuple[RGB, int, int]:
    """Draw a patch around a labelled cell, normal or abnormal with equal chance; returns it, its field and label."""
    wanted = int(rng.integers(2))
    chosen = np.flatnonzero(abnormal == wanted)
    if not len(chosen):
        kind = "abnormal" if wanted else "normal"
        raise DataError(
            f"{domain.data.name} has no {kind} cell; annotate some, correct task_network.normal, or set "
            "patches.around_cells to 0 and leave out the task stage."
        )
    field, y, x = domain.cells[rng.choice(chosen)].tolist()
    return turned(rng, cut(domain.images[field], y, x, size)), field, wanted


def draw_anywhere(rng: np.random.Generator, domain: DomainImages, size: int) -> tuple[RGB, int]:
    """Draw a patch from anywhere in a field, or on tissue of a slide's parts; returns it and its field."""
    if domain.tissue:
        field, top, left = domains.draw_on_tissue(rng, domain.tissue, size)
        return turned(rng, domain.images[field][top : top + size, left : left + size]), field
    field = int(rng.integers(len(domain.images)))
    height, width = domain.images[field].shape[:2]
    y, x = (int(rng.integers(min(size // 2, n // 2), max(n - size // 2, n // 2) + 1)) for n in (height, width))
    return turned(rng, cut(domain.images[field], y, x, size)), field
