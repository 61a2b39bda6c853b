"""MIDOG's annotations as a detector learns from them: corners, classes, splits, and images nobody annotated."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cytoshift.errors import DataError
from cytoshift.mitosis.classes import DETECTED
from cytoshift.training.coco import read_coco
from cytoshift.training.midog import is_midog

SIDE = 120


def midog(annotations: Sequence[dict[str, Any]], images: int = 3) -> dict[str, Any]:
    """Return JSON as MIDOG++ has it."""
    return {
        "info": {"description": "MIDOG++: A Comprehensive Multi-Domain Data Set for Mitotic Figures"},
        "licenses": [{"id": 1, "name": "CC0"}],
        "images": [
            {"id": n, "file_name": f"{n:03}.tiff", "width": SIDE, "height": SIDE, "license": 1}
            for n in range(1, images + 1)
        ],
        "categories": [{"id": 1, "name": "mitotic figure"}, {"id": 2, "name": "not mitotic figure"}],
        "annotations": list(annotations),
    }


def annotation(image: int, category: int, corners: Sequence[float]) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": list(corners), "labels": [category, category]}


USUAL = [
    annotation(1, 1, (30, 40, 80, 90)),
    annotation(1, 2, (-10, 0, 40, 50)),
    annotation(3, 2, (60, 60, 110, 110)),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder laid out as MIDOG++ is: databases, images, and the table of splits."""
    (tmp_path / "images").mkdir()
    for number in range(1, 4):
        Image.new("RGB", (SIDE, SIDE), (200, 180, 210)).save(tmp_path / "images" / f"{number:03}.tiff")
    (tmp_path / "databases").mkdir()
    (tmp_path / "databases" / "MIDOG++.json").write_text(json.dumps(midog(USUAL)))
    (tmp_path / "datasets_xvalidation.csv").write_text("Slide;Dataset;Tumor\n1;train;breast\n3;test;lung\n")
    return tmp_path


def test_boxes_are_corners_and_classes_have_names(checkout: Path) -> None:
    data = read_coco(checkout / "databases" / "MIDOG++.json")
    assert (data.classes, data.licence) == (DETECTED, "CC0")
    assert [field.name for field in data.fields] == ["001.tiff", "003.tiff"]  # nobody annotated 002
    first = data.fields[0]
    assert first.boxes.tolist() == [[30, 40, 80, 90], [-10, 0, 40, 50]]
    assert first.labels.tolist() == [0, 1]
    assert first.read().shape == (SIDE, SIDE, 3)


def test_splits_come_from_the_table_of_splits(checkout: Path) -> None:
    file = checkout / "databases" / "MIDOG++.json"
    assert [field.name for field in read_coco(file, "train").fields] == ["001.tiff"]
    assert [field.name for field in read_coco(file, "test").fields] == ["003.tiff"]
    with pytest.raises(DataError, match="no image of split 'val'; its splits are test, train"):
        read_coco(file, "val")
    table = checkout / "datasets_xvalidation.csv"
    table.write_text("a;b\n1;2\n")
    with pytest.raises(DataError, match="has no columns Slide and Dataset; download it again"):
        read_coco(file)
    table.unlink()
    assert len(read_coco(file).fields) == 2


def test_images_are_given_by_a_folder(checkout: Path, tmp_path: Path) -> None:
    (checkout / "images").rename(tmp_path / "elsewhere")
    file = checkout / "databases" / "MIDOG++.json"
    with pytest.raises(DataError, match=r"names 2 images that are not there, the first 001.tiff"):
        read_coco(file)
    assert len(read_coco(file, images=tmp_path / "elsewhere").fields) == 2


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 2), *(st.integers(0, 100),) * 2, *(st.integers(2, 60),) * 2), min_size=1, max_size=8
    )
)
def test_corners_come_back_as_they_are(tmp_path_factory: pytest.TempPathFactory, boxes: list[tuple[int, ...]]) -> None:
    corners = [(x, y, x + width, y + height) for _, x, y, width, height in boxes]
    said = [annotation(1, box[0], corner) for box, corner in zip(boxes, corners, strict=True)]
    data = midog(said, images=1)
    assert is_midog(data)
    folder = tmp_path_factory.mktemp("midog")
    Image.new("RGB", (SIDE, SIDE)).save(folder / "001.tiff")
    (folder / "MIDOG.json").write_text(json.dumps(data))
    field = read_coco(folder / "MIDOG.json").fields[0]
    np.testing.assert_array_equal(field.boxes, np.array(corners, np.float32))
    assert field.labels.tolist() == [box[0] - 1 for box in boxes]


def test_coco_of_mitoses_stays_coco() -> None:
    widths = midog([annotation(1, 1, (60, 60, 50, 50))])
    assert not is_midog(widths)
    cells = midog(USUAL) | {"categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "debris"}]}
    assert not is_midog(cells)
