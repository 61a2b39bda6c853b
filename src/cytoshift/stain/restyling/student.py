"""A colour map that looks like a restyling network on one slide: what is shown until the network's own tiles come.

The network looks at a few small windows of the slide; a lattice is fitted to what it makes of their colours. The
student knows nothing of shapes, so it is approximate; `Student.error` says by how much.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cytoshift.engine.findings import Box
from cytoshift.engine.operator import ImageOperator, Needs
from cytoshift.engine.view import View
from cytoshift.slides.coordinates import level_from_level0
from cytoshift.slides.slide import Slide
from cytoshift.slides.tissue import find_tissue
from cytoshift.stain.restyling.lattice import Float64, Packed, apply_lattice, fit_lattice, pack

RGB = npt.NDArray[np.uint8]

SIDE = 256
"""Side in pixels of the windows the teacher looks at, rounded up to its alignment."""

WINDOWS = 6
"""Windows the teacher looks at."""

IN_VIEW = 4
"""Of these, those that lie in the view, where there is one and as far as it has tissue."""

HELD_BACK = 3
"""Every third window is not fitted to, but measures the error."""

MARGIN = 32
"""Pixels at the edge of a window that are left out, since the teacher sees no more than the window."""


@dataclass(frozen=True, eq=False)
class Student(ImageOperator):
    """A colour map fitted to what another operator does to a slide. Get it with `fit_student`.

    Parameters
    ----------
    teacher : str
        Key of the operator it was fitted to.
    name : str
        Title of that operator.
    mpp : float or None
        µm/px that operator works at.
    lattice : ndarray of float64, shape (33, 33, 33, 3)
        The map, as `fit_lattice` returns it.
    error : float
        Mean absolute difference to the teacher in grey levels, on windows it was not fitted to.
    """

    teacher: str
    name: str
    mpp: float | None
    lattice: Float64 = field(repr=False)
    error: float

    @cached_property
    def key(self) -> str:
        """The teacher's key and a checksum of the fit."""
        return f"{self.teacher}|student-{hashlib.sha256(self._packed.tobytes()).hexdigest()[:16]}"

    @property
    def title(self) -> str:
        """The teacher's title, and that this is not quite it."""
        return f"{self.name}, approximate"

    @property
    def needs(self) -> Needs:
        """The teacher's µm/px, and no surroundings."""
        return Needs(mpp=self.mpp)

    @property
    def pointwise(self) -> bool:
        """True: every pixel depends on its own colour alone."""
        return True

    def apply(self, tiles: RGB) -> RGB:
        """Map tiles ``(batch, y, x, 3)`` to the same shape."""
        return apply_lattice(tiles, self._packed)

    @cached_property
    def _packed(self) -> Packed:
        return pack(self.lattice)


def fit_student(operator: ImageOperator, slide: Slide, *, box: Box | None = None) -> Student:
    """Fit a colour map to what an operator does to a slide; the same one every time.

    Parameters
    ----------
    operator : ImageOperator
        The teacher, prepared for the slide. It must take windows of any side that is a multiple of its alignment.
    slide : Slide
    box : tuple of float, optional
        The view, x0, y0, x1, y1 in level-0 pixels; most windows are taken from its tissue.

    Raises
    ------
    SlideError
        When the operator works at a given µm/px and the slide has none.
    """
    needs = operator.needs
    view = View.of(slide, needs)
    side = -(-SIDE // needs.alignment) * needs.alignment
    places = _places(view, slide, side, needs.alignment, box)
    before = np.stack([view.read(y, x, side, side) for y, x in places])
    inner = slice(MARGIN, side - MARGIN)
    after = operator.apply(before)[:, inner, inner]
    seen = before[:, inner, inner]
    held = np.arange(len(places)) % HELD_BACK == HELD_BACK - 1
    lattice = fit_lattice(seen[~held].reshape(-1, 3), after[~held].reshape(-1, 3))
    judged = held if held.any() else ~held
    guess = apply_lattice(seen[judged], pack(lattice))
    error = np.abs(guess.astype(np.int16) - after[judged]).mean(dtype=np.float64)
    return Student(operator.key, operator.title, needs.mpp, lattice, float(error))


def _places(view: View, slide: Slide, side: int, alignment: int, box: Box | None) -> list[tuple[int, int]]:
    """Return y and x of windows with tissue on the raster, first those in the box; the slide's middle without any.

    They lie within the slide where it is large enough: what is beyond it would have a part in a network's statistics.
    """
    tissue, level = find_tissue(slide), view.level
    last = np.maximum(np.array([level.height, level.width]) - side, 0) // alignment * alignment
    mask, coarse = tissue.mask, tissue.downsample_yx
    near = np.zeros_like(mask)
    if box is not None:
        x0, y0, x1, y1 = np.clip(level_from_level0(box, coarse), 0, np.tile(mask.shape[::-1], 2)).tolist()
        near[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
    middle = np.zeros_like(mask)
    middle[mask.shape[0] // 2, mask.shape[1] // 2] = True
    places: dict[tuple[int, int], None] = {}  # a set that keeps its order
    for wanted, most in ((mask & near, IN_VIEW), (mask, WINDOWS), (middle, 1)):
        points = np.flatnonzero(wanted)
        if len(points) and len(places) < most:
            # Evenly spread over the tissue; more than are needed, since some fall into the same window.
            chosen = points[np.linspace(0, len(points) - 1, 4 * most + 1)[1::2].astype(np.intp)]
            pixels = np.stack(np.unravel_index(_bisected(chosen), mask.shape), -1)
            found = ((pixels + 0.5) * coarse / view.level.downsample_yx // side * side).astype(int)
            for y, x in np.minimum(found, last).tolist():
                if len(places) < most:
                    places[y, x] = None
    return list(places)


def _bisected(points: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Reorder points so that the first few of them, however many, are spread over all."""
    stride = max(1, round(len(points) * 0.618))
    while np.gcd(stride, len(points)) > 1:
        stride += 1
    return points[np.arange(len(points)) * stride % len(points)]
