"""A stand-in for a costly slide: the same levels, the original's pixels on them, one map."""

from __future__ import annotations

import numpy as np
import pytest
from same_bytes import ArraySlide, noise

from cytoshift.engine import DerivedSlide, ImageOperator, Needs, PreviewSlide
from cytoshift.slides.cache import TileCache
from cytoshift.slides.slide import RGB


class Invert(ImageOperator):
    """Colours upside down, at a µm/px or at any."""

    def __init__(self, mpp: float | None, *, pointwise: bool) -> None:
        self._mpp, self._pointwise = mpp, pointwise
        self.calls = 0

    @property
    def key(self) -> str:
        return "invert"

    @property
    def title(self) -> str:
        return "Invert"

    @property
    def needs(self) -> Needs:
        return Needs(mpp=self._mpp, tile=128, batch=1)

    @property
    def pointwise(self) -> bool:
        return self._pointwise

    def apply(self, tiles: RGB) -> RGB:
        self.calls += 1
        return 255 - tiles


def preview(mpp: float | None) -> tuple[ArraySlide, DerivedSlide, PreviewSlide]:
    """Return a slide, the slide seen through an operator of a given µm/px, and what stands in for it."""
    slide = ArraySlide(np.repeat(np.repeat(noise(600, 701), 2, 0), 2, 1)[:1199, :1401], mpp=0.25, levels=4)
    cache = TileCache(1 << 28)
    derived = DerivedSlide(slide, Invert(mpp, pointwise=False), cache=cache)
    return slide, derived, PreviewSlide(derived, Invert(mpp, pointwise=True), cache=cache)


@pytest.mark.parametrize("mpp", [None, 0.25, 0.5, 0.31, 1.0])
def test_every_level_shows_what_the_derived_slide_shows(mpp: float | None) -> None:
    _, derived, shown = preview(mpp)
    assert shown.levels == derived.levels
    assert shown.frame == derived.frame
    for k, level in enumerate(shown.levels):
        exact = derived.read(k, 0, 0, level.height, level.width).astype(int)
        seen = shown.read(k, 0, 0, level.height, level.width).astype(int)
        # Noise is the hardest picture: a resampled level and a level of means of a resampled one differ by filters.
        assert np.abs(seen - exact).mean() < (0.6 if mpp != 0.31 else 12)


def test_a_coarse_tile_costs_one_map_and_no_fine_tile() -> None:
    slide, derived, shown = preview(0.25)
    last = len(shown.levels) - 1
    shown.tile(last, 0, 0)
    assert shown.operator.calls == 1
    assert derived.operator.calls == 0
    assert slide.cached_tile(0, 0, 0) is None


def test_another_raster_or_map_is_another_slide() -> None:
    _, derived, shown = preview(0.25)
    _, _, other = preview(0.5)
    assert len({derived.key, shown.key, other.key}) == 3
    assert preview(0.25)[2].key == shown.key
    assert (
        shown.calibrated((0.5, 0.5)).levels
        == DerivedSlide(shown.derived.source.calibrated((0.5, 0.5)), Invert(0.25, pointwise=False)).levels
    )


def test_only_a_map_of_colours_can_stand_in() -> None:
    _, derived, _ = preview(0.25)
    with pytest.raises(ValueError, match="map of colours"):
        PreviewSlide(derived, Invert(0.25, pointwise=False))
