"""COCO's JSON: what is read, and what is refused in one sentence."""

import json
from pathlib import Path

import numpy as np
import pytest

from cytoshift.detection.train import in_classes
from cytoshift.errors import DataError
from cytoshift.training.coco import read_coco, read_fields


def test_boxes_become_corners_and_splits_are_kept_apart(field_set: Path) -> None:
    whole, train, val = (
        read_coco(field_set),
        read_coco(field_set, "train"),
        read_coco(field_set / "annotations.json", "val"),
    )
    assert (len(whole.fields), len(train.fields), len(val.fields)) == (8, 6, 2)
    assert whole.classes == ("disc", "square")
    sides = whole.fields[0].boxes[:, 2:] - whole.fields[0].boxes[:, :2]
    np.testing.assert_allclose(sides, 28, atol=1e-3)


def rewrite(field_set: Path, folder: Path, **changes: object) -> Path:
    folder.mkdir(exist_ok=True)
    data = json.loads((field_set / "annotations.json").read_text()) | changes
    (folder / "annotations.json").write_text(json.dumps(data))
    for image in field_set.glob("*.png"):
        (folder / image.name).write_bytes(image.read_bytes())
    return folder


def test_crowds_are_ignored_places_and_slivers_are_dropped(field_set: Path, tmp_path: Path) -> None:
    annotations = [
        {"id": 1, "image_id": 0, "category_id": 1, "bbox": [10, 10, 20, 20], "iscrowd": 0},
        {"id": 2, "image_id": 0, "category_id": 1, "bbox": [50, 50, 40, 40], "iscrowd": 1},
        {"id": 3, "image_id": 0, "category_id": 1, "bbox": [90, 90, 1, 30], "iscrowd": 0},
    ]
    field = read_coco(rewrite(field_set, tmp_path / "c", annotations=annotations)).fields[0]
    assert field.boxes.tolist() == [[10, 10, 30, 30]]
    assert field.ignored.tolist() == [[50, 50, 90, 90]]


def test_what_cannot_be_used_is_named(field_set: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no COCO file"):
        read_coco(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no image of split 'test'; its splits are train, val"):
        read_coco(field_set, "test")
    missing = rewrite(field_set, tmp_path / "missing")
    (missing / "field-3.png").unlink()
    with pytest.raises(DataError, match=r"names 1 images that are not there, the first field-3.png"):
        read_coco(missing)
    for text, words in (("{", "is not JSON"), ("[]", "is not COCO"), ('{"images": []}', "is not COCO")):
        file = tmp_path / "wrong.json"
        file.write_text(text)
        with pytest.raises(DataError, match=words):
            read_coco(file)


def test_a_plain_folder_of_images_is_a_set_without_cells(field_set: Path, tmp_path: Path) -> None:
    for image in field_set.glob("*.png"):
        (tmp_path / image.name).write_bytes(image.read_bytes())
    plain = read_fields(tmp_path)
    assert [field.name for field in plain.fields] == [field.name for field in read_coco(field_set).fields]
    assert (plain.classes, sum(len(field.boxes) for field in plain.fields)) == ((), 0)
    assert (plain.fields[0].height, plain.fields[0].width) == plain.fields[0].read().shape[:2]
    assert len(read_fields(field_set, "val").fields) == 2
    with pytest.raises(DataError, match=r"no annotations.json that says what split val is"):
        read_fields(tmp_path, "val")
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken.png cannot be read as an image"):
        read_fields(tmp_path)


def test_labels_move_into_another_models_classes_by_name(field_set: Path) -> None:
    data = read_coco(field_set)
    moved = in_classes(data, ("square", "other", "disc"))
    for before, after in zip(data.fields, moved.fields, strict=True):
        assert [data.classes[k] for k in before.labels] == [moved.classes[k] for k in after.labels]
    with pytest.raises(DataError, match="square, which the model does not know"):
        in_classes(data, ("disc",))
