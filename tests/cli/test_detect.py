"""Cells from the terminal: detect and evaluate."""

import json

import pytest
from PIL import Image


def test_cells_are_written_as_geojson(field, detector, tmp_path, cytoshift):
    out = tmp_path / "cells.geojson"
    said = cytoshift("detect", field, "--model", detector, "--out", out, "--mpp", "0.5", "--threshold", "0.005")
    features = json.loads(out.read_text())["features"]
    assert f"Wrote {len(features)} cells" in said
    assert features
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.geojson", "field.png"]


def test_only_the_region_is_searched(field, detector, tmp_path, cytoshift):
    out = tmp_path / "cells.geojson"
    cytoshift("detect", field, "--model", detector, "--out", out, "--mpp", "0.5", "--region", "0,0,100,100")
    for feature in json.loads(out.read_text())["features"]:
        ring = feature["geometry"]["coordinates"][0]
        assert (ring[0][0] + ring[2][0]) / 2 <= 100
        assert (ring[0][1] + ring[2][1]) / 2 <= 100


def test_looking_through_other_colours_finds_something_else(field, detector, tmp_path, cytoshift):
    found = []
    for through in ([], ["--through", "reinhard"]):
        out = tmp_path / f"cells-{len(through)}.geojson"
        cytoshift("detect", field, "--model", detector, "--out", out, "--mpp", "0.5", *through)
        found.append([feature["properties"]["measurements"] for feature in json.loads(out.read_text())["features"]])
    assert found[0] != found[1]


def test_a_slide_without_scale_says_how_to_give_it(field, detector, tmp_path, complaint):
    out = tmp_path / "cells.geojson"
    assert "--mpp" in complaint("detect", field, "--model", detector, "--out", out)
    assert not out.exists()


def test_a_model_of_another_task_is_refused(field, stainer, coco, tmp_path, complaint):
    out = tmp_path / "cells.geojson"
    said = complaint("detect", field, "--model", stainer, "--out", out, "--mpp", "0.5")
    assert "restain" in said
    assert not out.exists()
    assert "restain" in complaint("evaluate", "detector", stainer, "--data", coco)


@pytest.fixture
def coco(tmp_path, field):
    """Return a COCO folder with the field and two cells in it."""
    folder = tmp_path / "data"
    folder.mkdir()
    with Image.open(field) as image:
        image.save(folder / "field.png")
    boxes = [[20, 20, 30, 30], [100, 100, 30, 30]]
    document = {
        "images": [{"id": 1, "file_name": "field.png", "width": 300, "height": 260, "split": "val"}],
        "annotations": [{"id": k, "image_id": 1, "category_id": k + 1, "bbox": box} for k, box in enumerate(boxes)],
        "categories": [{"id": 1, "name": "NILM"}, {"id": 2, "name": "HSIL"}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def test_evaluate_writes_the_numbers(coco, detector, tmp_path, cytoshift):
    out = tmp_path / "numbers.json"
    said = cytoshift("evaluate", "detector", detector, "--data", coco, "--split", "val", "--mpp", "0.5", "--json", out)
    numbers = json.loads(out.read_text())
    assert (numbers["model"], numbers["split"], numbers["images"], numbers["cells"]) == ("untaught", "val", 1, 2)
    assert set(numbers["AP50_by_class"]) == {"NILM", "HSIL"}
    assert "mAP50" in said


def test_an_unknown_split_is_named(coco, detector, complaint):
    assert "'test'" in complaint("evaluate", "detector", detector, "--data", coco, "--split", "test")
