"""NIQE: its fits against the parameters values were drawn with, and the order of images whose quality is known."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, special

from cytoshift.errors import DataError
from cytoshift.metrics import Niqe, luminance
from cytoshift.metrics.niqe import fit_asymmetric, halved, normalize, patch_features, patch_side


def texture(seed: int, side: int = 384) -> np.ndarray:
    """Return a picture of discs, shading and fine grain."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:side, :side]
    pixels = np.full((side, side, 3), 215.0)
    for _ in range(120):
        x, y, r = rng.integers(0, side), rng.integers(0, side), rng.integers(4, 30)
        pixels[(xx - x) ** 2 + (yy - y) ** 2 < r * r] = rng.uniform(60, 200, 3)
    grain = ndimage.gaussian_filter(rng.normal(size=pixels.shape), (0.7, 0.7, 0))
    return np.clip(ndimage.gaussian_filter(pixels, (0.6, 0.6, 0)) + 12 * grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model() -> Niqe:
    return Niqe.fit(texture(seed) for seed in range(12))


@pytest.mark.parametrize(("shape", "left", "right"), [(2.0, 1.0, 1.0), (1.0, 0.5, 2.0), (0.6, 1.5, 0.7), (4.0, 2, 1)])
def test_the_fit_finds_the_parameters_that_values_were_drawn_with(shape: float, left: float, right: float) -> None:
    rng = np.random.default_rng(0)
    n = 400_000
    size = rng.gamma(1 / shape, 1, n) ** (1 / shape)
    values = np.where(rng.random(n) < left / (left + right), -left * size, right * size)
    found = [float(each[0]) for each in fit_asymmetric(values[None])]
    assert found == pytest.approx([shape, left, right], rel=0.03)


def test_moments_of_the_fit_are_those_of_the_values() -> None:
    rng = np.random.default_rng(1)
    values = rng.laplace(0, 1.3, (1, 200_000)) + 0.0
    shape, left, right = (float(each[0]) for each in fit_asymmetric(values))
    variance = (left + right) ** 2 / 4 * special.gamma(3 / shape) / special.gamma(1 / shape)
    assert variance == pytest.approx(values.var(), rel=0.02)


def test_normalized_luma_is_the_formula_pixel_by_pixel() -> None:
    luma = luminance(texture(3, 40))
    at = np.arange(-3, 4)
    window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    normalized, deviation = normalize(luma)
    for y, x in ((10, 12), (20, 30), (3, 3)):
        patch = luma[y - 3 : y + 4, x - 3 : x + 4]
        mean = (window * patch).sum()
        spread = np.sqrt((window * (patch - mean) ** 2).sum())
        assert deviation[y, x] == pytest.approx(spread, rel=1e-6)
        assert normalized[y, x] == pytest.approx((luma[y, x] - mean) / (spread + 1), rel=1e-6)


def test_halving_is_bicubic_and_does_not_shift() -> None:
    luma = luminance(texture(4, 64))
    wanted = Image.fromarray(luma.astype(np.float32)).resize((32, 32), Image.Resampling.BICUBIC)
    inside = np.s_[3:-3, 3:-3]
    np.testing.assert_allclose(halved(luma)[inside], np.asarray(wanted)[inside], atol=1e-3)
    np.testing.assert_allclose(halved(np.full((16, 16), 7.0)), 7)


def test_worse_images_are_further_away(model: Niqe) -> None:
    pristine = texture(99)
    rng = np.random.default_rng(0)
    kinds = {
        "blurred": [ndimage.gaussian_filter(pristine, (s, s, 0)) for s in (1.0, 2.5)],
        "noisy": [np.clip(pristine + rng.normal(0, s, pristine.shape), 0, 255).astype(np.uint8) for s in (15, 45)],
    }
    base = model.score(pristine)
    for name, (little, much) in kinds.items():
        assert base < model.score(little) < model.score(much), name


def test_colours_hardly_matter_but_texture_does(model: Niqe) -> None:
    image = texture(98)
    assert model.score(image[..., ::-1]) == pytest.approx(model.score(image), abs=1.0)
    assert model.score(np.repeat(np.repeat(image[:192, :192], 2, 0), 2, 1)) > 2 * model.score(image)


def test_only_sharp_patches_are_fitted_to(model: Niqe) -> None:
    half = [texture(seed) for seed in range(12)]
    for image in half:
        image[:, 192:] = ndimage.gaussian_filter(image[:, 192:], (4, 4, 0))
    fitted = Niqe.fit(half)
    assert fitted.patches <= 12 * 8
    assert fitted.score(texture(99)) < 2 * model.score(texture(99))


def test_a_fit_is_saved_and_small_images_have_smaller_patches(model: Niqe, tmp_path) -> None:
    again = Niqe.load(model.save(tmp_path / "niqe.json"))
    assert again.score(texture(97)) == pytest.approx(model.score(texture(97)), rel=1e-9)
    assert (again.patch, again.patches, again.images) == (96, model.patches, 12)
    tiles = [texture(seed, 128) for seed in range(30)]
    assert (patch_side(tiles), patch_side([texture(0, 192)])) == (64, 96)
    small = Niqe.fit(tiles, patch_side(tiles))
    blurred = ndimage.gaussian_filter(texture(90, 128), (2, 2, 0))
    assert small.score(texture(90, 128)) < small.score(blurred)


def test_blank_and_small_images_are_said(model: Niqe, tmp_path) -> None:
    blank = np.full((288, 288, 3), 255, np.uint8)
    for colour in ((255, 255, 255), (201, 187, 222), (3, 1, 77)):
        assert len(patch_features(np.full((192, 192, 3), colour, np.uint8))[0]) == 0
    part = texture(1)
    part[:, 192:] = 255
    assert 4 <= len(patch_features(part)[0]) <= 12
    with pytest.raises(ValueError, match="fewer than two patches"):
        model.score(blank)
    with pytest.raises(ValueError, match="too few"):
        Niqe.fit([texture(0)])
    with pytest.raises(ValueError, match="even"):
        patch_features(blank, 33)
    for wrong in ("{}", "[]", '{"mean": [1], "covariance": [[1]], "patch": 96, "patches": 1, "images": 1}', "no"):
        (tmp_path / "wrong.json").write_text(wrong)
        with pytest.raises(DataError, match="no saved fit"):
            Niqe.load(tmp_path / "wrong.json")
