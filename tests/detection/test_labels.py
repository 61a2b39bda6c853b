"""Classes of one data set in the names of another, points as cells, and a scale taken from the boxes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fields import write_set
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.detection import DetectorRecipe
from cytoshift.detection.labels import CLASS_MAPS, in_names
from cytoshift.detection.train import read_data
from cytoshift.errors import CytoshiftError, DataError
from cytoshift.training.coco import CocoSet, Field, read_coco
from cytoshift.training.recipe import check_recipe

BETHESDA = ("NILM", "ASC-US", "LSIL", "ASC-H", "HSIL", "SCC")


def data(labels: list[int], classes: tuple[str, ...] = BETHESDA) -> CocoSet:
    boxes = np.array([[10 * k, 0, 10 * k + 8, 8] for k in range(len(labels))], np.float32).reshape(-1, 4)
    none = np.zeros((0, 4), np.float32)
    return CocoSet(
        "drawn", classes, (Field(Path("x.png"), "x", 100, 100, None, boxes, np.array(labels, np.int64), none),)
    )


def names(found: CocoSet) -> list[str]:
    return [found.classes[label] for label in found.fields[0].labels]


def test_bethesda_in_grades_and_as_abnormal() -> None:
    every = data([0, 1, 2, 3, 4, 5])
    assert in_names(every, "bethesda") is every
    assert names(in_names(every, "grade")) == [
        "normal",
        "low grade",
        "low grade",
        "high grade",
        "high grade",
        "high grade",
    ]
    assert names(in_names(every, "abnormal")) == ["normal"] + ["abnormal"] * 5
    assert in_names(every, "cell").classes == ("cell",)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 5), max_size=12),
    st.dictionaries(st.sampled_from(BETHESDA), st.sampled_from(["a", "b", "ignore", "none"]), min_size=1),
)
def test_every_cell_is_kept_ignored_or_dropped(labels: list[int], table: dict[str, str]) -> None:
    before = data(labels)
    after = in_names(before, table).fields[0]
    wanted = [table.get(BETHESDA[label], BETHESDA[label]) for label in labels]
    assert names(in_names(before, table)) == [name for name in wanted if name not in ("ignore", "none")]
    assert len(after.ignored) == wanted.count("ignore")
    assert len(after.boxes) == len(after.labels)
    np.testing.assert_array_equal(after.boxes, before.fields[0].boxes[[w not in ("ignore", "none") for w in wanted]])


def test_a_class_that_a_map_has_no_name_for_is_said() -> None:
    with pytest.raises(DataError, match=r"class AGC.*write a table"):
        in_names(data([0, 1], ("NILM", "AGC")), "abnormal")
    assert names(in_names(data([0], ("NILM", "AGC")), "abnormal")) == ["normal"]  # there is none of it
    with pytest.raises(DataError, match="has no class LSIL"):
        in_names(data([0], ("NILM", "AGC")), {"LSIL": "low"})
    with pytest.raises(CytoshiftError, match="bethesda, grade, abnormal, cell"):
        check_recipe({"data": {"path": "x", "classes": "good"}}, DetectorRecipe, "recipe")
    assert set(CLASS_MAPS) == {"bethesda", "grade", "abnormal", "cell"}


def test_points_become_boxes_of_a_stated_size(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", train=2, val=0)
    file = folder / "annotations.json"
    said = json.loads(file.read_text())
    centres = []
    for annotation in said["annotations"]:
        x, y, w, h = annotation.pop("bbox")
        annotation["point"] = [x + w / 2, y + h / 2]
        centres.append(annotation["point"])
    said["images"][0]["mpp"] = 1.0
    file.write_text(json.dumps(said))
    first, second = read_coco(folder, "train", point_um=12, mpp=0.5).fields
    for field, side in ((first, 12), (second, 24)):
        np.testing.assert_allclose(field.boxes[:, 2:] - field.boxes[:, :2], side, rtol=1e-4)
    found = np.concatenate([(f.boxes[:, :2] + f.boxes[:, 2:]) / 2 for f in (first, second)])
    np.testing.assert_allclose(found, centres, atol=1e-3)


def test_a_scale_can_be_taken_from_the_median_box(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", train=2, val=0)  # cells of 28 px
    ask = {"path": str(folder), "box": 14.0, "mpp": 0.1}
    recipe = DetectorRecipe.model_validate({"mpp": 0.5, "data": ask})
    assert [field.mpp for field in read_data(recipe).fields] == pytest.approx([0.25, 0.25])  # two pixels in one
