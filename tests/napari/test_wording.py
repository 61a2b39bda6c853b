"""Numbers as people read them."""

from __future__ import annotations

import pytest

from napari_cytoshift import wording


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (2, "about 5 s"),
        (31, "about 30 s"),
        (60, "about 1 min"),
        (700, "about 12 min"),
        (5400, "about 1.5 h"),
    ],
)
def test_remaining_time(seconds: float | None, words: str) -> None:
    assert wording.about(seconds) == words


def test_sizes() -> None:
    assert wording.size(24_000, 38_000) == "38 × 24 mm"
    assert wording.size(300, 400) == "400 × 300 µm"
    assert wording.length(12.34) == "12.3 µm"
    assert wording.length(2500) == "2.5 mm"


def test_magnifications() -> None:
    assert [wording.times(m) for m in (None, 1.26, 9.96, 40.0)] == ["–", "1.3×", "10×", "40×"]


def test_densities_carry_their_unit_and_no_powers_of_ten() -> None:
    assert wording.density(78, 0.0661) == "1 180 / mm²"
    assert wording.density(1, 0.0661) == "15.1 / mm²"
    assert wording.density(0, 0.0661) == "0 / mm²"
