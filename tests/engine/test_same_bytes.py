"""The kit itself, on operators that have a halo, a scale of their own, or a batch that matters."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from same_bytes import ArraySlide, assert_same_findings, assert_same_image, noise
from scipy import ndimage

from cytoshift.engine.operator import FindingOperator, ImageOperator, Needs, TileBoxes

RGB = npt.NDArray[np.uint8]


class Invert(ImageOperator):
    """Pointwise."""

    key = "invert"
    title = "Inverted"
    pointwise = True

    def apply(self, tiles: RGB) -> RGB:
        return 255 - tiles


class Blur(ImageOperator):
    """A Gaussian that reaches into the halo, at any scale and tile size."""

    title = "Blurred"

    def __init__(self, needs: Needs) -> None:
        self._needs = needs

    @property
    def key(self) -> str:
        return f"blur-{self._needs}"

    @property
    def needs(self) -> Needs:
        return self._needs

    def apply(self, tiles: RGB) -> RGB:
        assert tiles.shape[1:] == (self.needs.tile + 2 * self.needs.halo,) * 2 + (3,)
        return np.stack([ndimage.gaussian_filter(tile, (2, 2, 0), truncate=3.0) for tile in tiles])


class Dots(FindingOperator):
    """Finds dark squares; its scores depend on the pixels of the box alone."""

    key = "dots"
    title = "Dots"
    classes = ("dot",)
    model = ("dots", "1")
    threshold = 0.1
    needs = Needs(tile=256, halo=32, batch=3)

    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        return [self._one(tile) for tile in tiles]

    def _one(self, tile: RGB) -> TileBoxes:
        marks, count = ndimage.label(tile[..., 0] < 100)
        spans = ndimage.find_objects(marks)
        boxes = [(x.start, y.start, x.stop, y.stop) for y, x in spans]
        scores = [0.5 + tile[y.start, x.start, 0] / 250 for y, x in spans]
        return TileBoxes(
            np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.zeros(count, np.int16)
        )


def dotted(height: int, width: int, seed: int = 0) -> RGB:
    """Return a white image with 12 px squares of different darkness, none touching."""
    image = np.full((height, width, 3), 255, np.uint8)
    random = np.random.default_rng(seed)
    for y in range(5, height - 20, 40):
        for x in range(5, width - 20, 40):
            dy, dx = random.integers(0, 20, 2)
            image[y + dy : y + dy + 12, x + dx : x + dx + 12] = random.integers(0, 100)
    return image


@pytest.mark.parametrize(
    "operator",
    [
        Invert(),
        Blur(Needs(tile=256, halo=8, alignment=8, batch=3)),
        Blur(Needs(tile=384, halo=16, alignment=8, batch=2)),
        Blur(Needs(mpp=0.7, tile=128, halo=8, batch=4)),
    ],
    ids=["pointwise", "halo", "odd-tile", "own-scale"],
)
def test_image_operators(operator: ImageOperator, tmp_path: Path) -> None:
    slide = ArraySlide(noise(900, 1300), mpp=0.5, levels=2)
    assert_same_image(slide, operator, tmp_path)


def test_halo_makes_tiles_seamless(tmp_path: Path) -> None:
    image = noise(700, 800)
    result = assert_same_image(ArraySlide(image), Blur(Needs(tile=128, halo=6)), tmp_path)
    inside = slice(8, -8)
    expected = ndimage.gaussian_filter(image, (2, 2, 0), truncate=3.0)
    np.testing.assert_array_equal(result[inside, inside], expected[inside, inside])


def test_finding_operators(tmp_path: Path) -> None:
    image = dotted(700, 900)
    found = assert_same_findings(ArraySlide(image), Dots(), tmp_path)
    assert len(found) == ndimage.label(image[..., 0] < 100)[1]


def test_kit_notices_an_operator_whose_tiles_depend_on_the_batch(tmp_path: Path) -> None:
    class Batchwise(Invert):
        key = "batchwise"
        pointwise = False
        needs = Needs(tile=256, batch=3)

        def apply(self, tiles: RGB) -> RGB:
            digest = hashlib.sha256(tiles.tobytes()).digest()[0]
            return tiles + np.uint8(digest)

    with pytest.raises(AssertionError, match=r"(view|order|resumed)"):
        assert_same_image(ArraySlide(noise(600, 600)), Batchwise(), tmp_path)
