"""A report as HTML and as PDF: the same words in the same order, text that is never markup, nothing cut off."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from cytoshift.errors import ReportError
from cytoshift.mitosis.classes import ATYPICAL, LOOK_ALIKE, NORMAL
from cytoshift.models import Registry
from cytoshift.report import SlideReport, Wanted, report_of, slide_page, write_page
from cytoshift.report.blocks import Page, Row, Steps, Table, Words, printable
from cytoshift.slides import open_slide
from cytoshift.study import Study

EVIL = '"><script>alert(1)</script>'
VOID = {"meta", "img", "br"}
A4_MM = (210, 297)
EDGE = 20
"""Points, 7 mm, that printers leave white."""


class Reading(HTMLParser):
    """Reads a page and refuses tags that do not close in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") for name, _ in attrs)
        self.tags.add(tag)
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words += data.split()


def html_of(told: SlideReport, folder: Path) -> str:
    return write_page(folder / "report.html", slide_page(told)).read_text(encoding="utf-8")


def pdf_of(told: SlideReport, folder: Path) -> list[str]:
    """Return the words on each sheet."""
    path = write_page(folder / "report.pdf", slide_page(told))
    with pypdfium2.PdfDocument(path) as document:
        for sheet in document:
            width, height = sheet.get_size()
            assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == A4_MM
            for one in sheet.get_objects(max_depth=1):  # words, pictures, lines: none is cut off by the sheet's edge
                left, bottom, right, top = one.get_bounds()
                assert min(left, bottom) >= EDGE
                assert right <= width - EDGE
                assert top <= height - EDGE
        return [sheet.get_textpage().get_text_range() for sheet in document]


@pytest.fixture
def told(study: Study, identity: str, registry: Registry) -> SlideReport:
    (run,) = study.runs(identity)
    study.accept(identity, f"{run}:4")
    study.relabel(identity, f"{run}:2", "HSIL")
    study.add(identity, (700, 500, 760, 560), "Körnige Zelle µ²κ×")
    return report_of(study, identity, registry)


def test_both_files_say_the_same_in_the_same_order(told: SlideReport, tmp_path: Path) -> None:
    page = Reading(html_of(told, tmp_path))
    (sheet,) = pdf_of(told, tmp_path)
    headings = ["The slide", "Cells", "Where the findings come from", "What was decided", "The most severe cells"]
    words = " ".join(page.words)
    for text in (words, " ".join(sheet.split())):
        places = [text.index(heading) for heading in headings]
        assert places == sorted(places)
        assert "not a diagnosis" in text[: places[0]]
        assert "5 of 8 cells are undecided" in text[: places[0]]
        assert "Körnige Zelle µ²κ×" in text
        assert "was LSIL · A" in text
        assert "not recorded" in text
        assert "0123456789ab" in text
    in_pdf = set(sheet.split())
    missing = [word for word in page.words if word not in in_pdf and word not in sheet.replace("\r\n", " ")]
    assert not missing


def test_one_file_of_html_holds_everything_and_no_script(told: SlideReport, tmp_path: Path) -> None:
    text = html_of(told, tmp_path)
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert not {"script", "link", "iframe"} & Reading(text).tags
    assert "default-src 'none'" in text
    images = re.findall(r"data:image/jpeg;base64,([^\"]+)", text)
    sizes = [Image.open(io.BytesIO(base64.b64decode(image))).size for image in images]
    assert sizes == [(900, 720)] + [(192, 192)] * 8


def test_names_are_text_and_never_markup(
    tmp_path: Path, pixels: np.ndarray, registry: Registry, found: Callable[..., object]
) -> None:
    with Study.create(tmp_path / "<i>study") as study:
        Image.fromarray(pixels).save(tmp_path / "smear.png")
        slide = open_slide(tmp_path / "smear.png")
        identity = study.add_slide(slide)
        study.add_findings(found(identity, ("<b>", "&amp;"), model=EVIL))
        study.author = EVIL
        study.add(identity, (10, 10, 50, 50), "\x00</td>")
        told = report_of(study, identity, registry, wanted=Wanted(limits=(0.0, {})))
        told = replace(told, record=replace(told.record, name=EVIL + "\ud800"))
    page = Reading(html_of(told, tmp_path))
    assert not {"script", "b", "i"} & page.tags
    words = " ".join(page.words)
    (sheet,) = pdf_of(told, tmp_path)
    for text in (EVIL, "<b>", "&amp;", "�</td>", "<i>study"):
        assert text in words
        assert text[:6] in sheet


def test_what_no_page_can_hold_is_marked() -> None:
    assert printable("a\tb\ud800µ") == "a�b�µ"


def test_a_blinded_report_says_whose_reading_it_is(
    study: Study, identity: str, registry: Registry, tmp_path: Path
) -> None:
    (run,) = study.runs(identity)
    study.reject(identity, f"{run}:0")
    study.read_as("Dr B")
    study.accept(identity, f"{run}:1")
    text = " ".join(Reading(html_of(report_of(study, identity, registry), tmp_path)).words)
    assert "reading of Dr B, blinded to all others" in text
    assert "6 of 7 cells are undecided: Dr B has not decided on them" in text
    assert "ada" not in text
    study.read_as("")
    assert "Dr B, a blinded second reader" in " ".join(pdf_of(report_of(study, identity, registry), tmp_path))


def test_a_slide_without_scale_or_cells_says_so(tmp_path: Path, smear: Path, registry: Registry) -> None:
    with Study.create(tmp_path / "empty") as study:
        identity = study.add_slide(open_slide(smear))
        told = report_of(study, identity, registry)
        text = " ".join(Reading(html_of(told, tmp_path)).words)
        assert "There are no cells to count." in text
        assert "µm/px unknown" in text
        assert "Nothing was found" in text
        study.add(identity, (100, 100, 140, 140), "HSIL")
        (sheet,) = pdf_of(report_of(study, identity, registry), tmp_path)
        assert "Every picture is the same number of pixels wide" in sheet
        assert "bar" not in sheet
        assert "nobody knows its µm/px" in " ".join(sheet.split())


def test_glass_without_tissue_has_no_densities(
    tmp_path: Path, registry: Registry, found: Callable[..., object]
) -> None:
    Image.new("RGB", (600, 400), (243, 243, 243)).save(tmp_path / "glass.png")
    with Study.create(tmp_path / "glass") as study:
        identity = study.add_slide(open_slide(tmp_path / "glass.png").calibrated((0.25, 0.25)))
        study.add_findings(found(identity))
        told = report_of(study, identity, registry)
    assert told.searched_mm2 == 0.0
    assert "No densities: no tissue was found where it was searched." in html_of(told, tmp_path)
    assert len(pdf_of(told, tmp_path)) == 1


def test_tables_are_cut_before_a_report_has_more_than_two_sheets(
    study: Study, identity: str, registry: Registry, tmp_path: Path, found: Callable[..., object]
) -> None:
    labels = tuple(f"A class with quite a long name {at}" for at in range(40))
    for number in range(8):
        study.author = f"author {number}"
        study.add_findings(found(identity, labels, model=f"model-{number}"))
        run = study.runs(identity)[-1]
        study.accept(identity, f"{run}:{number}")
        study.note(identity, "", f"note {number}")
    wanted = Wanted(limits=(0.0, {}))
    told = report_of(study, identity, registry, wanted=wanted)
    sheets = pdf_of(told, tmp_path)
    assert len(sheets) <= 2
    assert "27 further classes" in " ".join(sheets)
    assert "3 further sources" in " ".join(sheets)
    assert "2 others" in " ".join(sheets)
    assert "note 7" in " ".join(sheets)
    assert "2 earlier notes" in " ".join(sheets)


def test_a_mitotic_count_leaves_room_for_fewer_cells_and_more_go_on_further_sheets(
    study: Study, identity: str, registry: Registry, tmp_path: Path, found: Callable[..., object]
) -> None:
    study.add_findings(found(identity, (NORMAL, ATYPICAL, LOOK_ALIKE) * 30))
    told = report_of(study, identity, registry, wanted=Wanted(limits=(0.0, {})))
    assert len(told.severe) == 16
    (sheet,) = pdf_of(told, tmp_path)
    assert "Mitotic count" in sheet
    all_of = report_of(study, identity, registry, wanted=Wanted(limits=(0.0, {}), crops=60))
    assert len(pdf_of(all_of, tmp_path)) == 2
    assert html_of(all_of, tmp_path).count("data:image") == 61


def test_words_as_long_as_a_sheet_are_broken(told: SlideReport, tmp_path: Path) -> None:
    name = "W" * 5000
    long = replace(told, record=replace(told.record, name=name), study=name, missing=name[:900], author=name)
    assert len(pdf_of(long, tmp_path)) <= 2
    Reading(html_of(long, tmp_path))


def test_every_block_can_be_on_paper(tmp_path: Path) -> None:
    table = Table(("Class", "Cells"), (Row(("HSIL", "3"), (213, 94, 0), 1.0), Row(("NILM", "0"), None, 0.0)), numbers=1)
    page = Page(
        "Heading", "Title", (Steps((("Do it", "cytoshift info slide"),)), table, Words("Well.")), "Foot", "Below"
    )
    path = write_page(tmp_path / "page.pdf", page)
    with pypdfium2.PdfDocument(path) as document:
        sheet = document[0].get_textpage().get_text_range()
        assert document.get_metadata_value("Title") == "Title"
    words = sheet.split()
    said = ["Heading", "Below", "Do", "cytoshift", "HSIL", "NILM", "Well."]
    assert [word for word in words if word in said] == said
    assert "Foot" in words


def test_a_folder_that_is_not_there_is_one_sentence_and_an_older_file_stays(
    told: SlideReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReportError, match="cannot be written"):
        write_page(tmp_path / "nowhere" / "report.pdf", slide_page(told))
    old = tmp_path / "report.html"
    old.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cytoshift.durable.os.fsync", full)
    with pytest.raises(ReportError, match="No space left on device"):
        write_page(old, slide_page(told))
    assert old.read_text() == "old"
    assert [path.name for path in tmp_path.glob(".report*")] == []
