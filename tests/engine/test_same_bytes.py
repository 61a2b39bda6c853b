"""The kit itself, on operators that have a halo, a scale of their own, or a batch that matters."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from same_bytes import ArraySlide, Dots, assert_same_findings, assert_same_image, dotted, noise
from scipy import ndimage

from cytoshift.engine.operator import ImageOperator, Needs

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
    x, y = found.boxes[:, :2].astype(int).T
    assert found.measures.keys() == {"grey", "phase: light/dark"}
    np.testing.assert_array_equal(found.measures["grey"], image[y, x, 0])
    np.testing.assert_array_equal(found.measures["phase: light/dark"], image[y, x, 0] < 50)


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
