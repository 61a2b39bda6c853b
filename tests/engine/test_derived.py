"""A slide seen through an operator is a slide like any other."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
import pytest
from same_bytes import ArraySlide, noise

from cytoshift.engine import DerivedSlide, ImageOperator, Needs
from cytoshift.errors import SlideError
from cytoshift.slides.slide import Slide

RGB = npt.NDArray[np.uint8]


class Tint(ImageOperator):
    """Pointwise; brighter by what `prepare` finds on the slide."""

    title = "Tint"
    pointwise = True

    def __init__(self, shift: int | None = None) -> None:
        self.shift = shift

    @property
    def key(self) -> str:
        return f"tint-{self.shift}"

    def prepare(self, slide: Slide) -> Self:
        return type(self)(int(slide.read(len(slide.levels) - 1, 0, 0, 1, 1)[0, 0, 0])) if self.shift is None else self

    def apply(self, tiles: RGB) -> RGB:
        assert self.shift is not None
        return tiles + np.uint8(self.shift)


class Flat(ImageOperator):
    """Not pointwise: every window becomes its mean; at a scale of its own. Counts its calls."""

    key = "flat"
    title = "Flat"
    needs = Needs(mpp=0.5, tile=512, batch=2)
    calls = 0

    def apply(self, tiles: RGB) -> RGB:
        type(self).calls += 1
        means = np.rint(tiles.mean(axis=(1, 2), keepdims=True)).astype(np.uint8)
        return np.broadcast_to(means, tiles.shape).copy()


def test_pointwise_operators_map_every_level() -> None:
    slide = ArraySlide(noise(1300, 1100), mpp=0.25, levels=3)
    seen = DerivedSlide(slide, Tint())
    assert seen.levels == slide.levels
    assert seen.frame == slide.frame
    assert seen.info == slide.info
    shift = np.uint8(slide.read(2, 0, 0, 1, 1)[0, 0, 0])
    for k, level in enumerate(slide.levels):
        size = (level.height, level.width)
        np.testing.assert_array_equal(seen.read(k, 0, 0, *size), slide.read(k, 0, 0, *size) + shift)
    assert seen.key == f"{slide.key}|tint-{shift}"


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    slide = ArraySlide(noise(600, 600), broken=lambda *tile: True)
    seen = DerivedSlide(slide, Tint(5))
    assert seen.levels == slide.levels
    assert seen.cached_tile(0, 0, 0) is None
    with pytest.raises(OSError, match="the disk is gone"):
        seen.tile(0, 0, 0)


def test_views_chain() -> None:
    slide = ArraySlide(noise(300, 300))
    twice = DerivedSlide(DerivedSlide(slide, Tint(3)), Tint(4))
    np.testing.assert_array_equal(twice.read(0, 5, 5, 50, 50), slide.read(0, 5, 5, 50, 50) + np.uint8(7))
    assert twice.key == f"{slide.key}|tint-3|tint-4"


def test_an_operator_with_a_scale_has_its_raster_as_the_finest_level() -> None:
    image = noise(3000, 3300)
    slide = ArraySlide(image, mpp=0.25, levels=2)
    seen = DerivedSlide(slide, Flat())
    assert seen.levels[0].downsample_yx == (2.0, 2.0)
    assert [level.downsample_yx[0] for level in seen.levels] == [2.0, 4.0]
    assert seen.frame == slide.frame
    Flat.calls = 0
    tile = seen.tile(0, 1, 1)
    corner = slide.read(1, 512, 512, 512, 512)
    np.testing.assert_array_equal(tile, np.broadcast_to(np.rint(corner.mean(axis=(0, 1))), tile.shape))
    seen.tile(0, 1, 0)
    assert Flat.calls == 1, "neighbours in the row are computed in one batch"
    coarse = seen.tile(1, 0, 0)
    np.testing.assert_array_equal(coarse[256:, 256:], np.broadcast_to(tile[0, 0], (256, 256, 3)))


def test_calibrating_the_view_calibrates_the_slide() -> None:
    slide = ArraySlide(noise(700, 700), levels=2)
    with pytest.raises(SlideError, match="set its µm/px"):
        DerivedSlide(slide, Flat())
    seen = DerivedSlide(slide, Tint(3)).calibrated((0.5, 0.5))
    assert seen.mpp == 0.5
    assert DerivedSlide(seen, Flat()).levels[0].downsample_yx == (1.0, 1.0)


def test_it_is_an_array_for_the_viewer() -> None:
    slide = ArraySlide(noise(700, 900), levels=2)
    seen = DerivedSlide(slide, Tint(9))
    for k, array in enumerate(seen.arrays):
        assert array.shape == seen.levels[k].shape
        np.testing.assert_array_equal(array[3:40, 5:60], slide.read(k, 3, 5, 37, 55) + np.uint8(9))
    np.testing.assert_array_equal(seen.dask(0)[600:].compute(), slide.read(0, 600, 0, 100, 900) + np.uint8(9))
