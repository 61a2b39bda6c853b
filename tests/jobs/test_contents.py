"""What a job will use is told before it starts: how much, of which classes, and what is held back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from laboratories import BLUE, PINK, draw_smear, write_fields, write_slide
from tiny_restyler import add_restyler

from cytoshift.errors import DataError, StudyError
from cytoshift.jobs.contents import (
    contents_of_carrying,
    contents_of_corrections,
    contents_of_laboratories,
    contents_of_restyling,
)
from cytoshift.jobs.laboratories import laboratory
from cytoshift.models import Card
from cytoshift.slides import open_slide
from cytoshift.study import Study


def test_slides_are_counted_by_their_tissue_and_folders_by_their_images(tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "a.tif", draw_smear(0, 1000, 2000), 0.5)
    folder = write_fields(tmp_path / "b", 3, 128, BLUE)
    rows = {row.title: row.words for row in contents_of_laboratories(laboratory([slide]), laboratory([folder])).rows}
    count, area = rows["A"].split(", ")
    assert count == "1 slide"
    assert float(area.removesuffix(" mm² of tissue")) == pytest.approx(0.25, rel=0.1)
    assert (rows["B"], "nothing" in rows["Held back"]) == ("3 fields", True)
    glass = write_slide(tmp_path / "glass.tif", draw_smear(0, 500, 600, share=0.0)[:, 100:], 0.5)
    with pytest.raises(DataError, match=r"no tissue in glass\.tif"):
        contents_of_laboratories(laboratory([glass]), laboratory([folder]))


def test_cells_of_labelled_fields_are_counted_by_class(cells: Path) -> None:
    look = Card(id="look", title="As theirs", task="translation")
    detector = Card(id="d", title="Home", task="detector", classes=("NILM", "HSIL"))
    made = contents_of_carrying(detector, look, str(cells))
    assert made.rows[0].words == f"5 of {cells.name}, through As theirs"
    assert dict(made.learnt) == {"NILM": 10, "HSIL": 10}
    with pytest.raises(DataError, match="that Home learnt from are not at hand"):
        contents_of_carrying(detector, look)
    bare = json.loads((cells / "annotations.json").read_text()) | {"annotations": []}
    (cells / "bare.json").write_text(json.dumps(bare))
    with pytest.raises(DataError, match="No cell is labelled"):
        contents_of_carrying(detector, look, str(cells / "bare.json"))


def test_corrections_are_counted_on_both_sides_of_the_split(tmp_path: Path) -> None:
    slide = open_slide(write_slide(tmp_path / "a.tif", draw_smear(0, 800, 800), 0.5))
    with Study.create(tmp_path / "study") as study:
        study.add_slide(slide)
        identity = slide.info.identity
        for x in (100, 500):
            for cell in range(6):
                box = (x + 30.0 * cell, 120.0, x + 30.0 * cell + 20, 140.0)
                study.add(identity, box, "HSIL" if cell % 2 else "NILM")
            study.mark_complete(identity, (x, 100, x + 200, 300))
    made = contents_of_corrections(tmp_path / "study", ("NILM", "HSIL"))
    assert made.rows[0].words == "2 complete fields on 1 slide, 0.02 mm²"
    assert dict(made.learnt) == dict(made.held_back) == {"NILM": 3, "HSIL": 3}
    with pytest.raises(StudyError, match="does not know the class HSIL"):
        contents_of_corrections(tmp_path / "study", ("NILM",))


def test_restyling_says_how_far_the_slides_are_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "models"))
    ours = write_fields(tmp_path / "data" / "cervical" / "ours", 6, 256, PINK, 0.7)
    parent = add_restyler(tmp_path / "parent", ours).card
    slide = laboratory([write_slide(tmp_path / "theirs.tif", draw_smear(3, 512, 512, BLUE), 0.5)])
    rows = {row.title: row.words for row in contents_of_restyling(slide, parent).rows}
    assert rows["To look like"] == "6 fields of ours"
    assert "; up to" in rows["From home"]
    Path(ours).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="Still missing: fields"):
        contents_of_restyling(slide, parent)
