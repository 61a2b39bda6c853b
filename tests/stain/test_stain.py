"""Fits recover what was mixed; tables are the equations; bad slides get one sentence."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from same_bytes import ArraySlide, assert_same_image
from scipy import ndimage

from cytoshift import stain
from cytoshift.engine import DerivedSlide
from cytoshift.metrics.lab import lab_from_rgb, rgb_from_lab
from cytoshift.stain import StainError
from cytoshift.stain.classical.macenko import MacenkoFit, fit_macenko, fit_stains
from cytoshift.stain.classical.reinhard import (
    ReinhardFit,
    fit_reinhard,
    lab_statistics,
)
from cytoshift.stain.colours import Colours, optical_density, slide_colours
from cytoshift.stain.reference import HAEMATOXYLIN_EOSIN, PAPANICOLAOU, Stains

RGB = npt.NDArray[np.uint8]

H, E = np.array([0.65, 0.70, 0.29]), np.array([0.17, 0.90, 0.40])
H, E = H / np.linalg.norm(H), E / np.linalg.norm(E)
GLASS = (228.0, 232.0, 240.0)
EVERY = np.stack(np.meshgrid(*[np.r_[0:256:5, 254, 255]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
COLOURS = EVERY.astype(np.uint8)


def mixture(strength: float = 1.0, seed: int = 0, side: int = 500) -> RGB:
    """Return tissue of two stains in smooth patches on clear glass."""
    random = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(random.normal(size=(side, side)), 6) for _ in range(2)]
    h, e = (np.clip(field / field.std() + 0.4, 0, 2.5) * strength for field in fields)
    inside = np.zeros((side, side))
    inside[side // 8 : -side // 8, side // 8 : -side // 8] = 1
    density = (h * inside)[..., None] * H + (e * inside)[..., None] * E
    return np.rint((np.array(GLASS) + 1) * np.exp(-density) - 1).clip(0, 255).astype(np.uint8)


def orange_and_green(side: int = 500) -> RGB:
    """Return patches of a smear's colours: orange, green and blue-black on glass."""
    random = np.random.default_rng(3)
    field = ndimage.gaussian_filter(random.normal(size=(side, side)), 12)
    ranks = np.digitize(field, np.quantile(field, [0.5, 0.7, 0.9]))
    palette = np.array([GLASS, (225, 150, 110), (130, 175, 170), (70, 60, 110)])
    return (palette[ranks] + random.normal(0, 3, (side, side, 1))).clip(0, 255).astype(np.uint8)


def test_macenko_finds_the_stains_that_were_mixed() -> None:
    image = mixture()
    found = fit_stains(Colours("mixture", image.reshape(-1, 3), GLASS))
    for own, mixed in ((found.haematoxylin, H), (found.eosin, E)):
        assert np.degrees(np.arccos(np.dot(own, mixed))) < 3


def test_macenko_carries_one_mixture_onto_another() -> None:
    pale, strong = mixture(0.6), mixture(1.0)
    reference = fit_stains(Colours("strong", strong.reshape(-1, 3), GLASS))
    fit = fit_macenko(Colours("pale", pale.reshape(-1, 3), GLASS), reference)
    white = (np.array(GLASS) + 1) / 256
    difference = fit.apply(pale).astype(float) + 1 - (strong.astype(float) + 1) / white
    assert np.abs(difference).mean() < 4
    assert fit.diagnosis == ""


def test_macenko_of_a_slide_onto_itself_changes_nothing_but_the_glass() -> None:
    colours = Colours("mixture", mixture().reshape(-1, 3), GLASS)
    fit = fit_macenko(colours, fit_stains(colours))
    np.testing.assert_allclose(fit.matrix, np.eye(3), atol=1e-9)
    whitened = (colours.pixels + 1.0) * 256 / (np.array(GLASS) + 1) - 1
    assert np.abs(fit.apply(colours.pixels) - whitened).max() <= 1


def test_macenko_does_not_depend_on_the_signs_or_the_order_of_pixels() -> None:
    pixels = mixture().reshape(-1, 3)
    first = fit_stains(Colours("a", pixels, GLASS))
    second = fit_stains(Colours("b", pixels[::-1].copy(), GLASS))
    np.testing.assert_allclose(first.haematoxylin, second.haematoxylin, atol=1e-9)
    assert min(first.haematoxylin) > 0
    assert min(first.eosin) > 0
    assert first.haematoxylin[0] > first.eosin[0]


def test_macenko_keeps_what_two_stains_do_not_explain() -> None:
    colours = Colours("mixture", mixture().reshape(-1, 3), GLASS)
    fit = fit_macenko(colours, HAEMATOXYLIN_EOSIN)
    assert np.linalg.matrix_rank(fit.matrix) == 3
    target = np.array([HAEMATOXYLIN_EOSIN.haematoxylin, HAEMATOXYLIN_EOSIN.eosin])
    across = np.cross(*target)
    green = optical_density([90, 200, 90], GLASS)
    kept = across @ (np.array(fit.matrix) @ green)
    assert abs(kept) > 0.1 * np.linalg.norm(green)


def test_one_stain_alone_falls_back_to_the_reference_and_says_so() -> None:
    strength = np.random.default_rng(0).uniform(0.2, 2, (5000, 1))
    pixels = np.rint(256 * np.exp(-strength * H) - 1).clip(0, 255).astype(np.uint8)
    fit = fit_macenko(Colours("mono", pixels, (255.0, 255.0, 255.0)), HAEMATOXYLIN_EOSIN)
    assert "cannot be told apart" in fit.diagnosis
    assert np.isfinite(fit.matrix).all()


def test_a_papanicolaou_slide_is_warned_about() -> None:
    slide = ArraySlide(orange_and_green(), levels=2)
    assert "Papanicolaou" in stain.method("macenko").prepare(slide).diagnosis
    assert stain.method("reinhard").prepare(slide).diagnosis == ""
    assert stain.method("macenko").prepare(ArraySlide(mixture())).diagnosis == ""


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
    fit = fit_reinhard(colours, PAPANICOLAOU)
    lab = lab_from_rgb(colours.pixels / np.minimum(np.array(colours.white), 255))
    moved = lab * fit.gain + fit.shift
    np.testing.assert_allclose(moved.mean(axis=0), PAPANICOLAOU.mean, atol=0.5)
    np.testing.assert_allclose(moved.std(axis=0), PAPANICOLAOU.deviation, rtol=0.02)


@pytest.mark.parametrize(
    "fit",
    [
        MacenkoFit(GLASS, ((1.1, 0.2, -0.1), (0.05, 0.9, 0.1), (-0.2, 0.1, 1.3))),
        MacenkoFit((100.0, 95.0, 90.0), ((2.0, -1.5, 0.3), (-0.4, 1.8, 0.1), (0.6, -0.7, 1.1))),
        ReinhardFit(GLASS, (1.3, 1.7, 0.5), (-20.0, 3.0, -4.0)),
        ReinhardFit((110.0, 104.0, 99.0), (0.8, 2.5, 4.0), (10.0, -8.0, 12.0)),
        ReinhardFit((255.0, 255.0, 255.0), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
    ],
)
def test_tables_are_the_equations_within_a_grey_level(fit: MacenkoFit | ReinhardFit) -> None:
    difference = np.abs(fit.apply(COLOURS).astype(float) - fit.exact(COLOURS))
    assert difference.max() < 0.6  # rounding alone makes 0.5


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


@pytest.mark.parametrize("name", stain.METHODS)
def test_key_follows_the_fit(name: str) -> None:
    one, other = ArraySlide(mixture(1.0)), ArraySlide(mixture(0.5), name="other")
    fitted = stain.method(name).prepare(one)
    assert fitted.key == stain.method(name).prepare(one).key
    assert fitted.prepare(one) is fitted
    assert fitted.key != fitted.prepare(other).key
    assert fitted.key != stain.method(name, other).prepare(one).key
    assert fitted.key != stain.method(name).key
    assert DerivedSlide(one, stain.method(name)).key == DerivedSlide(one, fitted).key


@pytest.mark.parametrize("name", stain.METHODS)
def test_a_fitted_method_travels(name: str) -> None:
    slide = ArraySlide(mixture())
    fitted = stain.method(name, ArraySlide(mixture(0.7), name="reference")).prepare(slide)
    before = fitted.apply(COLOURS)
    sent = pickle.dumps(fitted)
    assert len(sent) < 10_000
    copy = pickle.loads(sent)
    assert copy.key == fitted.key
    np.testing.assert_array_equal(copy.apply(COLOURS), before)


def test_bad_slides_get_a_sentence() -> None:
    blank = ArraySlide(np.full((600, 600, 3), 240, np.uint8), name="blank.svs")
    with pytest.raises(StainError, match=r"blank\.svs shows too little tissue"):
        stain.method("reinhard").prepare(blank)
    dark = ArraySlide(mixture(), name="dapi.ndpi", brightfield=False)
    with pytest.raises(StainError, match=r"dapi\.ndpi is not a brightfield slide"):
        stain.method("macenko").prepare(dark)
    with pytest.raises(StainError, match="reinhard, macenko"):
        stain.method("vahadan")
    with pytest.raises(ValueError, match="prepare"):
        stain.method("macenko").apply(COLOURS)


def test_far_stretch_is_diagnosed() -> None:
    flat = np.random.default_rng(0).normal((150, 120, 150), 0.6, (4000, 3))
    fit = fit_reinhard(Colours("flat", flat.astype(np.uint8), GLASS), PAPANICOLAOU)
    assert "stretched only" in fit.diagnosis
    assert max(fit.gain) <= 4


def test_statistics_of_a_slide_are_those_of_its_pixels() -> None:
    colours = slide_colours(ArraySlide(mixture()))
    np.testing.assert_allclose(colours.white, GLASS, atol=1)
    statistics = lab_statistics(colours)
    assert 20 < statistics.mean[0] < 90
    assert isinstance(fit_stains(colours), Stains)


def test_stain_needs_no_torch() -> None:
    code = "import sys, cytoshift.stain, cytoshift.stain.classical.table; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
