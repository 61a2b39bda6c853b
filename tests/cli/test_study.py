"""Studies from the terminal: what goes in comes out."""

import json
from pathlib import Path

import numpy as np
import pytest

from cytoshift.study import Study
from cytoshift.study.coverage import Coverage


@pytest.fixture
def cells(tmp_path) -> Path:
    """Return a GeoJSON file with two cells of different classes and a region without a class."""

    def feature(x: int, **properties: object) -> dict[str, object]:
        ring = [[x, 10], [x + 20, 10], [x + 20, 30], [x, 30], [x, 10]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        return {"type": "Feature", "geometry": geometry, "properties": properties}

    features = [feature(10, label="HSIL"), feature(50, label="NILM"), feature(0, objectType="annotation")]
    path = tmp_path / "cells.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.mark.parametrize(("option", "state"), [((), "predicted"), (("--truth",), "added")])
def test_cells_go_in_and_come_out(option, state, tmp_path, field, cells, cytoshift):
    study = tmp_path / "study"
    cytoshift("study", "new", study)
    cytoshift("study", "import", study, cells, "--slide", field, *option)
    status = json.loads(cytoshift("study", "status", study, "--json"))
    assert status["slides"][0][state] == 2
    cytoshift("study", "export", study, tmp_path / "out")
    out = json.loads((tmp_path / "out" / "field.png.geojson").read_text())
    found = {
        (feature["properties"]["classification"]["name"], feature["geometry"]["coordinates"][0][0][0])
        for feature in out["features"]
    }
    assert found == {("HSIL", 10), ("NILM", 50)}


FORMATS = {"geojson": "out.geojson", "coco": "out.json", "midog": "out.midog.json", "voc": "out.xml", "csv": "out.csv",
           "slide-runner": "out.db", "crops": "crops"}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_goes_out_and_in(name, tmp_path, field, cells, cytoshift):
    study, other, out = tmp_path / "study", tmp_path / "other", tmp_path / FORMATS[name]
    cytoshift("study", "new", study)
    cytoshift("study", "import", study, cells, "--slide", field)
    assert "Wrote" in cytoshift("study", "export", study, out, "--slide", field, "--format", name)
    cytoshift("study", "new", other)
    said = cytoshift("study", "import", other, out, "--slide", field, "--preview")
    assert said.startswith(f"{out.name} adds 2 cells (NILM 1, HSIL 1).")
    assert json.loads(cytoshift("study", "status", other, "--json"))["slides"] == []
    assert "added 2 cells" in cytoshift("study", "import", other, out, "--slide", field)
    assert "2 here already" in cytoshift("study", "import", other, out, "--slide", field, "--preview")
    with Study.open(other) as store:
        identity = store.slides()[0].identity
        assert sorted(store.cells(identity).boxes[:, 0].tolist()) == [10, 50]
        store.undo()
        assert len(store.cells(identity)) == 0


def test_what_cannot_go_in_or_out_gets_one_sentence(tmp_path, field, cells, cytoshift, complaint):
    study = tmp_path / "study"
    cytoshift("study", "new", study)
    assert "no format word" in complaint("study", "import", study, cells, "--slide", field, "--format", "word")
    cytoshift("study", "import", study, cells, "--slide", field)
    assert "nothing to add" in complaint("study", "import", study, cells, "--slide", field)
    assert "has no slide nine" in complaint("study", "export", study, tmp_path / "x.csv", "--slide", "nine")
    field.rename(tmp_path / "moved.png")
    assert "is not where it was" in complaint("study", "export", study, tmp_path / "x.xml")
    assert "Wrote" in cytoshift("study", "export", study, tmp_path / "x.csv")
    cytoshift("study", "export", study, tmp_path / "all", "--format", "csv")
    assert (tmp_path / "all" / "field.png.csv").is_file()


def test_the_scale_given_by_hand_is_kept(tmp_path, field, cytoshift):
    study = tmp_path / "study"
    cytoshift("study", "new", study)
    cytoshift("study", "add", study, field, "--mpp", "0.25")
    with Study.open(study, read_only=True) as store:
        assert store.slides()[0].mpp_yx == (0.25, 0.25)


def test_a_study_that_another_process_writes_is_left_alone(tmp_path, field, complaint):
    study = tmp_path / "study"
    with Study.create(study):
        assert "study" in complaint("study", "add", study, field)


def test_a_slide_that_moved_is_found_and_kept(tmp_path, field, cytoshift):
    study = tmp_path / "work" / "study"
    study.parent.mkdir()
    cytoshift("study", "new", study)
    cytoshift("study", "add", study, field)
    field.rename(tmp_path / "work" / "field.png")
    assert "field.png has moved to" in cytoshift("study", "status", study)
    assert "field.png lies at" in cytoshift("study", "relocate", study)
    assert json.loads(cytoshift("study", "status", study, "--json"))["slides"][0]["path"].endswith("work/field.png")
    (tmp_path / "work" / "field.png").unlink()
    assert "field.png is missing, last seen as" in cytoshift("study", "status", study)
    assert "field.png was not found" in cytoshift("study", "relocate", study)


def test_who_changed_what_is_told(tmp_path, field, cytoshift):
    study = tmp_path / "study"
    cytoshift("study", "new", study)
    cytoshift("study", "add", study, field)
    assert "Nobody has corrected anything yet." in cytoshift("study", "history", study)
    with Study.open(study) as store:
        store.author = "ada"
        slide = store.slides()[0].identity
        added = store.add(slide, (1, 2, 30, 40), "HSIL")
        store.reject(slide, added.id)
        store.note(slide, "", "stained anew")
    said = json.loads(cytoshift("study", "history", study, added.id, "--json"))
    assert [(event["kind"], event["author"]) for event in said] == [("add", "ada"), ("reject", "ada")]
    assert len(cytoshift("study", "history", study).splitlines()) == 4


def test_status_says_which_share_of_the_tissue_was_seen(tmp_path, field, cytoshift):
    study = tmp_path / "study"
    cytoshift("study", "new", study)
    cytoshift("study", "add", study, field)
    assert json.loads(cytoshift("study", "status", study, "--json"))["slides"][0]["seen"] is None
    with Study.open(study) as store:
        identity = store.slides()[0].identity
        tissue, seen = np.full((1, 2), 255, np.uint8), np.array([[10, 2.5]], np.float16)
        store.add_coverage(identity, Coverage(400, 200, 200.0, 0.25, tissue, seen))
    assert json.loads(cytoshift("study", "status", study, "--json"))["slides"][0]["seen"] == 0.5
    head, row = (line.split("  ") for line in cytoshift("study", "status", study).splitlines())
    assert (head[-1], row[-1].strip()) == ("seen at 10×", "50 %")
    other = json.loads(cytoshift("study", "status", study, "--reader", "second", "--json"))
    assert other["slides"][0]["seen"] is None
