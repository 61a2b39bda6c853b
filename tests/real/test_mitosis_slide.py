"""A slide made of real patches at known places: candidates, classes and counts, with the models that ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from patch_slide import PatchSlide, write_patch_slide

from cytoshift.engine import Findings, run_findings
from cytoshift.errors import ModelError
from cytoshift.mitosis import classify_places, read_patches
from cytoshift.mitosis.classes import ATYPICAL, LOOK_ALIKE, NORMAL
from cytoshift.mitosis.crops import ATYPICAL as MEASURE
from cytoshift.models import STARTER, Model, Registry, build_classifier, build_finder, find_mitosis_detector
from cytoshift.slides import open_slide

NEAR = 7.5 / 0.25


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    """Return the detector and the classifier of mitoses that ship."""
    registry = Registry(tmp_path_factory.mktemp("empty"))  # what a person adopted does not count here
    try:
        return find_mitosis_detector(registry), registry.find(STARTER, "mitosis")
    except ModelError as error:
        pytest.skip(f"no models of mitoses ship yet: {error}")


@pytest.fixture(scope="module")
def slide(data: Path, tmp_path_factory: pytest.TempPathFactory) -> PatchSlide:
    patches = read_patches(data / "mitosis" / "ami-br", "val")
    return write_patch_slide(tmp_path_factory.mktemp("slide") / "mitoses.tif", patches, side=2048, seed=0)


@pytest.fixture(scope="module")
def found(models: tuple[Model, Model], slide: PatchSlide) -> Findings:
    return run_findings(open_slide(slide.file), build_finder(*models))


def partners(found: Findings, slide: PatchSlide) -> tuple[np.ndarray, np.ndarray]:
    """Return the finding nearest to each place, and whether it is near enough."""
    at = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    apart = np.hypot(*(slide.centres[:, None] - at[None]).transpose(2, 0, 1))
    return apart.argmin(axis=1), apart.min(axis=1) <= NEAR


def test_most_mitoses_are_found_and_little_else(found: Findings, slide: PatchSlide) -> None:
    mitoses = found.select(found.labels != found.classes.index(LOOK_ALIKE))
    _, near = partners(mitoses, slide)
    recall, precision = near.mean(), near.sum() / len(mitoses)
    assert recall > 0.7, f"recall {recall:.2f}"
    assert precision > 0.7, f"precision {precision:.2f}"


def test_their_classes_are_mostly_right_and_follow_the_probabilities(found: Findings, slide: PatchSlide) -> None:
    mitoses = found.select(found.labels != found.classes.index(LOOK_ALIKE))
    nearest, near = partners(mitoses, slide)
    called = mitoses.labels[nearest[near]] == mitoses.classes.index(ATYPICAL)
    truth = slide.atypical[near]
    balanced = ((called & truth).sum() / truth.sum() + (~called & ~truth).sum() / (~truth).sum()) / 2
    assert balanced > 0.65, f"balanced accuracy {balanced:.2f}"
    assert {mitoses.classes[label] for label in np.unique(mitoses.labels)} == {NORMAL, ATYPICAL}


def test_a_file_gives_the_same_probabilities(found: Findings, models: tuple[Model, Model], slide: PatchSlide) -> None:
    classifier = build_classifier(models[1])
    some = found.select(np.arange(min(24, len(found))))
    places = classify_places(open_slide(slide.file), some.boxes, classifier)
    inside = ((some.boxes > 0) & (some.boxes < 2048)).all(axis=1)
    np.testing.assert_allclose(places[MEASURE][inside], some.measures[MEASURE][inside], atol=1e-5)
