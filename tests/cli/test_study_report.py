"""A report of a study's slides from the terminal."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cytoshift.slides import open_slide
from cytoshift.study import Study


@pytest.fixture
def study(tmp_path, field) -> Path:
    """Return the folder of a study with two slides of one name, and a second reader on one of them."""
    other = tmp_path / "other" / field.name
    other.parent.mkdir()
    shutil.copy(field, other)
    from PIL import Image

    with Image.open(field) as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(other)
    with Study.create(tmp_path / "study") as store:
        for path in (field, other):
            store.add(store.add_slide(open_slide(path)), (20, 20, 60, 60), "HSIL")
        store.read_as("Dr B")
        store.add(store.slides()[0].identity, (90, 90, 120, 120), "LSIL")
    return tmp_path / "study"


def test_every_slide_has_its_page(study, tmp_path, cytoshift):
    said = cytoshift("study", "report", study, "--out", tmp_path / "out")
    with Study.open(study, read_only=True) as store:
        names = {f"field.png-{record.identity[:8]}.html" for record in store.slides()}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert said.count("Wrote ") == 2
    cytoshift("study", "report", study, "--out", tmp_path / "out", "--pdf")
    assert len(list((tmp_path / "out").glob("*.pdf"))) == 2


def test_one_slide_goes_into_one_file_in_a_reading(study, field, tmp_path, cytoshift):
    out = tmp_path / "report.html"
    cytoshift("study", "report", study, "--slide", field, "--out", out, "--reader", "Dr B")
    text = out.read_text(encoding="utf-8")
    assert "reading of Dr B" in text
    assert "LSIL" in text
    assert "HSIL" not in text
    cytoshift("study", "report", study, "--slide", field, "--out", tmp_path / "report.pdf", "--cells", "0")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_slide_that_is_gone_is_reported_without_pictures(study, field, tmp_path, cytoshift):
    with Study.open(study, read_only=True) as store:
        identity = store.slides()[0].identity
    field.unlink()
    said = cytoshift("study", "report", study, "--slide", identity, "--out", tmp_path / "report.html")
    assert "was not found" in said
    assert "data:image" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_cannot_be_reported_gets_one_sentence(study, tmp_path, complaint, cytoshift):
    out = tmp_path / "report.html"
    assert "name one (--slide)" in complaint("study", "report", study, "--out", out)
    assert "asks for PDF" in complaint("study", "report", study, "--out", out, "--pdf")
    assert "as Dr C; its second readers are Dr B" in complaint(
        "study", "report", study, "--out", out, "--reader", "Dr C"
    )
    assert "has no slide nine" in complaint("study", "report", study, "--out", out, "--slide", "nine")
    cytoshift("study", "new", tmp_path / "empty")
    assert "has no slides yet" in complaint("study", "report", tmp_path / "empty", "--out", out)
