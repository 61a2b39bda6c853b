"""The page of the demo: one file, everything in it, and its numbers are those of the findings."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.models.card import Card, TrainingData
from cytoshift.report import pictures, write_page
from cytoshift.slides import open_slide, samples
from cytoshift.slides.slide import Slide
from cytoshift.slides.tissue import find_tissue
from napari_cytoshift.demo.contents import Command, Contents
from napari_cytoshift.demo.page import demo_page

SIDE = 1024
REGION = (0.0, 0.0, 768.0, 512.0)


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Slide:
    path = samples.draw(tmp_path_factory.mktemp("slide") / "<b>smear.ome.zarr", width=SIDE, height=SIDE)
    return open_slide(path)


@pytest.fixture
def contents(slide: Slide) -> Contents:
    corners = np.array([[100, 100], [300, 200], [500, 400], [600, 300]], np.float32)
    findings = Findings(
        np.concatenate([corners, corners + 60], axis=1),
        np.array([0.5, 0.9, 0.7, 0.6], np.float32),
        np.array([0, 0, 0, 2], np.int16),
        ("NILM", "LSIL", "HSIL"),
        Provenance(slide.info.identity, "detector", "v1", 0.4, REGION),
    )
    card = Card(
        id="detector",
        title="Cells of a Pap smear",
        task="detector",
        classes=findings.classes,
        sha256="0123456789abcdef0123",
        trained_on=[TrainingData(name="CRIC", licence="CC BY 4.0", split="train", images=5, cells=50)],
    )
    return Contents(slide, slide, "Reinhard", "", findings, card, find_tissue(slide))


def test_counts_are_per_searched_tissue(contents: Contents) -> None:
    assert [(count.label, count.cells) for count in contents.counts] == [("NILM", 3), ("LSIL", 0), ("HSIL", 1)]
    x0, y0, x1, y1 = REGION
    area = (x1 - x0) * (y1 - y0) * 0.25**2 / 1e6 * contents.tissue.covered(*REGION)
    assert contents.counts[0].per_mm2 == pytest.approx(3 / area)


def test_the_surest_cells_come_first(contents: Contents) -> None:
    assert contents.best("NILM", 2) == [1, 2]
    assert contents.best("LSIL", 2) == []


def test_one_file_holds_everything(contents: Contents, tmp_path: Path) -> None:
    page = write_page(tmp_path / "report.html", demo_page(contents)).read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    images = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    shown = [Image.open(io.BytesIO(base64.b64decode(image))) for image in images]
    assert sum(picture.size == (96, 96) for picture in shown) == 4
    assert "Not for diagnosis" in page
    assert "CC BY 4.0" in page
    assert all(f">{label}<" in page for label in ("NILM", "LSIL", "HSIL"))


def test_names_are_text_and_never_markup(contents: Contents, tmp_path: Path) -> None:
    told = Contents(**{**vars(contents), "commands": (Command("Open", "napari <b>smear.ome.zarr"),)})
    page = write_page(tmp_path / "report.html", demo_page(told)).read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "&lt;b&gt;smear" in page


def test_a_slide_without_cells_has_a_report_too(contents: Contents, tmp_path: Path) -> None:
    none = contents.findings.select(np.zeros(0, np.int64))
    told = Contents(**{**vars(contents), "findings": none})
    assert "No cells were found" in write_page(tmp_path / "report.html", demo_page(told)).read_text(encoding="utf-8")


def test_a_cell_is_shown_around_its_middle(slide: Slide) -> None:
    picture = np.asarray(pictures.around(slide, (468.0, 468.0, 508.0, 508.0), 128, 96), np.float64)
    expected = Image.fromarray(slide.read(0, 424, 424, 128, 128)).resize((96, 96), Image.Resampling.LANCZOS)
    assert np.abs(picture - np.asarray(expected, np.float64)).mean() < 1
