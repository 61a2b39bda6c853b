"""Parts of whole slides that show tissue, spread evenly over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cytoshift.engine.view import View
from cytoshift.slides.tissue import Tissue

RGB = npt.NDArray[np.uint8]

COVERED = 0.25
"""Share of tissue that a part should have; where no part has so much, half of what the best one has."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a slide: the number of its file, and where it lies in pixels of the raster."""

    file: int
    y: int
    x: int
    height: int
    width: int

    def read(self, view: View) -> RGB:
        """Read it, uint8 ``(height, width, 3)``."""
        return view.read(self.y, self.x, self.height, self.width)


def places_on_tissue(file: int, view: View, tissue: Tissue, side: int) -> list[Place]:
    """Return the parts of a slide that show tissue, in row order, side by side; those at the far edges overlap.

    Parameters
    ----------
    file : int
        What the places are to call the slide.
    view : View
        The slide at the µm/px of the parts.
    tissue : Tissue
    side : int
        Side in pixels of the raster; less where the slide itself is smaller.
    """
    height, width = min(side, view.level.height), min(side, view.level.width)
    columns = _starts(width, view.level.width)
    places = [Place(file, y, x, height, width) for y in _starts(height, view.level.height) for x in columns]
    boxes = view.level0([(place.x, place.y, place.x + width, place.y + height) for place in places])
    covered = np.array([tissue.covered(*box) for box in boxes.tolist()])
    return [places[k] for k in np.flatnonzero((covered > 0) & (covered >= min(COVERED, covered.max() / 2)))]


def spread(places: Sequence[Place], most: int, rng: np.random.Generator) -> list[Place]:
    """Choose so many places at most, evenly: one at random out of each of equal stretches."""
    if len(places) <= most:
        return list(places)
    ends = np.linspace(0, len(places), most + 1).astype(int).tolist()
    return [places[int(rng.integers(low, high))] for low, high in pairwise(ends)]


def tissue_at(view: View, tissue: Tissue, place: Place) -> npt.NDArray[np.bool_]:
    """Return where a part shows tissue, ``(height, width)``: the slide's mask at the pixels of the raster."""
    down, mask = view.level.downsample_yx, tissue.mask
    starts, sizes = (place.y, place.x), (place.height, place.width)
    rows, columns = (
        np.minimum((start + np.arange(size) + 0.5) * step / coarse, limit - 1).astype(int)
        for start, size, step, coarse, limit in zip(starts, sizes, down, tissue.downsample_yx, mask.shape, strict=True)
    )
    there: npt.NDArray[np.bool_] = mask[rows[:, None], columns]
    return there


def _starts(side: int, limit: int) -> list[int]:
    """Return where parts begin along one axis; the last one ends with the raster."""
    return sorted({min(start, limit - side) for start in range(0, limit, side)})
