"""Look-alikes are what a detector calls a mitosis away from all that are known, found once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from cytoshift.detection.mining import with_look_alikes
from cytoshift.engine import FindingOperator, Needs, TileBoxes
from cytoshift.errors import Cancelled, DataError
from cytoshift.training.coco import CocoSet, Field
from cytoshift.training.midog import LOOK_ALIKE, MITOSIS

SIDE = 50


class Dark(FindingOperator):
    """Calls everything dark a mitosis, and everything grey a look-alike."""

    key, title, model, threshold = "dark", "Dark", ("dark", "1"), 0.5
    needs = Needs(mpp=0.25, tile=256, halo=32)

    def __init__(self, classes: tuple[str, ...] = (MITOSIS, LOOK_ALIKE)) -> None:
        self._classes = classes
        self.searched = 0

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    def find(self, tiles: np.ndarray) -> Sequence[TileBoxes]:
        return [self._one(tile[..., 0]) for tile in tiles]

    def _one(self, tile: np.ndarray) -> TileBoxes:
        self.searched += 1
        places = ndimage.find_objects(ndimage.label(tile < 150)[0])
        at = np.array([[(x.start + x.stop) / 2, (y.start + y.stop) / 2] for y, x in places]).reshape(-1, 2)
        grey = np.array([tile[y, x].min() > 50 for y, x in places], np.int16)
        boxes = np.concatenate([at - SIDE / 2, at + SIDE / 2], axis=1).astype(np.float32)
        return TileBoxes(boxes, np.full(len(at), 0.9, np.float32), grey)


class Wish:
    """Runs for some fields, then cancels."""

    def __init__(self, fields: int = 1000) -> None:
        self._left = fields

    def state(self) -> str:
        self._left -= 1
        return "run" if self._left >= 0 else "cancel"


@pytest.fixture
def fields(tmp_path: Path) -> CocoSet:
    """Return two fields: a mitosis at (60, 60), dark spots 6, 9 and 40 µm from it, and one that is ignored."""
    image = np.full((256, 256, 3), 240, np.uint8)
    for x, y, grey in ((60, 60, 20), (84, 60, 20), (60, 96, 20), (220, 60, 20), (200, 200, 20), (60, 200, 90)):
        image[y - 4 : y + 4, x - 4 : x + 4] = grey
    known = np.array([[35, 35, 85, 85]], np.float32)
    ignored = np.array([[190, 190, 256, 256]], np.float32)
    made = []
    for name in ("one.png", "two.png"):
        Image.fromarray(image).save(tmp_path / name)
        made.append(Field(tmp_path / name, name, 256, 256, 0.25, known, np.zeros(1, np.int64), ignored))
    return CocoSet("drawn", (MITOSIS,), tuple(made))


def test_only_what_is_surely_no_mitosis_becomes_a_look_alike(fields: CocoSet, tmp_path: Path) -> None:
    notes: list[str] = []
    mined = with_look_alikes(
        fields, Dark(), tmp_path / "j", mpp=0.25, emit=lambda event: notes.append(event["text"]), control=Wish()
    )
    assert mined.classes == (MITOSIS, LOOK_ALIKE)
    for field in mined.fields:
        np.testing.assert_allclose(field.boxes, [[35, 35, 85, 85], [195, 35, 245, 85]])
        assert field.labels.tolist() == [0, 1]
        np.testing.assert_allclose(field.ignored[1:], [[35, 71, 85, 121]])  # 9 µm beside: perhaps a part of it
    assert notes[-1] == "2 look-alikes in 2 fields"


def test_what_was_searched_is_not_searched_again(fields: CocoSet, tmp_path: Path) -> None:
    operator = Dark()
    how = {"mpp": 0.25, "emit": lambda _: None}
    with pytest.raises(Cancelled):
        with_look_alikes(fields, operator, tmp_path / "j", control=Wish(1), **how)
    first = operator.searched
    assert first > 0
    resumed = with_look_alikes(fields, operator, tmp_path / "j", control=Wish(), **how)
    whole = operator.searched
    assert whole == 2 * first
    again = with_look_alikes(fields, operator, tmp_path / "j", control=Wish(), **how)
    assert operator.searched == whole
    for one, two in zip(resumed.fields, again.fields, strict=True):
        np.testing.assert_array_equal(one.boxes, two.boxes)


def test_look_alikes_that_are_known_stay(fields: CocoSet, tmp_path: Path) -> None:
    drawn = replace(
        fields,
        classes=(LOOK_ALIKE, MITOSIS),
        fields=(replace(fields.fields[0], boxes=np.array([[190, 35, 240, 85]], np.float32)),),
    )
    mined = with_look_alikes(drawn, Dark(), tmp_path / "j", mpp=0.25, emit=lambda _: None, control=Wish())
    assert mined.classes == (LOOK_ALIKE, MITOSIS)
    assert mined.fields[0].labels.tolist() == [0, 0, 0, 0], "the known one is found again and adds nothing"


@pytest.mark.parametrize(("finds", "has"), [(("cell",), (MITOSIS,)), ((MITOSIS,), ("cell",))])
def test_a_detector_of_something_else_is_refused(
    fields: CocoSet, tmp_path: Path, finds: tuple[str, ...], has: tuple[str, ...]
) -> None:
    with pytest.raises(DataError, match="has no class 'mitosis'"):
        with_look_alikes(
            replace(fields, classes=has), Dark(finds), tmp_path / "j", mpp=0.25, emit=lambda _: None, control=Wish()
        )
