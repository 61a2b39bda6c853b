"""Numbers of a detector that sees every drawn cell, in other classes and through other colours."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from cytoshift.detection import evaluate_detector
from cytoshift.engine.operator import FindingOperator, ImageOperator, Needs, TileBoxes
from cytoshift.errors import CytoshiftError, DataError
from cytoshift.slides import Slide
from cytoshift.training.coco import CocoSet, read_coco

AREA = 2 * (192 * 0.5 / 1000) ** 2


class Dark(FindingOperator):
    """Finds dark spots, and calls the grey ones ``square``; less sure of those."""

    key, title, model, threshold = "dark", "Dark", ("dark", "1"), 0.0

    def __init__(self, classes: tuple[str, ...] = ("disc", "square")) -> None:
        self._classes = classes

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    @property
    def needs(self) -> Needs:
        return Needs(tile=192, halo=0)

    def find(self, tiles: np.ndarray) -> Sequence[TileBoxes]:
        return [self._spots(tile) for tile in tiles]

    def _spots(self, tile: np.ndarray) -> TileBoxes:
        spots, _ = ndimage.label(tile.max(axis=2) < 150)
        places = ndimage.find_objects(spots)
        boxes = [[x.start, y.start, x.stop, y.stop] for y, x in places]
        centres = [tile[(y.start + y.stop) // 2, (x.start + x.stop) // 2] for y, x in places]
        labels = np.array([int(abs(int(c[0]) - int(c[2])) < 20) for c in centres], np.int16)
        scores = np.where(labels == 1, 0.6, 0.9).astype(np.float32)
        return TileBoxes(np.array(boxes, np.float32).reshape(-1, 4), scores, labels)


class Grey(ImageOperator):
    """Takes all colour away, or says that it cannot."""

    key, title = "grey", "Grey"

    def __init__(self, willing: bool = True) -> None:
        self._willing = willing

    @property
    def needs(self) -> Needs:
        return Needs(tile=192)

    def prepare(self, slide: Slide) -> "Grey":
        if not self._willing:
            raise CytoshiftError("There is no tissue; choose another field.")
        return self

    def apply(self, tiles: np.ndarray) -> np.ndarray:
        return np.repeat(tiles.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.uint8)


@pytest.fixture
def unseen(field_set: Path) -> CocoSet:
    return read_coco(field_set, "val")


def test_a_detector_that_sees_all_has_full_marks(unseen: CocoSet) -> None:
    score = evaluate_detector(Dark(), unseen, mpp=0.5, threshold=0.5, resamples=50, seed=1)
    cells = sum(len(field.boxes) for field in unseen.fields)
    assert (score.mAP50, score.AP50_any, score.precision, score.recall) == (1.0, 1.0, 1.0, 1.0)
    assert (score.cells, score.images, score.area_mm2) == (cells, 2, pytest.approx(AREA))
    assert score.further["FROC any class"] == score.further["sensitivity disc at 1/mm²"] == 1.0
    assert score.confusion.trace() == score.confusion.sum() == cells
    assert score.further["calibration error"] == pytest.approx(
        1 - (0.9 * score.confusion[0, 0] + 0.6 * score.confusion[1, 1]) / cells
    )
    assert score.intervals is not None
    assert score.intervals.ends["mAP50"] == (1.0, 1.0)
    low, high = score.intervals.ends["calibration error"]
    assert low <= score.further["calibration error"] <= high
    json.dumps(score.to_json(), allow_nan=False)
    kept = score.as_metrics()
    assert kept.items() >= score.flat().items()
    assert (kept["AP50_any low"], kept["AP50_any high"]) == score.intervals.ends["AP50_any"]
    assert len(kept) == len(score.flat()) + 6


def test_thresholds_hold_by_class(unseen: CocoSet) -> None:
    score = evaluate_detector(Dark(), unseen, mpp=0.5, threshold=0.5, thresholds={"square": 0.7})
    squares = int(score.confusion[1].sum())
    assert score.confusion[1].tolist() == [0, 0, squares]
    assert score.recall == pytest.approx(1 - squares / score.cells)
    assert (score.mAP50, score.intervals) == (1.0, None)
    assert score.as_metrics() == score.flat()


def test_colours_that_are_taken_away_make_discs_squares(unseen: CocoSet) -> None:
    score = evaluate_detector(Dark(), unseen, mpp=0.5, threshold=0.5, through=Grey())
    discs = int(score.confusion[0].sum())
    assert score.confusion[0].tolist() == [0, discs, 0]
    assert score.AP50_by_class["disc"] == 0.0
    assert (score.AP50_any, score.refused) == (1.0, {})


def test_a_field_that_cannot_be_adapted_is_looked_at_as_it_is_and_named(unseen: CocoSet) -> None:
    score = evaluate_detector(Dark(), unseen, mpp=0.5, threshold=0.5, through=Grey(willing=False))
    assert score.mAP50 == 1.0
    assert score.refused == dict.fromkeys([f.name for f in unseen.fields], "There is no tissue; choose another field.")


def test_classes_are_merged_in_data_and_detector(unseen: CocoSet) -> None:
    named = replace(unseen, classes=("LSIL", "NILM"))
    diseased = replace(unseen, classes=("LSIL", "HSIL"))
    score = evaluate_detector(Dark(("HSIL", "SCC")), diseased, mpp=0.5, threshold=0.5, names="abnormal")
    assert (score.classes, score.mAP50) == (("abnormal",), 1.0)
    six = evaluate_detector(Dark(("LSIL", "NILM")), named, mpp=0.5, threshold=0.5, names="abnormal")
    assert (six.classes, six.mAP50) == (("abnormal", "normal"), 1.0)
    two = evaluate_detector(Dark(("abnormal", "normal")), named, mpp=0.5, threshold=0.5, names="abnormal")
    assert two.confusion.tolist() == six.confusion.tolist()
    with pytest.raises(DataError, match="finds disc, square"):
        evaluate_detector(Dark(), named, mpp=0.5, threshold=0.5, names="abnormal")
    with pytest.raises(DataError, match="the model does not know"):
        evaluate_detector(Dark(), named, mpp=0.5, threshold=0.5)
