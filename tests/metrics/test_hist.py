"""HIST as published, with its quirk, and on tissue."""

import numpy as np
import pytest

from cytoshift.metrics import hue_correlation, hue_histogram, mean_hue_correlation, tissue_hue_histogram

RED, GREEN, BLUE, PINK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 128)


def painted(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.array(colours, np.uint8)[None]


def test_the_published_bins_never_use_the_last_three() -> None:
    every = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    assert (hue_histogram(every)[:7] > 0).all()
    assert not hue_histogram(every)[7:].any()
    # the empty bins alone make two images that share no hue less unlike than they are
    red, green = painted(*[RED] * 4), painted(*[GREEN] * 4)
    assert hue_correlation(hue_histogram(red), hue_histogram(green)) == pytest.approx(-1 / 9)


def test_the_masked_form_counts_coloured_tissue_in_bins_of_twenty_degrees() -> None:
    image = painted(RED, GREEN, BLUE, PINK, (200, 205, 201), RED)
    tissue = np.array([[True, True, True, True, True, False]])
    histogram = tissue_hue_histogram(image, tissue)
    assert histogram.shape == (18,)
    np.testing.assert_allclose(histogram[[0, 6, 12, 16]], 0.25)
    every = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    assert (tissue_hue_histogram(every, np.ones((200, 200), bool)) > 0).all()
    assert not tissue_hue_histogram(image, ~np.ones((1, 6), bool)).any()


def test_glass_counts_in_the_published_form_alone() -> None:
    cells = np.full((10, 10, 3), PINK, np.uint8)
    tinted = cells.copy()
    tinted[5:] = (230, 240, 231)  # greenish glass
    tissue = np.zeros((10, 10), bool)
    tissue[:5] = True
    assert not np.array_equal(hue_histogram(cells), hue_histogram(tinted))
    np.testing.assert_array_equal(tissue_hue_histogram(cells, tissue), tissue_hue_histogram(tinted, tissue))


def test_a_set_is_the_mean_of_its_images_against_the_mean_target() -> None:
    rng = np.random.default_rng(1)
    images, target = rng.random((5, 10)), rng.random((3, 10))
    wanted = np.mean([np.corrcoef(each, target.mean(axis=0))[0, 1] for each in images])
    assert mean_hue_correlation(images, target) == pytest.approx(wanted)
    assert mean_hue_correlation([*images, np.zeros(10)], [*target, np.zeros(10)]) == pytest.approx(wanted)
    with pytest.raises(ValueError, match="no coloured pixel"):
        mean_hue_correlation([np.zeros(10)], target)
