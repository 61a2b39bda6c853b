"""``cytoshift jobs start --like``: a restyler learns to show the slides of a study as the model's."""

from __future__ import annotations

from laboratories import BLUE, PINK, draw_smear, write_fields, write_slide
from tiny_restyler import QUICK, add_restyler


def test_a_restyler_learns_the_slides_of_a_study(tmp_path, cytoshift, complaint, monkeypatch):
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "data"))
    add_restyler(tmp_path / "parent", write_fields(tmp_path / "data" / "cervical" / "ours", 6, 256, PINK, 0.7))
    study = tmp_path / "study"
    cytoshift("study", "new", study)
    here = ("jobs", "start", study, "--like", "like-ours")
    assert "has no slide yet" in complaint(*here)
    cytoshift("study", "add", study, write_slide(tmp_path / "theirs.tif", draw_smear(3, 512, 512, BLUE), 0.5))
    assert "nobody" in complaint("jobs", "start", study, "--like", "nobody")
    said = cytoshift(*here, *(part for change in QUICK for part in ("--set", change)), "--wait")
    assert "Started restyle-1." in said
    assert "Made the model like-ours-for-theirs-tif." in said
    assert "Like ours, for theirs.tif" in cytoshift("models", "list")
