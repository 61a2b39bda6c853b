"""The raster has the asked µm/px, and the same pixels whichever window asks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from same_bytes import ArraySlide, noise
from scipy import ndimage

from cytoshift.engine import Needs, View
from cytoshift.errors import SlideError

SLIDE = ArraySlide(noise(1500, 2100), mpp=0.25, levels=3)


def test_levels_that_fit_are_taken_as_they_are() -> None:
    view = View.of(SLIDE, Needs(mpp=0.503))
    assert not view.resampled
    assert view.source == 1
    np.testing.assert_array_equal(view.read(10, 20, 50, 60), SLIDE.read(1, 10, 20, 50, 60))
    assert View.of(SLIDE, Needs()).level == SLIDE.levels[0]


@pytest.mark.parametrize(("mpp", "source"), [(0.37, 0), (0.6, 1), (1.7, 2), (0.2, 0)])
def test_other_scales_are_resampled_from_the_next_finer_level(mpp: float, source: int) -> None:
    view = View.of(SLIDE, Needs(mpp=mpp))
    assert view.resampled
    assert view.source == source
    assert view.level.downsample_yx == pytest.approx((mpp / 0.25, mpp / 0.25))
    assert view.level.height == pytest.approx(1500 * 0.25 / mpp, abs=1)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([0.37, 0.6, 0.2]),
    st.integers(-40, 1200),
    st.integers(-40, 1600),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_a_pixel_is_the_same_whichever_window_asks(mpp: float, y: int, x: int, height: int, width: int) -> None:
    view = View.of(SLIDE, Needs(mpp=mpp))
    level = view.level
    whole = np.pad(view.read(0, 0, level.height, level.width), ((400, 2000), (400, 2000), (0, 0)), constant_values=255)
    expected = whole[400 + y : 400 + y + height, 400 + x : 400 + x + width]
    np.testing.assert_array_equal(view.read(y, x, height, width), expected)


@pytest.mark.parametrize("mpp", [0.4, 0.2])
def test_blocks_join_without_a_seam(mpp: float) -> None:
    """A smooth ramp stays smooth over the edges of the blocks, and stays where it was."""
    ramp = np.linspace(0, 250, 2600)[None, :, None] * np.ones((40, 1, 3))
    view = View.of(ArraySlide(np.rint(ramp).astype(np.uint8), mpp=0.25), Needs(mpp=mpp))
    row = view.read(10, 0, 1, view.level.width)[0, :, 0].astype(float)
    centres = view.level0(np.stack([np.arange(view.level.width) + 0.5] * 2, axis=1))[:, 0]
    expected = np.interp(centres - 0.5, np.arange(2600), ramp[0, :, 0])
    assert np.abs(row - expected).max() <= 1


def test_resampling_is_antialiased() -> None:
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 255
    view = View.of(ArraySlide(stripes, mpp=0.25), Needs(mpp=0.9))
    assert np.abs(view.read(20, 20, 100, 100).astype(int) - 127).max() < 30
    assert ndimage.standard_deviation(stripes) > 100


def test_coordinates_go_there_and_back() -> None:
    view = View.of(SLIDE, Needs(mpp=0.37))
    box = np.array([10.0, 20.0, 130.0, 170.0])
    np.testing.assert_allclose(view.raster(view.level0(box)), box)
    np.testing.assert_allclose(view.level0(box), box * 0.37 / 0.25)
    tile = view.grid(Needs(tile=128))[1]
    assert view.level0_core(tile) == pytest.approx((128 * 1.48, 0, 256 * 1.48, 128 * 1.48))


def test_unknown_size_is_asked_for() -> None:
    with pytest.raises(SlideError, match=r"old\.tif does not say how large a pixel is.*0\.5 µm/px; set its µm/px"):
        View.of(ArraySlide(noise(50, 50), name="old.tif"), Needs(mpp=0.5))
