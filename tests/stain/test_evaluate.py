"""What is measured of a stain method on fields."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cytoshift.engine import ImageOperator, Needs
from cytoshift.errors import DataError
from cytoshift.metrics import (
    bhattacharyya,
    colour_error,
    hue_correlation,
    hue_histogram,
    rgb_histograms,
    structure_kept,
)
from cytoshift.slides import Slide, open_slide
from cytoshift.stain import StainError
from cytoshift.stain.evaluate import Target, evaluate_stain


class Darker(ImageOperator):
    """Takes 20 levels off; refuses what is called refused."""

    key = title = "darker"

    def __init__(self, mpp: float | None = None) -> None:
        self._mpp = mpp

    @property
    def pointwise(self) -> bool:
        return self._mpp is None

    @property
    def needs(self) -> Needs:
        return Needs(mpp=self._mpp, tile=64)

    def prepare(self, slide: Slide) -> "Darker":
        if slide.name.startswith("refused"):
            raise StainError("refused is no slide; choose another.")
        return self

    def apply(self, tiles: np.ndarray) -> np.ndarray:
        return np.maximum(tiles, 20) - 20


def slide(folder: Path, name: str, pixels: np.ndarray) -> Slide:
    Image.fromarray(pixels).save(folder / name)
    return open_slide(folder / name).calibrated((0.25, 0.25))


@pytest.fixture
def pixels() -> np.ndarray:
    blocks = np.random.default_rng(0).integers(40, 250, (10, 12, 3), np.uint8)
    return np.kron(blocks, np.ones((8, 8, 1), np.uint8))


def test_numbers_are_those_of_the_metrics(tmp_path, pixels) -> None:
    field, truth = slide(tmp_path, "a.png", pixels), slide(tmp_path, "truth.png", pixels - 18)
    other = slide(tmp_path, "other.png", pixels[::-1, :, ::-1].copy())
    target = Target.of(other)
    score = evaluate_stain(Darker(), [(field, truth)], target=target)
    numbers, seen = score.fields["a.png"], pixels - 20
    kept, error = structure_kept(pixels, seen), colour_error(seen, pixels - 18)
    assert (numbers["gradient_correlation"], numbers["ssim"]) == (kept.gradient_correlation, kept.ssim)
    assert (numbers["delta_e"], numbers["levels"]) == (error.delta_e, 2)
    assert numbers["original_levels"] == 18
    assert numbers["bhattacharyya"] == bhattacharyya(rgb_histograms(seen), target.rgb)
    assert numbers["hist"] == hue_correlation(hue_histogram(seen), target.hue)
    assert numbers["original_truth_bhattacharyya"] == bhattacharyya(rgb_histograms(pixels), rgb_histograms(pixels - 18))
    assert evaluate_stain(Darker(), [(field, None)]).fields["a.png"].keys() == {"gradient_correlation", "ssim"}


def test_mean_and_spread_are_over_the_fields_and_refused_ones_are_named(tmp_path, pixels) -> None:
    fields = [
        (slide(tmp_path, f"{k}.png", pixels), slide(tmp_path, f"t{k}.png", pixels - 20 + 4 * k)) for k in range(2)
    ]
    done: list[int] = []
    refused = (slide(tmp_path, "refused.png", pixels), None)
    score = evaluate_stain(Darker(), [*fields, refused], report=done.append)
    assert (score.mean()["levels"], score.spread()["levels"]) == (2, 2)
    assert score.refused == {"refused.png": "refused is no slide; choose another."}
    assert done == [1, 2, 3]


def test_a_method_with_a_resolution_is_measured_on_its_own_raster(tmp_path, pixels) -> None:
    field = slide(tmp_path, "a.png", pixels)
    score = evaluate_stain(Darker(0.5), [(field, slide(tmp_path, "t.png", pixels))])
    assert score.fields["a.png"]["levels"] == pytest.approx(20, abs=0.01)
    assert score.fields["a.png"]["original_levels"] == 0


def test_a_truth_of_another_size_is_refused(tmp_path, pixels) -> None:
    truth = slide(tmp_path, "t.png", pixels[:40])
    with pytest.raises(DataError, match=r"a\.png is 96 x 40 .* should be 96 x 80"):
        evaluate_stain(Darker(), [(slide(tmp_path, "a.png", pixels), truth)])
