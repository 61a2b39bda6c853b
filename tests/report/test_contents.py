"""What a report tells are the numbers of a study that was made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cytoshift.errors import StudyError
from cytoshift.mitosis.classes import ATYPICAL, LOOK_ALIKE, NORMAL
from cytoshift.mitosis.counting import Window
from cytoshift.models import Registry
from cytoshift.report import Wanted, report_of
from cytoshift.report.areas import tissue_mm2, within
from cytoshift.report.counts import class_counts, most_severe
from cytoshift.slides import open_slide
from cytoshift.slides.tissue import Tissue, find_tissue
from cytoshift.study import State, Study
from cytoshift.study.agreement import agreement
from cytoshift.study.coverage import Coverage

MPP = 0.25


@pytest.fixture
def reviewed(study: Study, identity: str) -> Study:
    """Return the study after two authors decided on five of the cells and added one."""
    (run,) = study.runs(identity)
    study.accept(identity, [f"{run}:0", f"{run}:4"])
    study.reject(identity, f"{run}:1")
    study.author = "björn"
    study.relabel(identity, f"{run}:2", "HSIL")
    study.unsure(identity, f"{run}:3")
    added = study.add(identity, (700, 500, 760, 560), "SCC")
    study.move(identity, added.id, (710, 500, 770, 560))
    study.accept(identity, f"{run}:5")
    study.undo(identity)
    study.mark_complete(identity, (0, 0, 400, 400))
    study.mark_complete(identity, (200, 0, 600, 400))
    return study


def counts(told: object) -> dict[str, tuple[int, int]]:
    return {one.label: (one.cells, one.undecided) for one in told.counts}  # type: ignore[attr-defined]


def test_cells_are_counted_by_class_and_by_who_decided(reviewed: Study, identity: str, registry: Registry) -> None:
    told = report_of(reviewed, identity, registry)
    assert counts(told) == {"NILM": (1, 0), "LSIL": (0, 0), "HSIL": (3, 1), "SCC": (2, 1)}
    assert (told.cells, told.undecided, told.unsure, told.rejected) == (6, 2, 1, 1)
    assert [(one.name, one.cells, one.key) for one in told.sources] == [("by-hand", 5, "A"), ("Added by hand", 1, "B")]
    assert told.sources[0].version == "0123456789ab"
    assert told.missing == ""


def test_what_each_author_decided_is_told_without_what_was_taken_back(
    reviewed: Study, identity: str, registry: Registry
) -> None:
    ada, björn = report_of(reviewed, identity, registry).decided
    assert (ada.author, ada.accepted, ada.rejected, ada.relabelled, ada.added) == ("ada", 2, 1, 0, 0)
    assert (björn.author, björn.accepted, björn.relabelled, björn.moved, björn.unsure) == ("björn", 0, 1, 1, 1)
    assert björn.added == 1
    assert ada.first <= ada.last <= björn.last


def test_regions_that_overlap_are_measured_once(reviewed: Study, identity: str, registry: Registry) -> None:
    told = report_of(reviewed, identity, registry)
    assert told.complete == 2
    assert told.complete_mm2 == pytest.approx(600 * 400 * MPP**2 / 1e6)


def test_densities_are_per_mm2_of_the_tissue_that_was_searched(
    study: Study, identity: str, registry: Registry, found: Callable[..., object], smear: Path
) -> None:
    study.add_findings(found(identity, region=(0.0, 0.0, 300.0, 800.0)))
    told = report_of(study, identity, registry)
    slide = open_slide(smear).calibrated((MPP, MPP))
    area = 300 * 800 * MPP**2 / 1e6 * find_tissue(slide).covered(0, 0, 300, 800)
    assert told.searched_mm2 == pytest.approx(area)
    assert counts(told)["HSIL"][0] == 3
    assert {one.label: one.per_mm2 for one in told.counts} == pytest.approx(
        {"NILM": 2 / area, "LSIL": 1 / area, "HSIL": 0.0, "SCC": 0.0}
    )


def test_tissue_is_measured_within_a_box(smear: Path) -> None:
    slide = open_slide(smear).calibrated((MPP, 2 * MPP))
    half = np.zeros((8, 10), np.bool_)
    half[:, :5] = True
    tissue = Tissue(half, (100.0, 100.0))
    assert tissue_mm2(slide, tissue, within(slide, None)) == pytest.approx(500 * 800 * 2 * MPP**2 / 1e6)
    assert tissue_mm2(slide, tissue, within(slide, (400, -50, 600, 100))) == pytest.approx(100 * 100 * 2 * MPP**2 / 1e6)
    assert tissue_mm2(slide, tissue, within(slide, (2000, 0, 3000, 100))) == 0.0
    assert tissue_mm2(open_slide(smear), tissue, within(slide, None)) is None


def test_the_most_severe_come_first_then_the_decided_then_the_surest(
    reviewed: Study, identity: str, registry: Registry
) -> None:
    told = report_of(reviewed, identity, registry)
    assert [(one.label, one.state, one.was, one.source) for one in told.severe[:5]] == [
        ("SCC", State.ADDED, "", "B"),
        ("SCC", State.PREDICTED, "", "A"),
        ("HSIL", State.ACCEPTED, "", "A"),
        ("HSIL", State.ACCEPTED, "LSIL", "A"),
        ("HSIL", State.UNSURE, "", "A"),
    ]
    assert told.severe[0].score is None
    assert told.severe[2].score == pytest.approx(0.95)
    assert {one.label for one in told.severe} == {"NILM", "HSIL", "SCC"}
    assert [len(report_of(reviewed, identity, registry, wanted=Wanted(crops=n)).severe) for n in (0, 3)] == [0, 3]


def test_pictures_of_cells_show_one_physical_size(reviewed: Study, identity: str, registry: Registry) -> None:
    told = report_of(reviewed, identity, registry)
    assert told.crop_um == 48
    assert {one.picture.size for one in told.severe if one.picture is not None} == {(192, 192)}
    assert told.thumbnail is not None
    assert told.thumbnail.size == (900, 720)


def test_other_searches_are_named_and_their_decisions_are_not_lost_silently(
    reviewed: Study, identity: str, registry: Registry, found: Callable[..., object]
) -> None:
    reviewed.add_findings(found(identity, model="newer", through="reinhard"))
    told = report_of(reviewed, identity, registry)
    assert [(one.name, one.key, one.cells) for one in told.sources] == [
        ("newer", "A", 7),
        ("Added by hand", "B", 1),
        ("by-hand", "", 8),
    ]
    assert told.sources[0].looked_at == "the whole slide, through reinhard"
    assert told.elsewhere == 5  # cells 0 to 4 of the first search
    first = reviewed.runs(identity)[0]
    assert report_of(reviewed, identity, registry, wanted=Wanted(run=first)).elsewhere == 0


def test_a_model_is_called_by_its_title_where_just_this_version_is_known(
    study: Study, identity: str, registry: Registry, found: Callable[..., object]
) -> None:
    card = registry.find("starter", "detector").card
    made = found(identity, model=card.id)
    from dataclasses import replace

    study.add_findings(replace(made, provenance=replace(made.provenance, version=card.sha256)))
    told = report_of(study, identity, registry)
    assert told.sources[0].name == f"{card.title} ({card.id})"
    assert told.limits["HSIL"] == card.thresholds.get("HSIL", card.threshold)
    study.add_findings(made)
    assert report_of(study, identity, registry).sources[0].name == card.id


def test_a_blinded_reader_is_told_of_the_own_reading_only(reviewed: Study, identity: str, registry: Registry) -> None:
    (run,) = reviewed.runs(identity)
    reviewed.read_as("Dr B")
    reviewed.accept(identity, [f"{run}:3", f"{run}:0"])
    reviewed.relabel(identity, f"{run}:4", "LSIL")
    told = report_of(reviewed, identity, registry)
    assert told.reader == "Dr B"
    assert [one.author for one in told.decided] == ["Dr B"]
    assert counts(told) == {"NILM": (2, 1), "LSIL": (2, 1), "HSIL": (2, 1), "SCC": (1, 1)}
    assert (told.unsure, told.rejected, told.complete, told.seconds) == (0, 0, 0, ())
    assert [one.name for one in told.sources] == ["by-hand"]
    reviewed.read_as("")
    common = report_of(reviewed, identity, registry)
    assert [one.author for one in common.decided] == ["ada", "björn"]
    (second,) = common.seconds
    assert (second.reader, second.kappa) == ("Dr B", agreement(reviewed).kappa)


def test_the_mitotic_count_is_that_of_the_densest_spot(
    study: Study, identity: str, registry: Registry, found: Callable[..., object]
) -> None:
    study.add_findings(found(identity, (NORMAL, ATYPICAL, LOOK_ALIKE, NORMAL)))
    told = report_of(study, identity, registry, wanted=Wanted(window=Window(0.002), limits=(0.0, {})))
    assert told.mitoses is not None
    assert (told.mitoses.count.mitoses, told.mitoses.count.atypical) == (2, 1)
    assert [one.label for one in told.severe] == [ATYPICAL, NORMAL, NORMAL]
    assert report_of(study, identity, registry, wanted=Wanted(run="")).mitoses is None


def test_without_cells_there_is_a_report_too(tmp_path: Path, smear: Path, registry: Registry) -> None:
    with Study.create(tmp_path / "empty") as study:
        told = report_of(study, study.add_slide(open_slide(smear)), registry)
    assert (told.counts, told.sources, told.decided, told.severe, told.cells) == ((), (), (), (), 0)
    assert told.thumbnail is not None
    assert (told.searched_mm2, told.crop_um) == (None, None)


def test_a_slide_that_is_gone_leaves_numbers_and_a_sentence(
    reviewed: Study, identity: str, registry: Registry, smear: Path
) -> None:
    smear.unlink()
    told = report_of(reviewed, identity, registry)
    assert "smear.png was not found" in told.missing
    assert told.cells == 6
    assert told.complete_mm2 is not None
    assert (told.thumbnail, told.searched_mm2, told.slide) == (None, None, None)
    assert all(one.picture is None for one in told.severe)
    smear.write_bytes(b"no picture")
    assert "no pictures and no areas" in report_of(reviewed, identity, registry).missing


def test_another_slide_in_its_place_is_not_taken_for_it(
    reviewed: Study, identity: str, registry: Registry, smear: Path, pixels: np.ndarray
) -> None:
    from PIL import Image

    Image.fromarray(255 - pixels).save(smear)
    told = report_of(reviewed, identity, registry)
    assert "is another slide than it was" in told.missing
    assert told.thumbnail is None


def test_what_is_not_in_the_study_is_said(study: Study, registry: Registry) -> None:
    with pytest.raises(StudyError, match="has no slide"):
        report_of(study, "nothing", registry)


def test_a_million_cells_are_counted_at_once() -> None:
    from cytoshift.engine.findings import Findings, Provenance
    from cytoshift.study.cells import fold_cells

    number = 1_000_000
    boxes = np.zeros((number, 4), np.float32)
    labels = (np.arange(number) % 3).astype(np.int16)
    scores = np.linspace(0, 1, number, dtype=np.float32)
    cells = fold_cells(Findings(boxes, scores, labels, ("NILM", "LSIL", "HSIL"), Provenance("a", "m")), "run", ())
    assert [one.cells for one in class_counts(cells, None, None)] == [333334, 333333, 333333]
    assert most_severe(cells, 2).tolist() == [999998, 999995]


def test_what_was_looked_at_is_that_of_the_reading(
    study: Study, identity: str, registry: Registry, smear: Path
) -> None:
    unseen = Coverage.of(open_slide(smear).calibrated((MPP, MPP)))
    study.add_coverage(identity, unseen.marked((0, 0, 1000, 400), 5.0).marked((0, 400, 1000, 800), 20.0))
    told = report_of(study, identity, registry)
    assert told.screened == pytest.approx(0.5, abs=0.01)
    study.read_as("Dr B")
    assert report_of(study, identity, registry).screened is None


def test_notes_about_the_slide_are_told_and_those_about_cells_are_not(
    reviewed: Study, identity: str, registry: Registry
) -> None:
    (run,) = reviewed.runs(identity)
    reviewed.note(identity, "", "thick smear")
    reviewed.note(identity, f"{run}:0", "folded")
    reviewed.note(identity, "", "taken back")
    reviewed.undo(identity)
    assert [(one.author, one.text) for one in report_of(reviewed, identity, registry).notes] == [
        ("björn", "thick smear")
    ]
