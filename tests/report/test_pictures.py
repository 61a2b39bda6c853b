"""Dots, frames and bars lie where they should, in the picture's own pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cytoshift.report.pictures import round_length, said_length, with_bar, with_dots, with_frame

WHITE = Image.new("RGB", (400, 300), (255, 255, 255))
RED, BLUE = (200, 0, 0), (0, 0, 200)


def colored(picture: Image.Image, color: tuple[int, int, int]) -> np.ndarray:
    """Return y, x of the pixels of a colour."""
    return np.argwhere((np.asarray(picture) == color).all(axis=2))


def test_later_dots_lie_above_earlier_ones() -> None:
    points = np.array([[100.5, 50.5], [300.5, 200.5]])
    picture = with_dots(WHITE, [(points, RED), (points[:1], BLUE)])
    assert colored(picture, BLUE).mean(axis=0).tolist() == [50, 100]
    assert colored(picture, RED).mean(axis=0).tolist() == [200, 300]


def test_more_dots_are_smaller_and_those_at_the_edge_are_cut() -> None:
    few = with_dots(WHITE, [(np.array([[0.0, 0.0]]), RED)])
    many = with_dots(WHITE, [(np.zeros((40_000, 2)), RED)])
    assert len(colored(few, RED)) > len(colored(many, RED)) > 0


def test_a_bar_is_as_long_as_it_says() -> None:
    bar = colored(with_bar(WHITE.copy(), 0.5, 50.0).point(lambda value: 255 - value), (255, 255, 255))
    assert np.ptp(bar[:, 1]) == pytest.approx(100 + 4, abs=2)  # with its rim
    assert said_length(50) == "50 µm"
    assert said_length(2000) == "2 mm"


def test_a_frame_thinner_than_a_pixel_is_seen() -> None:
    assert len(colored(with_frame(WHITE, (10.2, 10.2, 10.4, 10.4), RED, 2), RED)) >= 1


@given(st.floats(1e-3, 1e6))
def test_round_lengths_are_the_longest_that_fit(most: float) -> None:
    length = round_length(most)
    assert length <= most * (1 + 1e-6)
    assert length > most / 2.6
