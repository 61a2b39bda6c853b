"""Mitoses in one pass: what is found where, how it is named and measured, and that nothing depends on the tiles."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from same_bytes import ArraySlide, assert_same_findings
from tiny_models import TinyClassifier, TinyDetector

from cytoshift.engine import run_findings
from cytoshift.errors import ModelError, SlideError
from cytoshift.mitosis import MitosisFinder, classify_places
from cytoshift.mitosis.classes import CLASSES
from cytoshift.mitosis.crops import AT_ONCE, crop_corners
from cytoshift.mitosis.finder import reduced

RGB = npt.NDArray[np.uint8]

NORMAL, ATYPICAL, BROWN = (60, 40, 110), (60, 160, 100), (110, 60, 40)
"""Colours of figures: green in the middle is what the tiny classifier calls atypical."""


def painted(height: int, width: int, seed: int = 0, gap: int = 70) -> tuple[RGB, npt.NDArray[np.int64], list[int]]:
    """Return a noisy field with figures of 20 px at 0.25 µm/px, their centres x, y, and which of `CLASSES` each is."""
    random = np.random.default_rng(seed)
    image = random.integers(200, 256, (height, width, 3), np.uint8)
    centres, kinds = [], []
    for y in range(12, height - 12, gap):
        for x in range(12, width - 12, gap):
            at = np.array([x, y]) + random.integers(0, gap - 45, 2)
            if (at > (width - 11, height - 11)).any():
                continue
            kind = int(random.integers(3))
            image[at[1] - 10 : at[1] + 10, at[0] - 10 : at[0] + 10] = (NORMAL, ATYPICAL, BROWN)[kind]
            centres.append(at)
            kinds.append(kind)
    return image, np.array(centres), kinds


def finder() -> MitosisFinder:
    return MitosisFinder(TinyDetector(), TinyClassifier())


def test_every_figure_is_found_once_with_its_name_and_its_measures() -> None:
    image, centres, kinds = painted(900, 1100)
    found = run_findings(ArraySlide(image, mpp=0.25), finder())
    assert found.classes == CLASSES
    assert list(found.measures) == ["mitosis", "atypical", "phase: metaphase", "phase: other"]
    assert len(found) == len(centres)
    at = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    distance = np.hypot(*(at[:, None] - centres[None]).transpose(2, 0, 1))
    inside = ((centres > 40) & (centres < (1060, 860))).all(axis=1)  # boxes are cut at the slide's edges
    assert (distance.min(axis=0)[inside] < 1.5).all()
    nearest = distance.argmin(axis=1)
    assert found.labels.tolist() == [kinds[k] for k in nearest]
    look_alikes = found.labels == CLASSES.index("look-alike")
    np.testing.assert_array_equal(found.measures["mitosis"][~look_alikes], found.scores[~look_alikes])
    assert np.isnan(found.measures["mitosis"][look_alikes]).all()
    expected = np.array([(NORMAL, ATYPICAL, BROWN)[kinds[k]][1] for k in nearest]) / 255
    np.testing.assert_allclose(found.measures["atypical"], expected, atol=1e-6)
    assert found.provenance.model == "tiny-detector+tiny-classifier"
    assert found.provenance.version == "d1+c1"


def test_tile_order_resuming_and_batches_change_nothing(tmp_path: Path) -> None:
    image, _, _ = painted(700, 900, seed=1)
    assert_same_findings(ArraySlide(image, mpp=0.25), finder(), tmp_path)


@pytest.mark.parametrize("detector", [TinyDetector(halo=0), TinyDetector(mpp=0.25, tile=256), TinyDetector(mpp=1.0)])
def test_the_halo_holds_the_crop_of_every_box_that_counts(detector: TinyDetector) -> None:
    made = MitosisFinder(detector, TinyClassifier())
    assert made.needs.mpp == 0.25
    assert made.needs.halo >= 64 + made.doubles.pixels  # type: ignore[union-attr]
    assert made.needs.tile % made.needs.alignment == made.needs.halo % made.needs.alignment == 0
    image, _, _ = painted(600, 600, seed=2)
    found = run_findings(ArraySlide(image, mpp=0.25), made)
    places = classify_places(ArraySlide(image, mpp=0.25), found.boxes, TinyClassifier())
    inside = ((found.boxes > 0) & (found.boxes < 600)).all(axis=1)
    assert inside.sum() > 20
    np.testing.assert_array_equal(found.measures["atypical"][inside], places["atypical"][inside])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_a_place_read_from_a_file_gives_the_probability_of_the_pass(seed: int) -> None:
    image, _, _ = painted(700, 700, seed, gap=64)
    slide = ArraySlide(image, mpp=0.25)
    found = run_findings(slide, finder())
    classifier = TinyClassifier()
    places = classify_places(slide, found.boxes, classifier)
    whole = ((found.boxes > 0) & (found.boxes < 700)).all(axis=1)
    for name, column in places.items():
        np.testing.assert_array_equal(column[whole], found.measures[name][whole], err_msg=name)
    assert set(classifier.batches) == {AT_ONCE}


def test_on_a_finer_slide_crops_are_resampled_to_the_same_scale() -> None:
    image, centres, _ = painted(400, 400, seed=3)
    boxes = np.concatenate([centres - 25, centres + 25], axis=1).astype(np.float32)
    coarse = classify_places(ArraySlide(image, mpp=0.25), boxes, TinyClassifier())
    fine = ArraySlide(image.repeat(2, 0).repeat(2, 1), mpp=0.125)
    np.testing.assert_allclose(
        classify_places(fine, 2 * boxes, TinyClassifier())["atypical"], coarse["atypical"], atol=0.02
    )


def test_places_are_told_in_their_order_and_progress_is_reported() -> None:
    image, centres, kinds = painted(500, 500, seed=4)
    boxes = np.concatenate([centres - 25, centres + 25], axis=1).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(boxes))
    told: list[tuple[int, int]] = []
    classifier = TinyClassifier()
    said = classify_places(
        ArraySlide(image, mpp=0.25), boxes[order], classifier, report=lambda done, total: told.append((done, total))
    )
    assert ((said["atypical"] >= 0.5) == [kinds[k] == 1 for k in order]).all()
    assert told[-1] == (len(boxes), len(boxes))
    assert classify_places(ArraySlide(image, mpp=0.25), boxes[:0], classifier)["atypical"].shape == (0,)
    with pytest.raises(SlideError, match="how large a pixel is"):
        classify_places(ArraySlide(image), boxes, classifier)


def test_the_detector_sees_exact_means() -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (2, 8, 12, 3), np.uint8)
    small = reduced(tiles, 4)
    assert small.shape == (2, 2, 3, 3)
    assert small[1, 1, 2].tolist() == [int(np.floor(tiles[1, 4:, 8:, c].mean() + 0.5)) for c in range(3)]
    assert reduced(tiles, 1) is tiles


def test_an_odd_corner_is_the_same_wherever_the_box_is_counted_from() -> None:
    boxes = np.array([[0.5, 0.5, 25.5, 25.5], [0.625, 0.375, 25.5, 25.5]], np.float32)
    far = boxes + np.float32(2**17)
    np.testing.assert_array_equal(crop_corners(far, 128) - 2**17, crop_corners(boxes, 128))
    assert crop_corners(boxes, 128).tolist() == [[-51, -51], [-51, -51]]


def test_models_that_do_not_fit_are_refused() -> None:
    class Cells(TinyDetector):
        classes = ("NILM", "HSIL")

    with pytest.raises(ModelError, match="choose a detector of mitoses"):
        MitosisFinder(Cells(), TinyClassifier())
    for mpp in (0.1, 0.4):
        with pytest.raises(ModelError, match=r"no whole multiple of the 0\.25"):
            MitosisFinder(TinyDetector(mpp), TinyClassifier())


def test_it_can_be_sent_and_says_what_it_is_made_of() -> None:
    made = pickle.loads(pickle.dumps(finder()))
    assert made.key == "tiny-detector+tiny-classifier-c1-0.5"
    assert made.title == "Tiny detector and tiny-classifier"
    assert made.threshold == TinyDetector.threshold
    stricter = TinyClassifier()
    stricter.threshold = 0.9  # type: ignore[misc]
    assert MitosisFinder(TinyDetector(), stricter).key != made.key, "another threshold is another run"
    assert replace(made.needs, halo=0).tile == 256
