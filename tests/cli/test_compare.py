"""What other colours change in what is found, from the terminal."""

import json
from collections import Counter

import numpy as np
import pytest

from cytoshift.engine import Findings, Provenance
from cytoshift.study.formats import geojson


def cells(path, rows, classes=("NILM", "HSIL")):
    """Write cells of rows of x, y, score, label, 20 pixels a side."""
    table = np.array(rows, np.float32).reshape(-1, 4)
    boxes = np.column_stack([table[:, :2], table[:, :2] + 20])
    found = Findings(boxes, table[:, 2], table[:, 3].astype(np.int16), classes, Provenance("s", "m"))
    return geojson.write(path, found)


def test_two_searches_are_compared_and_every_difference_is_written(field, detector, tmp_path, cytoshift):
    out, numbers = tmp_path / "delta.geojson", tmp_path / "delta.json"
    arguments = ["--model", detector, "--through", "reinhard", "--mpp", "0.5", "--region", "0,0,200,200"]
    said = cytoshift("compare", field, *arguments, "--out", out, "--json", numbers)
    told = json.loads(numbers.read_text())
    classes = Counter(f["properties"]["classification"]["name"] for f in json.loads(out.read_text())["features"])
    assert classes == Counter({name: told[name] for name in ("gained", "lost", "changed") if told[name]})
    assert told["through"] == "reinhard"
    assert told["threshold"] == {"NILM": 0.005, "HSIL": 0.005}
    for row in told["classes"].values():
        assert row["before"] >= row["kept"] + row["lost"]
    assert "gained" in said
    again = tmp_path / "cells.geojson"
    cytoshift("detect", field, *arguments, "--out", again)
    assert sum(row["after"] for row in told["classes"].values()) == len(geojson.read(again))


def test_found_cells_are_compared_without_a_search(field, tmp_path, cytoshift):
    before = cells(tmp_path / "a.geojson", [(10, 10, 0.9, 0), (60, 10, 0.8, 0), (110, 10, 0.7, 1), (160, 10, 0.3, 1)])
    after = cells(tmp_path / "b.geojson", [(12, 10, 0.9, 0), (60, 10, 0.8, 1), (160, 10, 0.8, 1), (160, 90, 0.8, 1)])
    out = tmp_path / "delta.geojson"
    said = cytoshift("compare", field, "--before", before, "--after", after, "--threshold", "0.5", "--out", out)
    assert "1 changed from NILM to HSIL" in said
    assert "1 of the gained were seen before" in said
    assert "0 of the lost are still seen" in said
    features = [feature["properties"] for feature in json.loads(out.read_text())["features"]]
    assert [one["metadata"]["change"] for one in features] == ["gained", "gained", "lost", "changed"]
    assert features[0]["metadata"]["score below before"] == "0.3"
    assert "class below before" not in features[1]["metadata"]
    assert (features[3]["metadata"]["class before"], features[3]["metadata"]["class after"]) == ("NILM", "HSIL")
    assert len({tuple(one["classification"]["color"]) for one in features}) == 3
    assert set(geojson.read(out).classes) == {"gained", "lost", "changed"}
    assert "below the threshold" not in cytoshift("compare", field, "--before", before, "--after", after)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "--through"),
        (["--before", "a.geojson"], "--after"),
        (["--before", "a.geojson", "--after", "a.geojson", "--through", "reinhard"], "leave"),
        (["--through", "reinhard", "--out", "nowhere/delta.geojson"], "nowhere"),
        (["--through", "reinhard", "--region", "1,2"], "--region"),
    ],
)
def test_what_does_not_go_together_is_said(arguments, word, field, complaint):
    assert word in complaint("compare", field, *arguments)


def test_cells_of_another_slide_and_files_of_regions_are_refused(field, tmp_path, complaint):
    here = cells(tmp_path / "here.geojson", [(10, 10, 0.9, 0)])
    beside = cells(tmp_path / "beside.geojson", [(900, 10, 0.9, 0)])
    assert "beside.geojson" in complaint("compare", field, "--before", here, "--after", beside)
    regions = json.loads(here.read_text())
    regions["features"][0]["properties"]["objectType"] = "annotation"
    (tmp_path / "regions.geojson").write_text(json.dumps(regions))
    assert "no cells" in complaint("compare", field, "--before", tmp_path / "regions.geojson", "--after", here)
