"""Real mitoses at known places of real tissue: candidates, classes and counts, with the models that ship.

Neither model has seen any of it. Bounds are a little below what was measured; docs/results.md has the figures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from patch_slide import PatchSlide
from tissue_slide import write_tissue_slide

from cytoshift.cli import main
from cytoshift.engine import Findings, run_findings
from cytoshift.mitosis import classify_places
from cytoshift.mitosis.classes import ATYPICAL, LOOK_ALIKE, NORMAL
from cytoshift.mitosis.crops import ATYPICAL as MEASURE
from cytoshift.models import STARTER, Model, Registry, build_classifier, build_finder, find_mitosis_detector
from cytoshift.slides import open_slide
from cytoshift.study.formats import geojson

NEAR = 7.5 / 0.25
AREA = 0.05
"""mm² of the window that is counted in: 1,033 x 775 px of the slide's 2,048."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    """Return the detector and the classifier of mitoses that ship."""
    registry = Registry(tmp_path_factory.mktemp("empty"))  # what a person adopted does not count here
    return find_mitosis_detector(registry), registry.find(STARTER, "mitosis")


@pytest.fixture(scope="module")
def slide(data: Path, tmp_path_factory: pytest.TempPathFactory) -> PatchSlide:
    return write_tissue_slide(data, tmp_path_factory.mktemp("slide") / "mitoses.tif")


@pytest.fixture(scope="module")
def found(models: tuple[Model, Model], slide: PatchSlide) -> Findings:
    return run_findings(open_slide(slide.file), build_finder(*models))


@pytest.fixture(scope="module")
def mitoses(found: Findings) -> Findings:
    return found.select(found.labels != found.classes.index(LOOK_ALIKE))


def centres(found: Findings) -> npt.NDArray[np.float32]:
    return (found.boxes[:, :2] + found.boxes[:, 2:]) / 2


def partners(found: Findings, slide: PatchSlide) -> tuple[np.ndarray, np.ndarray]:
    """Return the finding nearest to each place, and whether it is near enough."""
    apart = np.hypot(*(slide.centres[:, None] - centres(found)[None]).transpose(2, 0, 1))
    return apart.argmin(axis=1), apart.min(axis=1) <= NEAR


def test_most_mitoses_are_found_and_little_else(mitoses: Findings, slide: PatchSlide) -> None:
    _, near = partners(mitoses, slide)
    recall, precision = near.mean(), near.sum() / len(mitoses)
    assert recall > 0.7, f"recall {recall:.2f}"
    assert precision > 0.7, f"precision {precision:.2f}"


def test_their_classes_are_mostly_right_and_follow_the_probabilities(mitoses: Findings, slide: PatchSlide) -> None:
    nearest, near = partners(mitoses, slide)
    called = mitoses.labels[nearest[near]] == mitoses.classes.index(ATYPICAL)
    truth = slide.atypical[near]
    balanced = ((called & truth).sum() / truth.sum() + (~called & ~truth).sum() / (~truth).sum()) / 2
    assert balanced > 0.6, f"balanced accuracy {balanced:.2f}"
    assert {mitoses.classes[label] for label in np.unique(mitoses.labels)} == {NORMAL, ATYPICAL}


def test_the_densest_spot_and_its_counts_are_nearly_those_of_the_truth(
    mitoses: Findings, slide: PatchSlide, tmp_path: Path
) -> None:
    boxes = np.concatenate([slide.centres - 25, slide.centres + 25], axis=1).astype(np.float32)
    known = Findings(
        boxes,
        np.ones(len(boxes), np.float32),
        np.where(slide.atypical, mitoses.classes.index(ATYPICAL), mitoses.classes.index(NORMAL)).astype(np.int16),
        mitoses.classes,
        mitoses.provenance,
    )
    there, told = (counted(slide, each, tmp_path) for each in (known, mitoses))
    assert overlap(there["box"], told["box"]) > 0.5
    assert told["mitoses"] == pytest.approx(there["mitoses"], rel=0.25)
    x0, y0, x1, y1 = told["box"]
    inside = ((centres(mitoses) >= (x0, y0)) & (centres(mitoses) <= (x1, y1))).all(axis=1)
    atypical = mitoses.labels == mitoses.classes.index(ATYPICAL)
    assert (told["mitoses"], told["atypical"]) == (inside.sum(), (inside & atypical).sum())


def test_the_terminal_finds_the_same(found: Findings, slide: PatchSlide, tmp_path: Path) -> None:
    terminal(["detect", str(slide.file), "--classifier", STARTER, "--out", str(tmp_path / "cells.geojson")])
    written = geojson.read(tmp_path / "cells.geojson")
    np.testing.assert_array_equal(written.boxes, found.boxes)
    names = [[each.classes[label] for label in each.labels] for each in (written, found)]
    assert names[0] == names[1]
    np.testing.assert_allclose(written.measures[MEASURE], found.measures[MEASURE], atol=1e-6)


def test_a_file_gives_the_same_probabilities(found: Findings, models: tuple[Model, Model], slide: PatchSlide) -> None:
    classifier = build_classifier(models[1])
    some = found.select(np.arange(min(24, len(found))))
    places = classify_places(open_slide(slide.file), some.boxes, classifier)
    inside = ((some.boxes > 0) & (some.boxes < 2048)).all(axis=1)
    np.testing.assert_allclose(places[MEASURE][inside], some.measures[MEASURE][inside], atol=1e-5)


def terminal(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0


def counted(slide: PatchSlide, cells: Findings, folder: Path) -> dict[str, Any]:
    """Return what the terminal counts on the densest spot."""
    file, numbers = geojson.write(folder / "counted.geojson", cells), folder / "count.json"
    terminal(["count", str(slide.file), "--findings", str(file), "--area", str(AREA), "--json", str(numbers)])
    told: dict[str, Any] = json.loads(numbers.read_text())
    return told


def overlap(one: list[float], other: list[float]) -> float:
    """Return which share of a box another one covers."""
    width, height = (max(0.0, min(one[k + 2], other[k + 2]) - max(one[k], other[k])) for k in (0, 1))
    return width * height / ((one[2] - one[0]) * (one[3] - one[1]))
