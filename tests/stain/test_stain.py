"""Every stain method as an operator: its key, its travels, its tiles, its glass."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mixtures import COLOURS, GLASS, PLAIN, mixture
from same_bytes import ArraySlide, assert_same_image

from cytoshift import stain
from cytoshift.engine import DerivedSlide
from cytoshift.metrics.lab import lab_from_rgb, rgb_from_lab
from cytoshift.stain import PAPANICOLAOU
from cytoshift.stain.classical.fade import whitened
from cytoshift.stain.classical.histogram import fit_histogram, histogram, mean_histogram
from cytoshift.stain.classical.reinhard import fit_reinhard, lab_statistics
from cytoshift.stain.colours import Colours, slide_colours


def test_lab_is_the_published_one() -> None:
    # sRGB red, green, blue and white in CIE Lab under D65.
    known = {
        (1, 0, 0): (53.24, 80.09, 67.20),
        (0, 1, 0): (87.73, -86.18, 83.18),
        (0, 0, 1): (32.30, 79.19, -107.86),
        (1, 1, 1): (100.0, 0.0, 0.0),
    }
    for rgb, lab in known.items():
        np.testing.assert_allclose(lab_from_rgb(rgb), lab, atol=0.02)
    colours = COLOURS / 255
    np.testing.assert_allclose(rgb_from_lab(lab_from_rgb(colours)), colours, atol=1e-9)


def test_reinhard_brings_stained_pixels_to_the_reference() -> None:
    colours = slide_colours(ArraySlide(mixture()))
    fit = fit_reinhard(colours, PAPANICOLAOU.lab)
    lab = lab_from_rgb(colours.pixels / np.minimum(np.array(colours.white), 255))
    moved = lab * fit.gain + fit.shift
    np.testing.assert_allclose(moved.mean(axis=0), PAPANICOLAOU.lab.mean, atol=0.5)
    np.testing.assert_allclose(moved.std(axis=0), PAPANICOLAOU.lab.deviation, rtol=0.02)


@pytest.mark.parametrize("name", stain.METHODS)
def test_glass_becomes_white_and_stays_untinted(name: str) -> None:
    operator = stain.method(name).prepare(ArraySlide(mixture()))
    glass = np.array([[GLASS, (255, 255, 255), (226, 230, 238)]], np.uint8)
    mapped = operator.apply(glass)
    assert mapped.min() >= 250
    assert np.ptp(mapped.astype(int), axis=-1).max() <= 4
    assert (mapped[0, 1] == 255).all()


@pytest.mark.parametrize("name", stain.METHODS)
def test_same_bytes(name: str, tmp_path: Path) -> None:
    assert_same_image(ArraySlide(mixture(side=1100), mpp=0.25, levels=2), stain.method(name), tmp_path)


@pytest.mark.parametrize("name", stain.METHODS)
def test_a_slide_is_its_own_reference(name: str) -> None:
    slide = ArraySlide(mixture())
    operator = stain.method(name, slide).prepare(slide)
    inside = slide.read(0, 150, 150, 200, 200)
    whitened = np.minimum((inside + 1.0) * 256 / (np.array(GLASS) + 1) - 1, 255)
    assert np.abs(operator.apply(inside) - whitened).mean() < 1


def test_histogram_matching_brings_stained_pixels_to_the_reference() -> None:
    reference = slide_colours(ArraySlide(mixture(0.6)))
    colours = slide_colours(ArraySlide(mixture(1.3, seed=1)))
    fit = fit_histogram(colours, histogram(reference))
    moved, plain, wanted = (
        np.percentile(pixels, [2, 5, 25, 50, 75, 90], axis=0)
        for pixels in (
            fit.apply(colours.pixels),
            whitened(colours.pixels, colours.white) * 255,
            whitened(reference.pixels, reference.white) * 255,
        )
    )
    assert np.abs(plain - wanted).max() > 30
    assert np.abs(moved - wanted).max() < 6


def test_a_histogram_does_not_depend_on_the_lamp() -> None:
    values = np.random.default_rng(0).integers(40, 200, (20000, 3)).astype(np.uint8)
    dim = np.rint(values * 0.8).astype(np.uint8)
    bright = np.cumsum(histogram(Colours("a", values, (250.0,) * 3)), axis=1)
    np.testing.assert_allclose(np.cumsum(histogram(Colours("b", dim, (200.0,) * 3)), axis=1), bright, atol=0.01)


def test_the_mean_of_histograms_is_as_narrow_as_they_are() -> None:
    values = np.random.default_rng(0).normal(100, 5, (20000, 3)).round().clip(0, 255).astype(np.uint8)
    one, other = (histogram(Colours("a", values + np.uint8(shift), PLAIN)) for shift in (0, 40))
    wanted = histogram(Colours("a", values + np.uint8(20), PLAIN))
    np.testing.assert_allclose(np.cumsum(mean_histogram([one, other]), axis=1), np.cumsum(wanted, axis=1), atol=0.01)
    np.testing.assert_allclose(np.cumsum(mean_histogram([one]), axis=1), np.cumsum(one, axis=1), atol=0.01)


def test_the_white_point_is_all_that_a_white_fit_knows() -> None:
    one, other = ArraySlide(mixture(1.0)), ArraySlide(mixture(0.5), name="other")
    assert stain.method("white").prepare(one).key == stain.method("white", other).prepare(other).key
    dim = ArraySlide((mixture() * 0.8).astype(np.uint8))
    assert stain.method("white").prepare(dim).key != stain.method("white").prepare(one).key


@pytest.mark.parametrize("name", [name for name in stain.METHODS if name != "white"])
def test_key_follows_the_fit(name: str) -> None:
    one, other = ArraySlide(mixture(1.0)), ArraySlide(mixture(0.5), name="other")
    fitted = stain.method(name).prepare(one)
    assert fitted.key == stain.method(name).prepare(one).key
    assert fitted.prepare(one) is fitted
    assert fitted.key != stain.method(name).key
    assert fitted.key != fitted.prepare(other).key
    assert fitted.key != stain.method(name, other).prepare(one).key
    assert DerivedSlide(one, stain.method(name)).key == DerivedSlide(one, fitted).key


@pytest.mark.parametrize("name", stain.METHODS)
def test_a_fitted_method_travels(name: str) -> None:
    slide = ArraySlide(mixture())
    fitted = stain.method(name, ArraySlide(mixture(0.7), name="reference")).prepare(slide)
    before = fitted.apply(COLOURS)
    sent = pickle.dumps(fitted)
    assert len(sent) < 40_000
    copy = pickle.loads(sent)
    assert copy.key == fitted.key
    np.testing.assert_array_equal(copy.apply(COLOURS), before)


def test_far_stretch_is_diagnosed() -> None:
    flat = np.random.default_rng(0).normal((150, 120, 150), 0.6, (4000, 3))
    fit = fit_reinhard(Colours("flat", flat.astype(np.uint8), GLASS), PAPANICOLAOU.lab)
    assert "stretched only" in fit.diagnosis
    assert max(fit.gain) <= 4
    assert fit.fallback == "white"


def test_statistics_of_a_slide_are_those_of_its_pixels() -> None:
    colours = slide_colours(ArraySlide(mixture()))
    np.testing.assert_allclose(colours.white, GLASS, atol=1)
    statistics = lab_statistics(colours)
    lab = lab_from_rgb(np.minimum(colours.pixels / np.array(colours.white), 1))
    np.testing.assert_allclose(statistics.mean, lab.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(statistics.deviation, lab.std(axis=0), atol=1e-9)


def test_stain_needs_no_torch() -> None:
    code = (
        "import sys, cytoshift.stain, cytoshift.stain.classical.table, cytoshift.stain.classical.sampling\n"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
