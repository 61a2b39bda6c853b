"""Two detectors on the same fields: every number of both, and what of the difference is chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cytoshift.detection.score import ANY, DetectorParts, Looked
from cytoshift.metrics.bootstrap import Weights
from cytoshift.metrics.detection import Boxes, DetectionTruth, FoundBoxes, partners
from cytoshift.metrics.paired import FEWEST_UNITS, RESAMPLES, Paired, Values, paired_ends

MAIN = "mAP50"
"""The number that decides: it counts every class alike, and finding as well as naming."""

PARTS = 4
"""Where there are fewer than `FEWEST_UNITS` fields, each is divided into so many parts each way."""

SLIDES, FIELDS, PARTS_OF_FIELDS = "slides", "fields", "parts of fields"


def compare_detectors(
    before: Looked, after: Looked, classes: tuple[str, ...], *, resamples: int = RESAMPLES, seed: int = 0
) -> Paired:
    """Compare two detectors on the same fields.

    What is drawn again are slides where there are enough of them, otherwise fields, otherwise parts of fields. The
    fewer there are, the less the interval says of other slides than these.

    Parameters
    ----------
    before, after : Looked
        What each saw, with labels as indices into ``classes``.
    classes : tuple of str
    resamples, seed : int
        Draws, and their seed.

    Returns
    -------
    Paired
        mAP50, AP50_any, precision and recall, and ``AP50 CLASS`` of every class that occurs.
    """
    whole = [DetectorParts.of(looked, classes) for looked in (before, after)]
    kept = _Kept.of(whole[0])
    once = np.ones((1, len(before.truth)), np.int64)
    numbers = [kept.numbers(parts, once)[0] for parts in whole]
    units, over = _units(before.slides)
    if over == PARTS_OF_FIELDS:
        before, after = _divided(before), _divided(after)
        whole = [DetectorParts.of(looked, classes) for looked in (before, after)]
        units = np.eye(len(before.truth), dtype=np.int64)
    old, new = whole
    ends = paired_ends(
        lambda weights: kept.numbers(old, weights @ units),
        lambda weights: kept.numbers(new, weights @ units),
        units @ kept.bearing(before.truth) > 0,
        resamples=resamples,
        seed=seed,
    )
    return Paired(kept.names, numbers[0], numbers[1], ends, over, len(units))


@dataclass(frozen=True, slots=True)
class _Kept:
    """Which of a detector's numbers are compared: their names, and their places in `DetectorParts.order`."""

    names: tuple[str, ...]
    places: list[int]
    labels: list[int | None]

    @classmethod
    def of(cls, parts: DetectorParts) -> _Kept:
        own = {f"AP50 {name}": parts.classes.index(name) for name in parts.names if name != ANY}
        labels: dict[str, int | None] = dict.fromkeys(("mAP50", "AP50_any", "precision", "recall")) | own
        order = parts.order()
        return cls(tuple(labels), [order.index(name) for name in labels], list(labels.values()))

    def numbers(self, parts: DetectorParts, weights: Weights) -> Values:
        return parts.numbers(weights)[:, self.places]

    def bearing(self, truth: Sequence[DetectionTruth]) -> npt.NDArray[np.int64]:
        """Return how many cells of each image a number rests on, ``(images, numbers)``."""
        rows = [
            [len(each.labels) if label is None else int((each.labels == label).sum()) for label in self.labels]
            for each in truth
        ]
        return np.array(rows, np.int64)


def _units(slides: Sequence[str]) -> tuple[npt.NDArray[np.int64], str]:
    """Return which fields make up each unit, ``(units, fields)`` of 0 and 1, and what the units are."""
    names = [slide or str(place) for place, slide in enumerate(slides)]
    every, unit = np.unique(names, return_inverse=True)
    if all(slides) and len(every) >= FEWEST_UNITS:
        return (unit[None] == np.arange(len(every))[:, None]).astype(np.int64), SLIDES
    return np.eye(len(names), dtype=np.int64), FIELDS if len(names) >= FEWEST_UNITS else PARTS_OF_FIELDS


def _divided(looked: Looked) -> Looked:
    """Return what a detector saw, part by part of each field; a box goes with its cell, wherever its centre is."""
    truth: list[DetectionTruth] = []
    found: list[FoundBoxes] = []
    shown: list[FoundBoxes] = []
    for there, all_found, all_shown, size in zip(looked.truth, looked.found, looked.shown, looked.sizes, strict=True):
        cell, ignored = _part(there.boxes, size), _part(there.ignored, size)
        for kept, boxes in ((found, all_found), (shown, all_shown)):
            part = _part(boxes.boxes, size)
            order, partner = partners(there, boxes, matching=looked.matching)
            part[order[partner >= 0]] = cell[partner[partner >= 0]]
            kept += [
                Boxes(boxes.boxes[part == k], boxes.scores[part == k], boxes.labels[part == k])
                for k in range(PARTS * PARTS)
            ]
        truth += [
            DetectionTruth(there.boxes[cell == k], there.labels[cell == k], there.ignored[ignored == k])
            for k in range(PARTS * PARTS)
        ]
    areas = np.repeat(np.array(looked.areas) / PARTS**2, PARTS**2).tolist()
    return replace(looked, truth=truth, found=found, shown=shown, areas=areas)


def _part(boxes: npt.NDArray[np.float32], size: tuple[float, float]) -> npt.NDArray[np.int64]:
    """Return in which part of a field, of a width and height, the centre of each box lies."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    place = np.clip(centres / size * PARTS, 0, PARTS - 1).astype(np.int64)
    return np.asarray(place[:, 1] * PARTS + place[:, 0])
