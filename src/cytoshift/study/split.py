"""Which fields are learned from and which are held back: decided before anything else, and the same for a seed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cytoshift.errors import StudyError
from cytoshift.study.truth import Field

TRAIN, VAL = "train", "val"

_DRAWS = 200


def split_fields(fields: Sequence[Field], validation_share: float, seed: int) -> list[tuple[Field, str]]:
    """Say of every field whether it is learned from or held back.

    Whole slides are held back where there are enough of them, otherwise regions (those that overlap stay together),
    so that each class has about its share on both sides. Where all cells lie in one region, it is cut across its
    longer side, and the end is held back.

    Raises
    ------
    StudyError
        One side would have no cells.
    """
    if not any(field.true.any() for field in fields):
        raise StudyError("The regions marked complete hold no cell that is sure; mark a region that has cells.")
    units = _by_slide(fields)
    if sum(_has_cells(unit) for unit in units) < math.ceil(1 / validation_share):
        units = _by_overlap(fields)
    filled = [unit for unit in units if _has_cells(unit)]
    if len(filled) > 1:
        held = _draw(filled, validation_share, seed)
        return [(field, VAL if any(unit is one for one in held) else TRAIN) for unit in units for field in unit]
    rest = [(field, TRAIN) for unit in units if not _has_cells(unit) for field in unit]
    return _cut(filled[0], validation_share) + rest


def _by_slide(fields: Sequence[Field]) -> list[list[Field]]:
    slides: dict[str, list[Field]] = {}
    for field in fields:
        slides.setdefault(field.slide, []).append(field)
    return list(slides.values())


def _by_overlap(fields: Sequence[Field]) -> list[list[Field]]:
    units: list[list[Field]] = []
    for field in fields:
        touching = [unit for unit in units if any(field.overlaps(other) for other in unit)]
        units = [unit for unit in units if unit not in touching]
        units.append([*(other for unit in touching for other in unit), field])
    return units


def _has_cells(unit: Sequence[Field]) -> bool:
    return any(field.true.any() for field in unit)


def _draw(units: list[list[Field]], share: float, seed: int) -> list[list[Field]]:
    """Return the units to hold back: of many random choices the one that comes closest to the share in every class."""
    return [units[number] for number in draw_units(_class_counts(units), share, seed)]


def draw_units(counts: npt.NDArray[np.float64], share: float, seed: int) -> list[int]:
    """Return which units to hold back, never all: of many random choices the one closest to the share in every class.

    Parameters
    ----------
    counts : ndarray of float64, shape (units, classes)
        Cells of each class in each unit; every class has some.
    share : float
        Between 0 and 1.
    seed : int
        Of the choices.
    """
    wanted = counts.sum(axis=0) * share
    random = np.random.default_rng(seed)
    best, chosen = math.inf, list[int]()
    for _ in range(_DRAWS):
        order = random.permutation(len(counts))
        held = counts[order].cumsum(axis=0)[:-1]
        distance = (abs(held - wanted) / counts.sum(axis=0)).mean(axis=1)
        size = int(distance.argmin())
        if distance[size] < best:
            best, chosen = float(distance[size]), order[: size + 1].tolist()
    return chosen


def _class_counts(units: list[list[Field]]) -> npt.NDArray[np.float64]:
    counted = [Counter(label for field in unit for label in field.labels[field.true].tolist()) for unit in units]
    names = sorted(set().union(*counted))
    return np.array([[counter[name] for name in names] for counter in counted], np.float64)


def _cut(unit: list[Field], share: float) -> list[tuple[Field, str]]:
    rectangles = np.array([field.rectangle for field in unit])
    x0, y0 = rectangles[:, :2].min(axis=0).tolist()
    x1, y1 = rectangles[:, 2:].max(axis=0).tolist()
    if x1 - x0 >= y1 - y0:
        line = x0 + round((x1 - x0) * (1 - share))
        sides = ((x0, y0, line, y1), TRAIN), ((line, y0, x1, y1), VAL)
    else:
        line = y0 + round((y1 - y0) * (1 - share))
        sides = ((x0, y0, x1, line), TRAIN), ((x0, line, x1, y1), VAL)
    parts = [(part, name) for rectangle, name in sides for field in unit if (part := field.cut(rectangle)) is not None]
    for name, words in ((TRAIN, "to learn from"), (VAL, "to hold back")):
        if not _has_cells([part for part, of in parts if of == name]):
            raise StudyError(
                f"All cells marked complete lie in one region, which has none {words} when it is cut; mark a second "
                "region complete."
            )
    return parts
