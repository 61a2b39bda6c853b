"""What is left of a colour when its stain is removed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.stain.restyling.removal import StainRemoval

COLOURS = {"red": (200, 80, 90), "blue": (80, 90, 200), "green": (60, 180, 70), "glass": (240, 240, 240)}


def left(removal: StainRemoval, colour: tuple[int, ...], white: tuple[float, ...] = (1, 1, 1)) -> list[float]:
    pixel = torch.tensor(colour, dtype=torch.float32).view(1, 3, 1, 1) / 255
    values: list[float] = removal(pixel, torch.tensor([white], dtype=torch.float32)).flatten().tolist()
    return values


@pytest.mark.parametrize(("name", "mask"), [("red", 1.0), ("blue", 0.0), ("green", 0.0), ("glass", 0.0)])
def test_the_mask_is_where_red_is_greatest(name: str, mask: float) -> None:
    grey, masked = left(StainRemoval(), COLOURS[name])
    red, green, blue = COLOURS[name]
    assert grey == pytest.approx((0.299 * red + 0.587 * green + 0.114 * blue) / 127.5 - 1, abs=1e-6)
    assert masked == mask


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 255), st.integers(-4, 4))
def test_noise_on_neutral_pixels_stays_below_the_guard(level: int, noise: int) -> None:
    red = min(max(level + noise, 0), 255)
    assert left(StainRemoval(guard=0.02), (red, level, level))[1] == 0.0
    assert left(StainRemoval(), (red, level, level))[1] == float(red > level)


def test_a_dim_warm_lamp_is_no_stain_once_white_is_counted() -> None:
    lamp = (0.8, 0.7, 0.5)
    glass = tuple(round(255 * value) for value in lamp)
    assert left(StainRemoval(), glass)[1] == 1.0
    grey, mask = left(StainRemoval(white=True, guard=0.03), glass, lamp)
    assert mask == 0.0
    assert grey == pytest.approx(1.0, abs=0.02)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 1.0))
def test_the_mask_does_not_know_how_bright_the_lamp_is(lamp: float) -> None:
    removal = StainRemoval(white=True, guard=0.03)
    for name in ("red", "blue", "green"):
        colour = torch.tensor(COLOURS[name], dtype=torch.float32).view(1, 3, 1, 1) / 255
        bright = removal(colour, torch.ones(1, 3))
        dim = removal(colour * lamp, torch.full((1, 3), lamp))
        torch.testing.assert_close(dim, bright, atol=1e-4, rtol=0)


def test_without_the_mask_red_and_blue_of_one_brightness_are_alike() -> None:
    removal = StainRemoval(mask=False)
    assert removal.channels == 1
    red, blue = (150, 100, 100), (100, 113, 164)
    np.testing.assert_allclose(left(removal, red), left(removal, blue), atol=0.02)
    assert left(StainRemoval(), red)[1] != left(StainRemoval(), blue)[1]
