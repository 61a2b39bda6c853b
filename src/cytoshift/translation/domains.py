"""What a translator learns from: the fields of a laboratory in memory, at one µm/px, and crops of their tissue."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from cytoshift.engine.operator import Needs
from cytoshift.engine.view import View
from cytoshift.errors import DataError
from cytoshift.slides import open_slide
from cytoshift.slides.slide import Slide
from cytoshift.slides.tissue import tissue_mask
from cytoshift.training.coco import read_fields

RGB = npt.NDArray[np.uint8]

TRIES = 8
"""Crops that are looked at for one with tissue."""

ENOUGH = 0.25
"""Share of a crop that is tissue, from which it is taken."""


class DomainFields(BaseModel):
    """The fields of one domain; ``mpp`` is the µm/px of images that say nothing of it themselves."""

    model_config = ConfigDict(extra="forbid")

    path: str = ""
    slides: tuple[str, ...] = ()
    split: str | None = None
    half: str | None = None
    where: dict[str, str] = {}
    mpp: float = Field(0.25, gt=0)


@dataclass(frozen=True)
class Domain:
    """The fields of a domain in memory.

    Parameters
    ----------
    name : str
    images : list of ndarray of uint8, shape (y, x, 3)
    tissue : list of ndarray of bool, shape (y, x)
        Where each image shows tissue.
    """

    name: str
    images: list[RGB]
    tissue: list[npt.NDArray[np.bool_]]

    def draw(self, rng: np.random.Generator, size: int) -> RGB:
        """Draw a crop on tissue, turned and flipped at random; the best of a few where there is little."""
        best, share = self.images[0][:size, :size], -1.0
        for _ in range(TRIES):
            place = int(rng.integers(len(self.images)))
            image = self.images[place]
            y, x = (int(rng.integers(n - size + 1)) for n in image.shape[:2])
            found = float(self.tissue[place][y : y + size, x : x + size].mean())
            if found > share:
                best, share = image[y : y + size, x : x + size], found
            if share >= ENOUGH:
                break
        turned = np.rot90(best, int(rng.integers(4)))
        return np.ascontiguousarray(turned[:, ::-1] if rng.integers(2) else turned)


def read_domain(fields: DomainFields, mpp: float, size: int) -> Domain:
    """Read the fields of a domain at a µm/px, resampled as the engine does; DataError where there are none.

    Parameters
    ----------
    fields : DomainFields
    mpp : float
        µm/px of the images returned.
    size : int
        Side in pixels of the crops; smaller fields are left out.
    """
    data = read_fields(fields.path, fields.split, fields.half)
    images, tissue = [], []
    for field in data.fields:
        with closing(open_slide(field.path)) as slide:
            known = field.mpp or fields.mpp
            image = _whole(slide.calibrated((known, known)), mpp)
        if min(image.shape[:2]) >= size:
            images.append(image)
            tissue.append(tissue_mask(image, mpp))
    if not images:
        raise DataError(f"No field of {data.name} is as large as a crop of {size} px; choose a smaller crop.")
    return Domain(data.name, images, tissue)


def _whole(slide: Slide, mpp: float) -> RGB:
    view = View.of(slide, Needs(mpp=mpp))
    return view.read(0, 0, view.level.height, view.level.width)
