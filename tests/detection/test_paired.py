"""Two detectors on the same fields: what of the difference is chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cytoshift.detection.paired import FIELDS, PARTS_OF_FIELDS, SLIDES, _divided, compare_detectors
from cytoshift.detection.score import Looked, score_detector
from cytoshift.metrics.detection import Boxes, DetectionTruth

CLASSES = ("NILM", "HSIL")


def seen(fields: int, finds: float, seed: int = 0, slides: int = 0, cells: int = 12) -> Looked:
    """Return what a detector sees that finds a share of the cells, on fields that depend on nothing else."""
    scene, eye = np.random.default_rng(1), np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(fields):
        corners = scene.uniform(0, 900, (cells, 2)).astype(np.float32)
        boxes = np.concatenate([corners, corners + 20], axis=1)
        labels = np.arange(cells) % 2
        hit = eye.random(cells) < finds
        truth.append(DetectionTruth(boxes, labels.astype(np.int64), np.zeros((0, 4), np.float32)))
        scores = eye.uniform(0.5, 1, int(hit.sum())).astype(np.float32)
        found.append(Boxes(boxes[hit] + np.float32(1), scores, labels[hit].astype(np.int16)))
    names = [f"slide {place % slides}" if slides else "" for place in range(fields)]
    sizes = [(1000.0, 1000.0)] * fields
    return Looked(truth, found, found, [0.25] * fields, slides=names, sizes=sizes)


def test_the_numbers_are_those_that_are_stated_of_each() -> None:
    before, after = seen(7, 0.4), seen(7, 0.8)
    compared = compare_detectors(before, after, CLASSES)
    for looked, numbers in ((before, compared.before), (after, compared.after)):
        flat = score_detector(looked, CLASSES, threshold=0.5).flat()
        stated = [flat[name] for name in compared.names]
        assert numbers.tolist() == pytest.approx(stated, abs=1e-6)
    assert compared.names == ("mAP50", "AP50_any", "precision", "recall", "AP50 NILM", "AP50 HSIL")


@pytest.mark.parametrize(
    ("fields", "slides", "over", "units"), [(12, 6, SLIDES, 6), (12, 5, FIELDS, 12), (2, 2, PARTS_OF_FIELDS, 32)]
)
def test_what_is_drawn_again_is_as_far_apart_as_can_be(fields: int, slides: int, over: str, units: int) -> None:
    compared = compare_detectors(seen(fields, 0.3, slides=slides), seen(fields, 0.9, 1, slides), CLASSES)
    assert (compared.over, compared.units) == (over, units)
    low, high = compared.ends[:, 2, 0]
    assert 0 < low <= compared.after[0] - compared.before[0] <= high


def test_a_difference_of_one_detector_from_itself_is_nothing() -> None:
    looked = seen(8, 0.6)
    ends = compare_detectors(looked, looked, CLASSES).ends
    assert (ends[:, 2] == 0).all()
    assert (ends[0, 0, :2] < ends[1, 0, :2]).all()


def test_two_detectors_that_are_alike_are_told_apart_by_chance_alone() -> None:
    apart = 0
    for seed in range(12):
        ends = compare_detectors(seen(8, 0.6, seed), seen(8, 0.6, seed + 100), CLASSES, resamples=200).ends
        apart += bool(ends[0, 2, 0] > 0 or ends[1, 2, 0] < 0)
    assert apart <= 3


def test_a_number_that_too_little_bears_on_has_no_interval() -> None:
    before, after = seen(8, 0.3, cells=1), seen(8, 0.9, cells=1)
    rare = [replace(each, labels=each.labels + (place == 0)) for place, each in enumerate(before.truth)]
    compared = compare_detectors(replace(before, truth=rare), replace(after, truth=rare), CLASSES)
    place = compared.names.index("AP50 HSIL")
    assert np.isnan(compared.ends[:, :, place]).all()
    assert not np.isnan(compared.ends[:, :, 0]).any()
    few = compare_detectors(seen(1, 0.3, cells=3), seen(1, 0.9, cells=3), CLASSES)
    assert np.isnan(few.ends).all()


def test_a_box_goes_with_its_cell_across_the_border_of_a_part() -> None:
    truth = DetectionTruth(
        np.array([[240, 100, 259, 120]], np.float32), np.zeros(1, np.int64), np.zeros((0, 4), np.float32)
    )
    box = Boxes(truth.boxes + np.float32(2), np.ones(1, np.float32), np.zeros(1, np.int16))
    looked = Looked([truth], [box], [box], [0.25], slides=[""], sizes=[(1000.0, 1000.0)])
    parts = _divided(looked)
    held = [(len(there.boxes), len(found.boxes)) for there, found in zip(parts.truth, parts.found, strict=True)]
    assert sorted(held)[-1] == (1, 1)
    assert sum(cells for cells, _ in held) == sum(boxes for _, boxes in held) == 1
