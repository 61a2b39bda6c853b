"""A blend lies between the original and what is seen, and ends at both."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from same_bytes import RGB, ArraySlide, assert_same_image, noise

from cytoshift.engine import Blended, ImageOperator, Needs
from cytoshift.slides import Slide


class Inverted(ImageOperator):
    """The negative; it must be prepared first, as a fitted method must."""

    def __init__(self, slide: str = "") -> None:
        self.slide = slide

    @property
    def key(self) -> str:
        return f"inverted-{self.slide}"

    @property
    def title(self) -> str:
        return "Inverted"

    @property
    def needs(self) -> Needs:
        return Needs(tile=256, batch=3)

    @property
    def pointwise(self) -> bool:
        return True

    def prepare(self, slide: Slide) -> Self:
        return self if self.slide == slide.key else type(self)(slide.key)

    def apply(self, tiles: RGB) -> RGB:
        assert self.slide
        return 255 - tiles


TILES = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=-1)


def blended(strength: float) -> Blended:
    return Blended(Inverted("a slide"), strength)


@pytest.mark.parametrize("strength", [0.0, 0.1, 1 / 3, 0.5, 0.77, 1.0])
def test_values_lie_between(strength: float) -> None:
    original = TILES.astype(float)
    exact = original + strength * (255 - 2 * original)
    assert np.abs(blended(strength).apply(TILES) - exact).max() <= 0.5


def test_the_ends_are_the_bytes_themselves() -> None:
    np.testing.assert_array_equal(blended(0).apply(TILES), TILES)
    np.testing.assert_array_equal(blended(1).apply(TILES), 255 - TILES)


def test_it_is_prepared_with_its_operator() -> None:
    slide = ArraySlide(noise(40, 50))
    unprepared = Blended(Inverted(), 0.5)
    prepared = unprepared.prepare(slide)
    assert isinstance(prepared.operator, Inverted)
    assert prepared.operator.slide == slide.key
    assert prepared.prepare(slide) is prepared
    assert (prepared.title, prepared.needs, prepared.pointwise) == ("Inverted", Needs(tile=256, batch=3), True)


def test_the_key_names_the_strength() -> None:
    assert len({blended(strength).key for strength in (0, 0.1, 0.1 + 1e-12, 1)}) == 4
    assert pickle.loads(pickle.dumps(blended(0.3))).key == blended(0.3).key


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_lies_between_0_and_1(strength: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        blended(strength)


def test_same_bytes(tmp_path: Path) -> None:
    assert_same_image(ArraySlide(noise(700, 900), mpp=0.25, levels=2), Blended(Inverted(), 0.4), tmp_path)
