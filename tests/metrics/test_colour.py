"""Distances between colours, against published pairs, another implementation and values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from cytoshift.metrics import (
    bhattacharyya,
    ciede2000,
    colour_error,
    hue_correlation,
    hue_histogram,
    rgb_histograms,
)

images = arrays(np.uint8, (6, 5, 3))


def plain(colour: tuple[int, int, int], side: int = 4) -> np.ndarray:
    return np.full((side, side, 3), colour, np.uint8)


def test_histograms_count_levels_and_only_where_the_mask_says() -> None:
    image = np.array([[[10, 20, 30], [10, 25, 30]], [[11, 20, 30], [0, 0, 0]]], np.uint8)
    mask = np.array([[True, True], [True, False]])
    counted = rgb_histograms(image, mask)
    assert counted.shape == (3, 256)
    assert counted[0, 10] == pytest.approx(2 / 3)
    assert counted[1, 25] == pytest.approx(1 / 3)
    np.testing.assert_allclose(counted.sum(axis=1), 1)
    assert rgb_histograms(image)[2, 30] == pytest.approx(3 / 4)
    assert not rgb_histograms(image, np.zeros((2, 2), bool)).any()


def test_bhattacharyya_of_half_shared_levels_is_as_worked_out() -> None:
    one = np.zeros((3, 256))
    one[:, [5, 9]] = 0.5
    other = np.zeros((3, 256))
    other[:, 5] = 1
    assert bhattacharyya(one, other) == pytest.approx(np.sqrt(1 - np.sqrt(0.5)))
    other[2] = one[2]  # one channel of three agrees
    assert bhattacharyya(one, other) == pytest.approx(2 / 3 * np.sqrt(1 - np.sqrt(0.5)))


@settings(max_examples=25, deadline=None)
@given(images, images)
def test_bhattacharyya_is_a_distance_between_nought_and_one(one: np.ndarray, other: np.ndarray) -> None:
    p, q = rgb_histograms(one), rgb_histograms(other)
    assert bhattacharyya(p, p) == pytest.approx(0, abs=1e-7)
    assert 0 <= bhattacharyya(p, q) == bhattacharyya(q, p) <= 1


@pytest.mark.parametrize(
    ("colour", "hue"),
    [
        ((255, 0, 0), 0),
        ((255, 255, 0), 30),
        ((0, 255, 0), 60),
        ((0, 0, 255), 120),
        ((255, 0, 255), 150),
        ((9, 9, 9), 0),
    ],
)
def test_hue_counts_in_steps_of_two_degrees(colour: tuple[int, int, int], hue: int) -> None:
    histogram = hue_histogram(plain(colour))
    assert histogram[hue * 10 // 256] == 1
    assert histogram.sum() == 1


@settings(max_examples=25, deadline=None)
@given(images)
def test_hue_is_that_of_the_standard_library(image: np.ndarray) -> None:
    from colorsys import rgb_to_hsv

    hues = [rgb_to_hsv(*(pixel / 255))[0] * 180 for pixel in image.reshape(-1, 3)]
    wanted = np.bincount([int(hue + 0.5 + 1e-9) % 180 * 10 // 256 for hue in hues], minlength=10)
    np.testing.assert_allclose(hue_histogram(image) * len(hues), wanted)


def test_hue_correlation_is_pearsons_and_holds_for_flat_histograms() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random(10), rng.random(10)
    assert hue_correlation(one, other) == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert hue_correlation(one, 3 * one) == pytest.approx(1)
    flat = np.full(10, 0.1)
    assert (hue_correlation(flat, flat), hue_correlation(flat, one)) == (1, 0)


# Pairs of Sharma, Wu and Dalal, Color Research and Application 2005, table 1: those where implementations go wrong.
PAIRS = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0010, -2.4900), 4.8045),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "wanted"), PAIRS)
def test_ciede2000_of_published_pairs(one: tuple[float, ...], other: tuple[float, ...], wanted: float) -> None:
    assert ciede2000(one, other) == pytest.approx(wanted, abs=6e-5)
    assert ciede2000(other, one) == pytest.approx(wanted, abs=6e-5)


def test_ciede2000_agrees_with_scikit_image() -> None:
    color = pytest.importorskip("skimage.color")
    rng = np.random.default_rng(0)
    one, other = rng.uniform((0, -90, -90), (100, 90, 90), (2, 5000, 3))
    np.testing.assert_allclose(ciede2000(one, other), color.deltaE_ciede2000(one, other), atol=1e-9)


def test_colour_error_is_nought_for_the_truth_and_counts_levels() -> None:
    image = np.random.default_rng(0).integers(0, 250, (8, 8, 3), np.uint8)
    exact = colour_error(image, image)
    assert (exact.delta_e, exact.levels) == (0, 0)
    shifted = colour_error(image, image + np.array([0, 0, 3], np.uint8))
    assert shifted.levels == pytest.approx(1)
    assert shifted.delta_e > 0
    white, gray = plain((255, 255, 255)), plain((119, 119, 119))
    assert colour_error(white, gray).delta_e == pytest.approx(50 / (1 + 0.015 * 25**2 / np.sqrt(20 + 25**2)), abs=0.1)


def test_colour_error_says_what_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        colour_error(plain((0, 0, 0), 4), plain((0, 0, 0), 5))
    with pytest.raises(ValueError, match="no pixel"):
        colour_error(plain((0, 0, 0)), plain((0, 0, 0)), np.zeros((4, 4), bool))
