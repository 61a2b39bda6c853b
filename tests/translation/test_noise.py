"""Noise that belongs to places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cytoshift.translation.noise import BLOCK, Draw, pixel_noise, style_draw


@settings(max_examples=40, deadline=None)
@given(
    y=st.integers(-150, 150),
    x=st.integers(-150, 150),
    height=st.integers(1, 150),
    width=st.integers(1, 150),
)
def test_a_pixel_has_the_same_noise_in_any_window(y: int, x: int, height: int, width: int) -> None:
    whole = pixel_noise(5, 1, Draw.BRIDGE, -192, -192, 512, 512)
    window = pixel_noise(5, 1, Draw.BRIDGE, y, x, height, width)
    np.testing.assert_array_equal(window, whole[y + 192 : y + 192 + height, x + 192 : x + 192 + width])


def test_it_is_normal_and_independent_between_pixels_and_channels() -> None:
    noise = pixel_noise(0, 0, Draw.BRIDGE, -256, -256, 512, 512)
    assert noise.dtype == np.float32
    assert stats.kstest(noise.ravel()[::7], "norm").pvalue > 1e-3
    assert abs(noise.mean()) < 0.005
    assert abs(noise.std() - 1) < 0.005
    for shift in ((0, 1, 0), (1, 0, 0), (0, 0, 1), (BLOCK, 0, 0), (0, BLOCK, 0), (4 * BLOCK, 0, 0), (0, 4 * BLOCK, 0)):
        assert abs((noise * np.roll(noise, shift, (0, 1, 2))).mean()) < 0.005, shift


@pytest.mark.parametrize(
    "other",
    [(1, 0, Draw.BRIDGE, 0, 0), (0, 1, Draw.BRIDGE, 0, 0), (0, 0, Draw.CHANNEL, 0, 0), (0, 0, Draw.BRIDGE, 0, 64)],
    ids=["seed", "step", "draw", "block"],
)
def test_another_seed_step_draw_or_block_has_noise_of_its_own(other: tuple[int, int, Draw, int, int]) -> None:
    one = pixel_noise(0, 0, Draw.BRIDGE, 0, 0, BLOCK, BLOCK)
    assert abs((one * pixel_noise(*other, BLOCK, BLOCK)).mean()) < 0.05


def test_the_style_is_drawn_once_for_every_step() -> None:
    one = style_draw(3, 2, 256)
    np.testing.assert_array_equal(one, style_draw(3, 2, 256))
    assert abs(one.std() - 1) < 0.2
    for other in (style_draw(3, 1, 256), style_draw(4, 2, 256)):
        assert abs((one * other).mean()) < 0.3
    assert not np.array_equal(one[:64], pixel_noise(3, 2, Draw.BRIDGE, 0, 0, 64, 64).ravel()[:64])
