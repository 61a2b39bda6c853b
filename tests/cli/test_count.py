"""Mitoses counted from the terminal."""

import json

import numpy as np
import pytest

from cytoshift.engine import Findings, Provenance
from cytoshift.mitosis.classes import ATYPICAL, CLASSES, LOOK_ALIKE, NORMAL
from cytoshift.slides import open_slide
from cytoshift.study import Study
from cytoshift.study.formats import geojson

ROWS = [(50, 50, 0.9, NORMAL), (60, 60, 0.8, ATYPICAL), (70, 50, 0.3, NORMAL), (80, 60, 0.9, LOOK_ALIKE)]
LONE = (250, 200, 0.9, NORMAL)


def found(identity, rows, **made):
    """Return findings of rows of x, y, score and class name, 20 pixels a side."""
    middles = np.array([row[:2] for row in rows], np.float32)
    boxes = np.concatenate([middles - 10, middles + 10], axis=1)
    scores = np.array([row[2] for row in rows], np.float32)
    labels = np.array([CLASSES.index(row[3]) for row in rows], np.int16)
    return Findings(boxes, scores, labels, CLASSES, Provenance(identity, "finder", **made))


@pytest.fixture
def cells(tmp_path):
    return geojson.write(tmp_path / "cells.geojson", found("s", [*ROWS, LONE]))


def test_the_densest_spot_of_a_file_is_counted(field, cells, tmp_path, cytoshift):
    numbers = tmp_path / "count.json"
    said = cytoshift("count", field, "--findings", cells, "--mpp", "1", "--area", "0.012", "--json", numbers)
    lines = said.splitlines()
    assert lines[0] == "Mitotic count of field.png"
    assert "Mitoses: 3 (250.0 per mm²)" in lines
    assert "Look-alikes: 1, not counted" in lines
    assert "Found by: finder (cells.geojson)" in lines
    assert lines[-1] == "For research only: this count is not a diagnosis."
    told = json.loads(numbers.read_text())
    assert (told["mitoses"], told["atypical"], told["densest"]) == (3, 1, True)
    x0, y0, x1, y1 = told["box"]
    assert (x1 - x0) * (y1 - y0) == pytest.approx(12_000)
    assert (x1 - x0) / (y1 - y0) == pytest.approx(4 / 3)


def test_fields_a_place_and_a_threshold(field, cells, cytoshift):
    arguments = ["count", field, "--findings", cells, "--mpp", "1"]
    said = cytoshift(*arguments, "--fields", "0.1", "--field-number", "20", "--at", "240,190")
    assert "0.1 high-power fields of field number 20 at 40×" in said
    assert "Mitoses: 1 (" in said
    assert "chosen by hand, its middle at x 219" in said  # moved, so that it stays on the slide
    said = cytoshift(*arguments, "--threshold", "0.5", "--area", "0.012")
    assert "Mitoses: 2 (" in said
    assert "counted from score 0.50" in said


def test_a_slide_smaller_than_the_window_says_so(field, cells, cytoshift):
    said = cytoshift("count", field, "--findings", cells, "--mpp", "1")
    assert "Window: 2.37 mm²" in said
    assert "Covered: 0.078 mm² only" in said
    assert "Mitoses: 4 (51.3 per mm²)" in said
    said = cytoshift("count", field, "--findings", cells, "--mpp", "1", "--region", "0,0,100,100")
    assert "Covered: 0.01 mm² only" in said
    assert "Mitoses: 3 (" in said


def test_a_study_is_counted_with_its_corrections(field, tmp_path, cytoshift, complaint):
    folder, slide = tmp_path / "study", open_slide(field)
    with Study.create(folder) as study:
        identity = study.add_slide(slide)
        study.calibrate(identity, (1.0, 1.0))
        run = study.add_findings(found(identity, [*ROWS, LONE], region=(0, 0, 200, 200)))
        study.accept(identity, f"{run}:0")
        study.relabel(identity, f"{run}:3", ATYPICAL)
        study.unsure(identity, f"{run}:1")
    said = cytoshift("count", field, "--study", folder)
    assert "Covered: 0.04 mm² only" in said
    assert "Mitoses: 2 (" in said  # the third is less sure than 0.5, the lone one lies outside
    assert "Atypical mitoses: 1 (50% of the mitoses" in said
    assert "Unsure: 1, not counted" in said
    assert "Reviewed by hand: 2 of the 2 mitoses" in said
    assert "Found by: finder, counted from score 0.50" in said
    assert "Mitoses: 3 (" in cytoshift("count", field, "--study", folder, "--threshold", "0.2")
    empty = tmp_path / "empty"
    Study.create(empty).close()
    assert "add the slide first" in complaint("count", field, "--study", empty)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "--findings"),
        (["--findings", "CELLS", "--study", "there"], "either"),
        (["--findings", "CELLS"], "--mpp"),
        (["--findings", "CELLS", "--fields", "10"], "--field-number"),
        (["--findings", "CELLS", "--fields", "10", "--area", "2"], "leave"),
        (["--findings", "CELLS", "--area", "-1"], "-1 mm²"),
        (["--findings", "CELLS", "--at", "here"], "--at"),
        (["--findings", "CELLS", "--mpp", "1", "--region", "900,900,950,950"], "beside"),
        (["--findings", "CELLS", "--json", "nowhere/count.json"], "nowhere"),
    ],
)
def test_what_cannot_be_counted_gets_a_sentence(arguments, word, field, cells, complaint):
    assert word in complaint("count", field, *[cells if one == "CELLS" else one for one in arguments])


def test_mitoses_that_a_person_drew_count_whatever_the_threshold(field, cells, cytoshift):
    collection = json.loads(cells.read_text())
    collection["features"][2]["properties"]["objectType"] = "annotation"
    cells.write_text(json.dumps(collection))
    said = cytoshift("count", field, "--findings", cells, "--mpp", "1", "--threshold", "0.5")
    assert "Mitoses: 4 (" in said
    assert "Reviewed by hand: 1 of the 4 mitoses" in said


def test_cells_without_mitoses_are_refused(field, tmp_path, complaint):
    boxes = np.array([[0, 0, 9, 9]], np.float32)
    other = Findings(boxes, np.ones(1, np.float32), np.zeros(1, np.int16), ("NILM",), Provenance("s", "m"))
    path = geojson.write(tmp_path / "cells.geojson", other)
    assert "no mitoses among these cells (NILM)" in complaint("count", field, "--findings", path, "--mpp", "1")
