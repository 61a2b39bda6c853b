"""Converting there and back gives the same point, and the viewer's half pixel is where napari has it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.slides.coordinates import (
    Frame,
    level0_from_level,
    level_from_level0,
    magnification_from_mpp,
    mpp_from_objective,
)

sizes = st.floats(0.05, 20)
places = st.floats(-1e6, 1e6)
points = st.lists(st.tuples(places, places), min_size=1, max_size=5)
factors = st.floats(1, 512)


@settings(max_examples=40, deadline=None)
@given(points, st.none() | st.tuples(sizes, sizes))
def test_world_round_trip(xy: list[tuple[float, float]], mpp: tuple[float, float] | None) -> None:
    frame = Frame(mpp)
    assert np.allclose(frame.level0_from_world(frame.world_from_level0(xy)), xy, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(points, st.tuples(factors, factors))
def test_level_round_trip_of_points_and_boxes(xy: list[tuple[float, float]], downsample: tuple[float, float]) -> None:
    boxes = np.array([(x, y, x + 10, y + 20) for x, y in xy])
    assert np.allclose(level0_from_level(level_from_level0(xy, downsample), downsample), xy, atol=1e-6)
    assert np.allclose(level_from_level0(level0_from_level(boxes, downsample), downsample), boxes, atol=1e-6)


def test_the_centre_of_a_pixel_is_where_the_viewer_draws_it() -> None:
    frame = Frame((0.5, 0.25))
    assert np.allclose(frame.world_from_level0([10.5, 4.5]), [4 * 0.5, 10 * 0.25])
    assert frame.unit == "um"
    assert Frame(None).unit == "pixel"


def test_x_and_y_are_not_mixed_up() -> None:
    assert np.allclose(level0_from_level([[1, 1, 2, 2]], (3.0, 5.0)), [[5, 3, 10, 6]])
    assert np.allclose(Frame((2.0, 4.0)).microns_from_level0([1, 1]), [4, 2])


def test_micrometres_need_a_calibration() -> None:
    with pytest.raises(ValueError, match="no µm/px"):
        Frame(None).microns_from_level0([1, 1])


@pytest.mark.parametrize(("mpp", "power"), [(0.25, 40), (0.5, 20), (1, 10)])
def test_magnification_follows_the_convention(mpp: float, power: float) -> None:
    assert magnification_from_mpp(mpp) == power
    assert mpp_from_objective(power) == mpp
