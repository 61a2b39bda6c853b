"""Mitoses that a person decided on: which they are, how they are divided, and the patches with their table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytoshift.engine import Needs
from cytoshift.engine.view import View
from cytoshift.errors import StudyError
from cytoshift.mitosis import read_patches
from cytoshift.mitosis.classes import ATYPICAL, CLASSES, LOOK_ALIKE, NORMAL
from cytoshift.mitosis.crops import crop_corners
from cytoshift.study import Study
from cytoshift.study.decided import DecidedMitoses, check_enough, count_kinds, decided_mitoses, has_mitoses, too_few
from cytoshift.study.log import SlideRecord
from cytoshift.study.mitosis_patches import UNKNOWN_SCANNER, mitosis_patches
from cytoshift.study.mitosis_split import split_mitoses

Make = Callable[..., Any]
APART = 150


@pytest.fixture
def study(tmp_path: Path, paint: Make) -> Any:
    """Return a study with one slide of 0.25 µm/px and one of 0.5."""
    with Study.create(tmp_path / "ward 7") as made:
        made.add_slide(paint("a", 2000, 0.25))
        made.add_slide(paint("b", 1500, 0.5))
        yield made


def decide(study: Study, slide: str, per_kind: int, apart: int = APART) -> None:
    """Add mitoses in rows of eight, every second one atypical."""
    for number in range(2 * per_kind):
        x, y = 40 + number % 8 * apart, 40 + number // 8 * apart
        study.add(slide, (x, y, x + 30, y + 30), CLASSES[number % 2])


def record(study: Study, slide: str = "a") -> SlideRecord:
    return study.slide(slide)


def test_mitoses_are_those_that_a_person_called_normal_or_atypical(study: Study, predict: Make) -> None:
    assert not has_mitoses(study)
    run = study.add_findings(predict("a", 10, CLASSES))  # normal, atypical, look-alike in turn
    assert has_mitoses(study)
    assert len(decided_mitoses(study, record(study))) == 0
    study.accept("a", [f"{run}:0", f"{run}:1", f"{run}:2"])
    study.relabel("a", f"{run}:5", ATYPICAL)
    study.relabel("a", f"{run}:3", LOOK_ALIKE)
    study.reject("a", f"{run}:4")
    study.unsure("a", f"{run}:6")
    study.add("a", (800, 800, 830, 840), NORMAL)
    seen = decided_mitoses(study, record(study))
    assert count_kinds([seen]) == (2, 2)
    assert [tuple(box) for box in seen.boxes[seen.labels == 1].tolist()] == [(100, 10, 120, 30), (460, 10, 480, 30)]
    assert (800.0, 800.0, 830.0, 840.0) in [tuple(box) for box in seen.boxes.tolist()]
    study.undo()
    assert count_kinds([decided_mitoses(study, record(study))]) == (1, 2)


def test_of_several_searches_the_last_decision_at_a_place_counts(study: Study, predict: Make) -> None:
    first = study.add_findings(predict("a", 4, CLASSES))
    study.accept("a", [f"{first}:0", f"{first}:1"])
    second = study.add_findings(predict("a", 4, CLASSES))
    study.relabel("a", f"{second}:0", ATYPICAL)
    study.reject("a", f"{second}:1")
    assert decided_mitoses(study, record(study)).labels.tolist() == [1]
    study.accept("a", f"{first}:1")
    assert decided_mitoses(study, record(study)).labels.tolist() == [1, 1]


def test_a_prediction_rejected_for_a_better_drawn_one_does_not_take_it_away(study: Study, predict: Make) -> None:
    run = study.add_findings(predict("a", 2, CLASSES))
    study.add("a", (8, 8, 34, 34), ATYPICAL)
    study.reject("a", f"{run}:0")
    assert decided_mitoses(study, record(study)).labels.tolist() == [1]


@pytest.mark.parametrize(
    ("normal", "atypical", "words"),
    [
        (0, 0, "Nobody decided on normal and atypical mitoses yet; decide on at least 8 of each kind in Review."),
        (20, 3, "3 atypical mitoses are too few; decide on at least 8 of each kind."),
        (1, 9, "1 normal mitosis is too few; decide on at least 8 of each kind."),
        (5, 0, "5 normal mitoses and no atypical mitoses are too few; decide on at least 8 of each kind."),
        (8, 8, ""),
    ],
)
def test_too_few_are_counted_in_words(normal: int, atypical: int, words: str) -> None:
    assert too_few(normal, atypical) == words


def test_patches_are_what_a_classifier_sees_with_their_scanner(study: Study, paint: Make, tmp_path: Path) -> None:
    decide(study, "a", 8)
    decide(study, "b", 8, apart=80)
    slides = {"a": paint("a", 2000, 0.25), "b": paint("b", 1500, 0.5)}
    object.__setattr__(slides["b"].info, "scanner", "Hamamatsu C9600-12")
    mitosis_patches(study, slides, tmp_path / "patches", mpp=0.25)
    patches = read_patches(tmp_path / "patches")
    assert (len(patches), patches.domain_names) == (32, ("Hamamatsu C9600-12", UNKNOWN_SCANNER))
    assert sorted(set(patches.splits)) == ["train", "tune", "val"]
    for split in ("train", "tune", "val"):
        there = patches.select(np.array(patches.splits) == split)
        assert 2 <= there.labels.sum() <= 12
        assert 2 <= len(there) - there.labels.sum() <= 12
    view = View.of(slides["b"], Needs(mpp=0.25))
    of_b = [k for k, slide in enumerate(patches.slides) if slide.startswith("b.tif")]
    assert len(of_b) == 16
    for index in of_b[:3]:
        x, y = patches.points[index].tolist()
        left, top = crop_corners(view.raster(np.array([[x, y, x, y]])), 128)[0].tolist()
        assert np.array_equal(patches.read(index), view.read(top, left, 128, 128))


def some(slide: str, corners: list[tuple[int, int]]) -> tuple[DecidedMitoses, Any]:
    """Return mitoses of a slide, every second one atypical, and where their patches begin."""
    boxes = np.array([(x, y, x + 20, y + 20) for x, y in corners], np.float32)
    known = SlideRecord(slide, slide, (), (0.25, 0.25), 40.0)
    return DecidedMitoses(known, boxes, np.arange(len(boxes)) % 2), np.array(corners, np.int64)


def test_whole_slides_are_held_back_where_there_are_enough() -> None:
    lots = [some(f"s{k}", [(130 * n, 0) for n in range(4)]) for k in range(8)]
    parts = split_mitoses([lot for lot, _ in lots], [corners for _, corners in lots], 128, seed=3)
    assert all(len(set(part)) == 1 for part in parts)
    assert sorted(part[0] for part in parts).count("val") == 2
    assert parts == split_mitoses([lot for lot, _ in lots], [corners for _, corners in lots], 128, seed=3)


def test_patches_that_share_pixels_stay_together() -> None:
    chains = [(300 * group + 100 * n, 0) for group in range(0, 40, 2) for n in range(2)]
    sets, corners = some("s", chains)
    (parts,) = split_mitoses([sets], [corners], 128, seed=0)
    assert set(parts) == {"train", "tune", "val"}
    for one in range(0, len(chains), 2):
        assert parts[one] == parts[one + 1]


def test_mitoses_that_cannot_be_held_apart_are_refused() -> None:
    sets, corners = some("s", [(10 * n, 0) for n in range(40)])
    with pytest.raises(StudyError, match="so close together"):
        split_mitoses([sets], [corners], 128, seed=0)


def test_a_slide_without_microns_is_named(tmp_path: Path, paint: Make) -> None:
    with Study.create(tmp_path / "s") as study:
        study.add_slide(paint("c", 2000))
        decide(study, "c", 8)
        with pytest.raises(StudyError, match=r"c\.tif does not say how large a pixel is"):
            check_enough([decided_mitoses(study, record(study, "c"))])
