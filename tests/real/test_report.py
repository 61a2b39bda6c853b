"""The report about a real cervical field; ``CYTOSHIFT_IMAGES`` names a folder for its picture in the guide."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pypdfium2
import pytest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.models import Registry
from cytoshift.report import report_of, slide_page, write_page
from cytoshift.slides import open_slide
from cytoshift.study import Study
from cytoshift.study.coverage import Coverage
from cytoshift.study.palette import BETHESDA

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")
FIELD = "images/5e5f9e511001c3ead65b7dc51897a1ba.jpg"
MPP = (0.25, 0.25)
SHARP = 1.5
"""Pixels of the picture for each point of the sheet."""


def published(data: Path) -> tuple[np.ndarray, list[str]]:
    """Return the boxes and the classes that CRIC published for the field."""
    coco = json.loads((data / "cervical/cric/annotations.json").read_text())
    image = next(one["id"] for one in coco["images"] if one["file_name"] == FIELD)
    names = {one["id"]: one["name"] for one in coco["categories"]}
    cells = [one for one in coco["annotations"] if one["image_id"] == image]
    boxes = np.array([one["bbox"] for one in cells], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    return boxes, [names[one["category_id"]] for one in cells]


def test_published_cells_are_reported_on_one_sheet(data: Path, tmp_path: Path) -> None:
    boxes, names = published(data)
    slide = open_slide(data / "cervical/cric" / FIELD)
    labels = np.array([BETHESDA.index(name) for name in names], np.int16)
    with Study.create(tmp_path / "study") as study:
        identity = study.add_slide(slide)
        study.calibrate(identity, MPP, 40)
        made = Provenance(identity, "published")
        run = study.add_findings(Findings(boxes, np.ones(len(boxes), np.float32), labels, BETHESDA, made))
        study.accept(identity, [f"{run}:{at}" for at in range(5)])
        told = report_of(study, identity, Registry(tmp_path / "models"))
    assert {one.label: one.cells for one in told.counts if one.cells} == Counter(names)
    assert told.undecided == len(names) - 5
    with pypdfium2.PdfDocument(write_page(tmp_path / "report.pdf", slide_page(told))) as document:
        assert len(document) == 1
        words = document[0].get_textpage().get_text_range()
    assert f"{len(names) - 5} of {len(names)} cells are undecided" in " ".join(words.split())


@pytest.mark.skipif(not FOLDER, reason="the picture is taken where CYTOSHIFT_IMAGES names a folder")
def test_the_guide_shows_a_report(data: Path, tmp_path: Path) -> None:
    from cytoshift.engine import run_findings
    from cytoshift.models.operators import build_operator

    slide = open_slide(data / "cervical/cric" / FIELD).calibrated(MPP, 40)
    model = Registry().find("starter", "detector")
    found = run_findings(slide, build_operator(model))
    sure = np.argsort(-found.scores, kind="stable")
    with Study.create(tmp_path / "Smears in autumn") as study:
        identity = study.add_slide(slide)
        study.calibrate(identity, MPP, 40)
        run = study.add_findings(found)
        cells = [f"{run}:{at}" for at in sure.tolist()]
        study.author = "ada"
        study.accept(identity, cells[:12])
        study.reject(identity, cells[12:15])
        study.author = "björn"
        study.relabel(identity, cells[15:18], "SCC")
        study.unsure(identity, cells[18])
        study.add_coverage(identity, Coverage.of(slide).marked((0, 0, 1280, 820), 20))
        study.mark_complete(identity, (100, 100, 900, 700), run, model.card.threshold, model.card.thresholds)
        study.read_as("Dr B")
        study.accept(identity, cells[:14])
        study.relabel(identity, cells[14:17], "LSIL")
        study.read_as("")
        told = report_of(study, identity, Registry())
    path = write_page(tmp_path / "report.pdf", slide_page(told))
    with pypdfium2.PdfDocument(path) as document:
        assert len(document) == 1
        document[0].render(scale=SHARP).to_pil().save(Path(FOLDER) / "report.png", optimize=True)
