"""What is measured of a translation, and what is said where the domains are the wrong way round."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cytoshift.engine import ImageOperator, Needs
from cytoshift.errors import DataError
from cytoshift.metrics import (
    Gaussian,
    bhattacharyya,
    colour_error,
    frechet_distance,
    hue_correlation,
    hue_histogram,
    kernel_distance,
    rgb_histograms,
    seam_ratio,
    structure_kept,
)
from cytoshift.slides import Slide, open_slide
from cytoshift.translation.evaluate import evaluate
from cytoshift.translation.evaluate_fields import evaluate_fields
from cytoshift.translation.features import FeatureNetwork
from cytoshift.translation.likeness import TargetLook, cut, tissue


def means(tiles: np.ndarray) -> np.ndarray:
    return np.concatenate([tiles.mean(axis=(1, 2)), tiles.std(axis=(1, 2))], axis=1)


NETWORK = FeatureNetwork("means", None, means)
SHIFT = np.array([-30, -10, 15])


class Shifted(ImageOperator):
    """Moves colours by so many levels."""

    title = "shifted"

    def __init__(self, levels: np.ndarray) -> None:
        self._levels = levels

    @property
    def key(self) -> str:
        return f"shifted-{self._levels.tolist()}"

    @property
    def needs(self) -> Needs:
        return Needs(mpp=0.5, tile=64)

    def apply(self, tiles: np.ndarray) -> np.ndarray:
        return np.clip(tiles + self._levels, 0, 255).astype(np.uint8)


def drawn(seed: int, height: int = 200, width: int = 230) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(222, 238, (height, width, 3))
    yy, xx = np.mgrid[:height, :width]
    for k in range(40):
        x, y = rng.integers(0, width), rng.integers(0, height)
        disc = (xx - x) ** 2 + (yy - y) ** 2 < rng.integers(5, 14) ** 2
        pixels[disc] = rng.normal((110, 60, 140) if k % 2 else (200, 120, 150), 10, (int(disc.sum()), 3))
    return np.clip(pixels, 40, 240).astype(np.uint8)


@pytest.fixture(scope="module")
def source() -> list[np.ndarray]:
    return [drawn(seed) for seed in range(4)]


@pytest.fixture(scope="module")
def target() -> list[np.ndarray]:
    return [(drawn(seed) + SHIFT).astype(np.uint8) for seed in range(10, 16)]


@pytest.fixture(scope="module")
def truth(source: list[np.ndarray]) -> list[np.ndarray]:
    return [(image + SHIFT).astype(np.uint8) for image in source]


@pytest.fixture
def opener(tmp_path: Path) -> Callable[..., Callable[[], Slide]]:
    def save(image: np.ndarray, name: str, mpp: float = 0.5) -> Callable[[], Slide]:
        Image.fromarray(image).save(tmp_path / name)
        return lambda: open_slide(tmp_path / name).calibrated((mpp, mpp))

    return save


def test_numbers_are_those_of_the_metrics(source, target, truth) -> None:
    seen = [np.clip(image.astype(int) + SHIFT + 2, 0, 255).astype(np.uint8) for image in source]
    score = evaluate(seen, target, describer=NETWORK, source_images=source, truth=truth, tile=64, mpp=0.5, crop=64)
    crops, wanted = means(cut(seen, 64)), means(cut(target, 64))
    assert score.seen.fid == pytest.approx(frechet_distance(Gaussian.of(crops), Gaussian.of(wanted)))
    assert score.seen.kid100 == pytest.approx(100 * kernel_distance(crops, wanted).value)
    hue = np.mean([hue_histogram(image) for image in target], axis=0)
    assert score.seen.hist == pytest.approx(np.mean([hue_correlation(hue_histogram(image), hue) for image in seen]))
    rgb = [np.mean([rgb_histograms(image) for image in images], axis=0) for images in (seen, target)]
    assert score.seen.bhattacharyya == pytest.approx(bhattacharyya(*rgb))
    assert score.seen.levels == pytest.approx(2, abs=0.1)
    errors = [colour_error(*pair).delta_e for pair in zip(source, truth, strict=True)]
    assert score.original is not None
    assert score.original.delta_e == pytest.approx(np.mean(errors))
    assert score.structure is not None
    kept = [structure_kept(*pair).ssim for pair in zip(source, seen, strict=True)]
    assert score.structure.ssim == pytest.approx(np.mean(kept))
    alone = evaluate(seen[:1], target, describer=NETWORK, tile=64, crop=64)
    assert alone.seen.seam == pytest.approx(seam_ratio(seen[0], 64))
    assert (alone.original, alone.structure, alone.seen.delta_e) == (None, None, None)
    assert (score.images, score.crops, score.target_images, score.target_crops) == (4, 36, 6, 54)
    assert (score.features, score.dimensions, score.crop, score.niqe_patch) == ("means", 6, 64, 96)


def test_a_translation_comes_nearer_and_none_does_not(source, target, truth) -> None:
    score = evaluate(truth, target, describer=NETWORK, source_images=source, truth=truth, mpp=0.5, crop=64)
    seen, before = score.seen, score.original
    assert before is not None
    assert seen.fid < before.fid / 20
    assert seen.kid100 < before.kid100 / 20
    assert seen.bhattacharyya < before.bhattacharyya / 2
    assert (seen.delta_e, seen.levels) == (0, 0)
    assert seen.hist_tissue is not None
    assert before.hist_tissue is not None
    assert seen.hist_tissue > before.hist_tissue
    assert not score.leads_away
    assert evaluate(source, target, describer=NETWORK, source_images=truth, mpp=0.5, crop=64).leads_away


def test_a_target_is_measured_once_for_many(source, target) -> None:
    look = TargetLook.of(target, NETWORK, mpp=0.5, crop=64)
    assert evaluate(source, look) == evaluate(source, target, describer=NETWORK, mpp=0.5, crop=64)


def test_crops_and_patches_fit_small_images(target) -> None:
    patches = [image[:128, :128] for image in target]
    score = evaluate(patches, patches, describer=NETWORK, mpp=0.5)
    assert (score.crop, score.crops, score.niqe_patch) == (128, 6, 64)
    assert evaluate(patches, target, describer=NETWORK).crop == 128


def test_tissue_is_where_the_cells_are() -> None:
    image = np.full((300, 257, 3), 235, np.uint8)
    yy, xx = np.mgrid[:300, :257]
    image[(xx - 60) ** 2 + (yy - 200) ** 2 < 40**2] = (150, 80, 150)
    mask = tissue(image, 0.5)
    assert mask.shape == (300, 257)
    assert mask[200, 60]
    assert not mask[:100].any()


def test_what_cannot_be_compared_is_said(source, target) -> None:
    with pytest.raises(DataError, match=r"The target has 1 crop of 200 px"):
        evaluate(source, target[:1], describer=NETWORK)
    with pytest.raises(DataError, match=r"The source has 0 crops"):
        evaluate([], target, describer=NETWORK)
    with pytest.raises(DataError, match="There are 3 images that are the truth of 4"):
        evaluate(source, target, describer=NETWORK, truth=source[:3])
    with pytest.raises(DataError, match=r"original of image 2 is 230 x 100 .* should be 230 x 200"):
        evaluate(source[:2], target, describer=NETWORK, source_images=[source[0], source[1][:100]])


def test_fields_are_translated_on_the_operators_raster(source, target, truth, opener) -> None:
    done: list[tuple[int, int]] = []
    result = evaluate_fields(
        Shifted(SHIFT),
        [opener(image, f"s{k}.png") for k, image in enumerate(source)],
        [opener(np.repeat(np.repeat(image, 2, 0), 2, 1), f"t{k}.png", 0.25) for k, image in enumerate(target)],
        describer=NETWORK,
        truth=[opener(image, f"true{k}.png") for k, image in enumerate(truth)],
        crop=64,
        report=lambda *counts: done.append(counts),
    )
    direct = evaluate(truth, target, describer=NETWORK, source_images=source, truth=truth, tile=64, mpp=0.5, crop=64)
    assert result.score.seen.levels == 0
    assert result.score.original is not None
    assert result.score.seen.fid < result.score.original.fid / 20  # resampling softens the target a little
    assert (result.score.seen.seam, result.score.mpp) == (direct.seen.seam, 0.5)
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert any("target's images have 0.25 µm/px and are resampled to 0.5" in note for note in result.notes)
    assert result.to_json()["seen"]["fid"] == result.score.seen.fid


def test_domains_the_wrong_way_round_are_noticed(source, target, opener) -> None:
    here = [opener(image, f"s{k}.png") for k, image in enumerate(source)]
    there = [opener(image, f"t{k}.png") for k, image in enumerate(target)]
    right = evaluate_fields(Shifted(SHIFT), here, there, describer=NETWORK, crop=64)
    assert not [note for note in right.notes if "swap" in note]
    wrong = evaluate_fields(Shifted(SHIFT), there, here, describer=NETWORK, crop=64)
    assert "the target's come nearer to the source: swap --data and --target." in wrong.notes[-1]
    bad = evaluate_fields(Shifted(np.array([90, -90, 90])), here, there, describer=NETWORK, crop=64)
    assert "choose a model that was trained for these two domains" in bad.notes[-1]


def test_few_images_are_said(source, target, opener) -> None:
    here = [opener(image, f"s{k}.png") for k, image in enumerate(source[:2])]
    there = [opener(image, f"t{k}.png") for k, image in enumerate(target[:2])]
    notes = evaluate_fields(Shifted(SHIFT), here, there, describer=NETWORK).notes
    assert "FID of 2 crops with 6 features is much too large" in notes[0]
    assert "too few sharp patches" in notes[1]
    with pytest.raises(DataError, match="The target has 1 image"):
        evaluate_fields(Shifted(SHIFT), here, there[:1], describer=NETWORK)
