"""Mitoses on a slide in one pass: a detector proposes them, a classifier says which are atypical."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

from cytoshift.engine.doubles import Distance, Doubles
from cytoshift.engine.operator import FindingOperator, Needs, TileBoxes
from cytoshift.errors import ModelError
from cytoshift.mitosis.classes import ATYPICAL, CLASSES, LOOK_ALIKE, MITOSIS, NORMAL
from cytoshift.mitosis.crops import ATYPICAL as ATYPICAL_MEASURE
from cytoshift.mitosis.crops import Classifier, crop_corners, measured, names_of
from cytoshift.slides.slide import Slide

RGB = npt.NDArray[np.uint8]

STEP = 8
"""Boxes lie on eighths of a pixel, which float32 holds all over a slide: a place in a file gives the same crop."""

_WHOLE = 0.01


class MitosisFinder(FindingOperator):
    """A detector of mitoses and a classifier as one operator, at the classifier's µm/px.

    The detector sees each tile reduced by a whole number, by means over squares of pixels. Around every candidate the
    classifier gets a crop of the same tile. The score is the detector's, so thresholds act on detection; ``atypical``
    and the phases are measures, given of look-alikes too: what they would be if a person calls them mitoses after all.

    Parameters
    ----------
    detector : FindingOperator
        Finds `MITOSIS`, and perhaps `LOOK_ALIKE`; its µm/px is a whole multiple of the classifier's.
    classifier : Classifier

    Raises
    ------
    ModelError
        The two do not fit together.
    """

    def __init__(self, detector: FindingOperator, classifier: Classifier) -> None:
        if MITOSIS not in detector.classes or not set(detector.classes) <= {MITOSIS, LOOK_ALIKE}:
            raise ModelError(
                f"{detector.title} finds {', '.join(detector.classes)}; choose a detector of mitoses, which finds"
                f" '{MITOSIS}' and '{LOOK_ALIKE}'."
            )
        self._detector = detector
        self._classifier = classifier
        self._ratio = _ratio(detector, classifier)

    def prepare(self, slide: Slide) -> Self:
        """Return this finder with its detector bound to a slide."""
        bound = copy.copy(self)
        bound._detector = self._detector.prepare(slide)
        return bound

    @property
    def key(self) -> str:
        name, version = self._classifier.model
        return f"{self._detector.key}+{name}-{version[:16]}-{self._classifier.threshold:.9g}"

    @property
    def title(self) -> str:
        return f"{self._detector.title} and {self._classifier.model[0]}"

    @property
    def needs(self) -> Needs:
        inner, ratio = self._detector.needs, self._ratio
        step = inner.alignment * ratio
        halo = max(inner.halo * ratio, -(-self._least_halo // step) * step)
        return Needs(self._classifier.mpp, inner.tile * ratio, halo, step, inner.batch)

    @property
    def _least_halo(self) -> int:
        """Pixels that a crop around a box of the core, or around a guest, reaches beyond it."""
        reach = self.doubles.reach(np.array([self._classifier.side], np.float32))
        return int(np.ceil(reach[0])) + self._classifier.side // 2 + 1

    @property
    def doubles(self) -> Doubles:
        inner = self._detector.doubles
        return Distance(inner.pixels * self._ratio) if isinstance(inner, Distance) else inner

    @property
    def classes(self) -> tuple[str, ...]:
        return CLASSES

    @property
    def measures(self) -> tuple[str, ...]:
        return (MITOSIS, *names_of(self._classifier))

    @property
    def model(self) -> tuple[str, str]:
        (finds, one), (tells, other) = self._detector.model, self._classifier.model
        return f"{finds}+{tells}", f"{one}+{other}"

    @property
    def threshold(self) -> float:
        return self._detector.threshold

    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        """Find and classify mitoses in tiles ``(batch, y, x, 3)``, in pixels of the tile."""
        found = [self._in_reach(each, tiles.shape[1]) for each in self._detector.find(reduced(tiles, self._ratio))]
        crops = [
            crop for tile, each in zip(tiles, found, strict=True) for crop in _crops(tile, each, self._classifier.side)
        ]
        columns = measured(self._classifier, crops.__getitem__, len(crops))
        ends = accumulate((len(each.boxes) for each in found), initial=0)
        parts = [slice(start, stop) for start, stop in pairwise(ends)]
        return [
            self._named(each, {name: column[part] for name, column in columns.items()})
            for each, part in zip(found, parts, strict=True)
        ]

    def _in_reach(self, found: TileBoxes, side: int) -> TileBoxes:
        """Return boxes in pixels of the tile, those alone that the tile owns or hands over."""
        boxes = np.round(found.boxes * (self._ratio * STEP)).astype(np.float32) / np.float32(STEP)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        halo = self.needs.halo
        reach = self.doubles.reach((boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0))[:, None]
        reach = np.minimum(reach, halo - self._classifier.side // 2 - 1)
        near = ((centres >= halo - reach) & (centres <= side - halo + reach)).all(axis=1)
        return TileBoxes(boxes[near], found.scores[near], found.labels[near])

    def _named(self, found: TileBoxes, columns: dict[str, npt.NDArray[np.float32]]) -> TileBoxes:
        """Return boxes with the names that a person reads."""
        mitosis = found.labels == self._detector.classes.index(MITOSIS)
        atypical = columns[ATYPICAL_MEASURE] >= self._classifier.threshold
        names = np.where(atypical, CLASSES.index(ATYPICAL), CLASSES.index(NORMAL))
        labels = np.where(mitosis, names, CLASSES.index(LOOK_ALIKE)).astype(np.int16)
        detected = np.where(mitosis, found.scores, np.nan).astype(np.float32)
        return TileBoxes(found.boxes, found.scores, labels, {MITOSIS: detected, **columns})


def reduced(tiles: RGB, ratio: int) -> RGB:
    """Return tiles ``(n, y, x, 3)`` with sides smaller by a whole ratio: rounded means over squares of pixels."""
    if ratio == 1:
        return tiles
    n, height, width, _ = tiles.shape
    squares = tiles.reshape(n, height // ratio, ratio, width // ratio, ratio, 3)
    sums = squares.sum(axis=(2, 4), dtype=np.uint32)
    means: RGB = ((sums + ratio**2 // 2) // ratio**2).astype(np.uint8)
    return means


def _ratio(detector: FindingOperator, classifier: Classifier) -> int:
    mpp = detector.needs.mpp
    ratio = 0 if mpp is None else round(mpp / classifier.mpp)
    if mpp is None or ratio < 1 or abs(mpp / classifier.mpp / ratio - 1) > _WHOLE:
        works = "any" if mpp is None else f"{mpp:g}"
        raise ModelError(
            f"{detector.title} works at {works} µm/px, no whole multiple of the {classifier.mpp:g} of"
            f" {classifier.model[0]}; choose models that fit."
        )
    return ratio


def _crops(tile: RGB, found: TileBoxes, side: int) -> list[RGB]:
    return [tile[y : y + side, x : x + side] for x, y in crop_corners(found.boxes, side).tolist()]
