"""A translator over a slide: the same bytes wherever a tile is computed, and no seam."""

from __future__ import annotations

from pathlib import Path

import pytest
from same_bytes import ArraySlide, assert_same_image
from tiny_translator import MPP, scene, translator


@pytest.mark.parametrize("steps", [1, 3])
def test_a_tile_has_the_same_bytes_wherever_it_is_computed(steps: int, tmp_path: Path) -> None:
    slide = ArraySlide(scene(150, 230), mpp=MPP)
    whole = assert_same_image(slide, translator(steps=steps), tmp_path)
    assert whole.std() > 10, "the generator must show something for the test to mean anything"
