"""Counting mitoses in a window: how large it is, where they lie most densely, and what is in it. No torch here.

Tumours are graded by the mitoses on a stated area where they are most frequent. 2.37 mm² are ten high-power fields of
field number 22 at 40×, the area that MIDOG and the canine grading schemes count on; 4:3 is the shape of a screen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from cytoshift.errors import CytoshiftError, DataError, SlideError
from cytoshift.mitosis.classes import ATYPICAL, LOOK_ALIKE, MITOSIS, NORMAL, finds_mitoses
from cytoshift.slides.coordinates import Frame

if TYPE_CHECKING:
    from cytoshift.engine.findings import Box, Findings
    from cytoshift.slides.slide import Slide

AREA = 2.37
"""mm² of the usual window."""

ASPECT = 4 / 3
"""Width of a window by its height."""

FIELD_NUMBER = 22.0
"""Millimetres that the usual eyepiece shows of the image before it, its field number."""

OBJECTIVE = 40.0
"""Power of the objective of a high-power field."""

_LARGEST = 1e5  # mm²: no slide is larger

_KINDS = (NORMAL, ATYPICAL, MITOSIS, LOOK_ALIKE)  # what `Figures.kinds` point into

Bools = npt.NDArray[np.bool_]


def field_area(field_number: float = FIELD_NUMBER, objective: float = OBJECTIVE) -> float:
    """Return the mm² of one high-power field: a disc of diameter field number / objective millimetres.

    Raises
    ------
    CytoshiftError
        There is no such eyepiece, or objective.
    """
    if not 1 <= field_number <= 60:
        raise CytoshiftError(f"{field_number:g} is no field number of an eyepiece; give one such as 22.")
    if not 1 <= objective <= 200:
        raise CytoshiftError(f"{objective:g} is no power of an objective; give one such as 40.")
    return math.pi * (field_number / objective / 2) ** 2


@dataclass(frozen=True, slots=True)
class Window:
    """The size of a window in which mitoses are counted.

    Parameters
    ----------
    area_mm2 : float
        Its area.
    aspect : float
        Its width by its height.
    field_number : float
        Of the eyepiece in whose fields the area is read.
    objective : float
        Of the microscope in whose fields the area is read.

    Raises
    ------
    CytoshiftError
        A number is no size of anything.
    """

    area_mm2: float = AREA
    aspect: float = ASPECT
    field_number: float = FIELD_NUMBER
    objective: float = OBJECTIVE

    def __post_init__(self) -> None:
        if not 1e-3 <= self.area_mm2 <= _LARGEST:
            raise CytoshiftError(f"{self.area_mm2:g} mm² is no area to count on; give one such as {AREA:g}.")
        if not 0.01 <= self.aspect <= 100:
            raise CytoshiftError(f"A window {self.aspect:g} times as wide as high is none; give a number such as 1.33.")
        field_area(self.field_number, self.objective)

    @classmethod
    def of_fields(cls, fields: float, field_number: float = FIELD_NUMBER, objective: float = OBJECTIVE) -> Self:
        """Return the window of as many mm² as high-power fields: N π (field number / objective / 2)²."""
        if not 0 < fields <= 1e6:
            raise CytoshiftError(f"{fields:g} is no number of high-power fields; give one such as 10.")
        return cls(fields * field_area(field_number, objective), field_number=field_number, objective=objective)

    @property
    def fields(self) -> float:
        """How many high-power fields it is."""
        return self.area_mm2 / field_area(self.field_number, self.objective)

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height in millimetres."""
        height = math.sqrt(self.area_mm2 / self.aspect)
        return height * self.aspect, height

    def size(self, frame: Frame) -> tuple[float, float]:
        """Return width and height in level-0 pixels, which need not be square; ValueError without µm/px."""
        width, height = frame.level0_from_microns(np.multiply(self.size_mm, 1000.0)).tolist()
        return width, height


@dataclass(frozen=True, slots=True)
class Figures:
    """Mitoses and look-alikes as points, sorted by x so that a window is looked up and not searched for.

    Parameters
    ----------
    points : ndarray of float64, shape (n, 2)
        x, y of the middles in level-0 pixels.
    kinds : ndarray of int8, shape (n,)
        0 normal mitosis, 1 atypical mitosis, 2 mitosis of which nobody said which, 3 look-alike.
    unsure : ndarray of bool, shape (n,)
        Whether a person could not tell what it is.
    reviewed : ndarray of bool, shape (n,)
        Whether a person decided on it.
    """

    points: npt.NDArray[np.float64]
    kinds: npt.NDArray[np.int8]
    unsure: Bools
    reviewed: Bools

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def of(
        cls,
        boxes: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int16],
        classes: tuple[str, ...],
        *,
        unsure: Bools | None = None,
        reviewed: Bools | None = None,
    ) -> Self:
        """Return the mitoses and look-alikes among boxes; cells of other classes are left out.

        Parameters
        ----------
        boxes : ndarray of float32, shape (n, 4)
            x0, y0, x1, y1 in level-0 pixels.
        labels : ndarray of int16, shape (n,)
            Index into ``classes``.
        classes : tuple of str
        unsure, reviewed : ndarray of bool, shape (n,), optional
            What a person said; nothing by default.

        Raises
        ------
        DataError
            There is no class of mitoses.
        """
        if not finds_mitoses(classes):
            raise DataError(
                f"There are no mitoses among these cells ({', '.join(filter(None, classes)) or 'no classes'}); find "
                f"mitoses first, or call the class {MITOSIS}, {NORMAL} or {ATYPICAL}."
            )
        number = len(boxes)
        kinds = np.array([_KINDS.index(name) if name in _KINDS else -1 for name in classes], np.int8)[labels]
        middles = (boxes[:, :2].astype(np.float64) + boxes[:, 2:]) / 2
        order = np.lexsort((middles[:, 1], middles[:, 0]))
        order = order[kinds[order] >= 0]
        said = (np.zeros(number, np.bool_) if which is None else which for which in (unsure, reviewed))
        return cls(middles[order], kinds[order], *(which[order] for which in said))

    @classmethod
    def of_findings(cls, findings: Findings) -> Self:
        """Return the mitoses and look-alikes among findings; raises DataError where they have no such class."""
        return cls.of(findings.boxes, findings.labels, findings.classes)

    @property
    def mitoses(self) -> Bools:
        """Which count as mitoses: all but look-alikes and those that nobody can tell."""
        mitoses: Bools = (self.kinds != _KINDS.index(LOOK_ALIKE)) & ~self.unsure
        return mitoses

    @property
    def atypical(self) -> Bools:
        """Which are called atypical mitoses."""
        atypical: Bools = self.kinds == _KINDS.index(ATYPICAL)
        return atypical

    def within(self, box: Box) -> npt.NDArray[np.int64]:
        """Return which lie in a box, its border included."""
        x0, y0, x1, y1 = box
        first, last = np.searchsorted(self.points[:, 0], x0), np.searchsorted(self.points[:, 0], x1, side="right")
        y = self.points[first:last, 1]
        return np.asarray(first + np.flatnonzero((y >= y0) & (y <= y1)))


@dataclass(frozen=True, slots=True)
class Count:
    """What is in a window.

    Parameters
    ----------
    window : Window
        The window that was wanted.
    box : tuple of float
        x0, y0, x1, y1 in level-0 pixels: the window, or what there is to count on where that is smaller.
    area_mm2 : float
        Area of the box.
    mitoses : int
        Normal, atypical, and those of which nobody said which.
    atypical : int
        Atypical ones among them.
    undivided : int
        Those among them of which nobody said which.
    look_alikes : int
        Not counted.
    unsure : int
        Cells of which a person could not tell what they are; not counted.
    reviewed : int
        Mitoses that a person decided on.
    """

    window: Window
    box: Box
    area_mm2: float
    mitoses: int
    atypical: int
    undivided: int
    look_alikes: int
    unsure: int
    reviewed: int

    @property
    def told_apart(self) -> int:
        """Mitoses that are said to be normal or atypical."""
        return self.mitoses - self.undivided

    @property
    def atypical_share(self) -> float | None:
        """Share of atypical ones among those told apart; None where there are none."""
        return self.atypical / self.told_apart if self.told_apart else None

    @property
    def per_mm2(self) -> float:
        """Mitoses on a mm²."""
        return self.mitoses / self.area_mm2

    @property
    def complete(self) -> bool:
        """Whether there was room for all of the window."""
        return self.area_mm2 >= self.window.area_mm2 * (1 - 1e-6)


def searched(slide: Slide, region: Box | None) -> Box:
    """Return the part of a slide that was searched: x0, y0, x1, y1 in level-0 pixels; None means all of it.

    Raises
    ------
    SlideError
        The region lies beside the slide, or nobody knows how large its pixels are.
    """
    level = slide.levels[0]
    if slide.mpp is None:
        raise SlideError(f"{slide.name} does not say its µm/px, without which no area is known; set it first.")
    x0, y0, x1, y1 = region or (0.0, 0.0, float(level.width), float(level.height))
    x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, float(level.width)), min(y1, float(level.height))
    if not (x0 < x1 and y0 < y1):
        raise SlideError(f"The region that was searched lies beside {slide.name}; give one that lies on it.")
    return x0, y0, x1, y1


def count(figures: Figures, window: Window, box: Box, frame: Frame) -> Count:
    """Count what is in a box that `place` or `densest` returned; ``frame`` is the slide's."""
    inside = figures.within(box)
    kinds, unsure = figures.kinds[inside], figures.unsure[inside]
    number = [int(np.count_nonzero((kinds == kind) & ~unsure)) for kind in range(len(_KINDS))]
    normal, atypical, undivided, look_alikes = number
    width, height = frame.microns_from_level0([box[2] - box[0], box[3] - box[1]]).tolist()
    return Count(
        window=window,
        box=box,
        area_mm2=width * height / 1e6,
        mitoses=normal + atypical + undivided,
        atypical=atypical,
        undivided=undivided,
        look_alikes=look_alikes,
        unsure=int(np.count_nonzero(unsure)),
        reviewed=int(np.count_nonzero(figures.reviewed[inside] & figures.mitoses[inside])),
    )


def place(size: tuple[float, float], extent: Box, middle: tuple[float, float]) -> Box:
    """Return the window around a point, moved so that it stays within what was searched, or cut where it is larger.

    Parameters
    ----------
    size : tuple of float
        Width and height of the window in level-0 pixels.
    extent : tuple of float
        x0, y0, x1, y1 in level-0 pixels: the slide, or the part of it that was searched.
    middle : tuple of float
        x, y in level-0 pixels.
    """
    sides = [min(side, extent[axis + 2] - extent[axis]) for axis, side in enumerate(size)]
    starts = [
        min(max(middle[axis] - side / 2, extent[axis]), extent[axis + 2] - side) for axis, side in enumerate(sides)
    ]
    x, y = starts
    return x, y, x + sides[0], y + sides[1]
