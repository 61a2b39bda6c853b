"""What of a slide has been looked at, and how closely: a grid of fields that keeps the highest magnification of each.

Not an event and nothing to undo: a view that rested is marked, marks are merged by maximum, and losing the last of them
costs a second look, never a correction.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cytoshift.slides.coordinates import mpp_from_objective

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from cytoshift.study.store import Study

FIELD_UM = 50.0
"""Side of a field in µm: a 40× view of a small window still holds several."""

FIELD_PX = 200.0
"""Side in level-0 pixels where nobody knows µm/px: 50 µm of a 40× scan."""

SCREENED = 10.0
"""Magnification from which single cells are told from one another, and a field counts as screened."""

OVERVIEW = 2.5
"""Magnification below which nothing counts as looked at: the slide as a whole is on the screen."""

_NEAR = 0.99  # of a magnification is that magnification: half precision and the mouse wheel hit it only nearly
_SLACK = 0.01  # of a field may be missing from a view that shows it
_MOST = 1000.0  # magnification

Box = tuple[float, float, float, float]


class Look(IntEnum):
    """How closely a field was looked at: not, below the magnification to screen at, or at it and above."""

    GLASS = 0
    UNSEEN = 1
    BELOW = 2
    SCREENED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """What one reader has seen of one slide. Get one with `Coverage.of` or `Study.coverage`; it is never changed.

    Parameters
    ----------
    width, height : int
        Of the slide, in level-0 pixels.
    field : float
        Side of a field in level-0 pixels; row r, column c begins at ``(c * field, r * field)``.
    mpp : float
        µm/px by which magnifications are reckoned; of the scan's objective, or of 40×, where nobody knows it.
    tissue : ndarray of uint8, shape (rows, columns)
        Tissue in each field, 255 for a full one, at least 1 where there is any.
    seen : ndarray of float16, shape (rows, columns)
        Highest magnification at which a field was seen as a whole; 0 for never.
    """

    width: int
    height: int
    field: float
    mpp: float
    tissue: npt.NDArray[np.uint8]
    seen: npt.NDArray[np.float16]

    @classmethod
    def of(cls, slide: Slide) -> Coverage:
        """Return the coverage of a slide that nobody has looked at; finds its tissue, which may read the slide.

        Raises
        ------
        SlideError
            When the slide cannot be read.
        """
        from cytoshift.slides.tissue import find_tissue

        level = slide.levels[0]
        field = FIELD_PX if slide.mpp is None else FIELD_UM / slide.mpp
        xs, ys = (
            np.minimum(np.arange(fields_along(side, field) + 1) * field, side) for side in (level.width, level.height)
        )
        areas = find_tissue(slide).areas(xs, ys) / field**2
        tissue = np.ceil(np.clip(areas, 0, 1) * 255 - 1e-6).astype(np.uint8)
        return cls(level.width, level.height, field, nominal_mpp(slide), tissue, np.zeros(tissue.shape, np.float16))

    def marked(self, view: Box, magnification: float) -> Coverage:
        """Return the coverage after a view has rested: fields count that lie in it as a whole.

        Parameters
        ----------
        view : tuple of float
            x0, y0, x1, y1 in level-0 pixels; may reach beyond the slide.
        magnification : float
            At which it was shown.
        """
        rows, columns = self.seen.shape
        left, right = _whole_fields(view[0], view[2], self.width, self.field, columns)
        top, bottom = _whole_fields(view[1], view[3], self.height, self.field, rows)
        seen = self.seen.copy()
        part = seen[top:bottom, left:right]
        np.maximum(part, np.float16(min(magnification, _MOST)), out=part)
        return replace(self, seen=seen)

    def merged(self, other: Coverage) -> Coverage:
        """Return what was seen in either of two coverages of a slide; ValueError where their grids differ."""
        if (self.field, self.seen.shape) != (other.field, other.seen.shape):
            raise ValueError("these are coverages of different grids")
        return replace(self, seen=np.maximum(self.seen, other.at_mpp(self.mpp).seen))

    def at_mpp(self, mpp: float) -> Coverage:
        """Return the coverage with the µm/px that a person has set since: what was seen is as large on the screen."""
        if mpp == self.mpp:
            return self
        seen = np.minimum(self.seen.astype(np.float32) * (self.mpp / mpp), _MOST)
        return replace(self, mpp=mpp, seen=seen.astype(np.float16))

    def seen_at(self, magnification: float) -> npt.NDArray[np.bool_]:
        """Return which fields were seen at a magnification or above, ``(rows, columns)``."""
        return np.asarray(self.seen >= magnification * _NEAR)

    def unseen(self, magnification: float = SCREENED) -> npt.NDArray[np.bool_]:
        """Return which fields with tissue were not seen at a magnification or above, ``(rows, columns)``."""
        return np.asarray((self.tissue > 0) & ~self.seen_at(magnification))

    def share(self, magnification: float = SCREENED) -> float | None:
        """Return the share of the tissue that was seen at a magnification or above, 0 to 1; None without tissue."""
        tissue = int(self.tissue.sum(dtype=np.int64))
        if not tissue:
            return None
        return int(self.tissue[self.seen_at(magnification)].sum(dtype=np.int64)) / tissue

    def looks(self, magnification: float = SCREENED) -> npt.NDArray[np.uint8]:
        """Return a map for drawing, ``(rows, columns)`` of `Look`; `Look.SCREENED` is seen at the magnification."""
        looks = np.where(self.seen_at(OVERVIEW), np.uint8(Look.BELOW), np.uint8(Look.UNSEEN))
        looks[self.seen_at(magnification)] = Look.SCREENED
        looks[self.tissue == 0] = Look.GLASS
        return looks

    def row(self) -> tuple[int, int, float, float, bytes, bytes]:
        """Return the columns of the study's table: width, height, field, mpp, tissue, seen."""
        tissue, seen = self.tissue.tobytes(), self.seen.astype("<f2").tobytes()
        return self.width, self.height, self.field, self.mpp, zlib.compress(tissue, 1), zlib.compress(seen, 1)

    @classmethod
    def from_row(cls, row: tuple[int, int, float, float, bytes, bytes]) -> Coverage:
        """Read what `row` returned; ValueError where it is not whole."""
        width, height, field, mpp, tissue, seen = row
        shape = fields_along(height, field), fields_along(width, field)
        try:
            return cls(
                width,
                height,
                field,
                mpp,
                np.frombuffer(zlib.decompress(tissue), np.uint8).reshape(shape),
                np.frombuffer(zlib.decompress(seen), "<f2").astype(np.float16).reshape(shape),
            )
        except zlib.error as error:
            raise ValueError(str(error)) from error


def coverage_share(study: Study, slide: str, at: float = SCREENED) -> float | None:
    """Return which share of a slide's tissue the study's reader has seen at a magnification or above.

    Parameters
    ----------
    study : Study
    slide : str
        Identity; the slide itself need not be there.
    at : float
        Magnification.

    Returns
    -------
    float or None
        0 to 1; None where nobody has looked at the slide in this study, or no tissue was found on it.
    """
    coverage = study.coverage(slide)
    return None if coverage is None else coverage.share(at)


def share_words(share: float) -> str:
    """Return a share in percent, rounded down: 100 % is all of it."""
    return f"{math.floor(share * 100 + 1e-9)} %"


def nominal_mpp(slide: Slide) -> float:
    """Return the µm/px of a slide; of its objective, or of 40×, where nobody knows."""
    return slide.mpp or mpp_from_objective(slide.info.objective or 40.0)


def fields_along(side: int, field: float) -> int:
    """Return how many fields it takes to cover a side of a slide, both in level-0 pixels."""
    return max(1, math.ceil(side / field - 1e-9))


def _whole_fields(low: float, high: float, side: int, field: float, fields: int) -> tuple[int, int]:
    """Return the first of the fields that lie between two coordinates as a whole, and the one after the last."""
    first = min(max(math.ceil(low / field - _SLACK), 0), fields)
    after = fields if high >= side - _SLACK * field else min(max(math.floor(high / field + _SLACK), 0), fields)
    return first, max(first, after)
