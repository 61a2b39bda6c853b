"""The nucleus under a click, against shapes that were drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from shapely import Polygon

from cytoshift.slides.nucleus import LARGEST_UM2, SMALLEST_UM2, NoNucleus, Nucleus, find_nucleus

MPP = 0.25
SIDE = 240


def draw(*ellipses: tuple[float, float, float, float], glass: float = 0.05, slope: float = 0.0) -> np.ndarray:
    """Return an image of blue-purple ellipses (x, y, half axes in pixels) on pale, unevenly lit cytoplasm."""
    rows, columns = np.indices((SIDE, SIDE)) + 0.5
    density = glass + slope * columns / SIDE
    for x, y, a, b in ellipses:
        density = np.where(((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1, density + 0.4, density)
    density = ndimage.gaussian_filter(density, 1.0)
    return np.stack([255 * 10 ** -(density * tone) for tone in (1.0, 1.1, 0.7)], axis=-1).astype(np.uint8)


def iou(found: Nucleus | NoNucleus, x: float, y: float, a: float, b: float) -> float:
    """Return how well an outline and an ellipse agree."""
    assert isinstance(found, Nucleus), found
    angles = np.linspace(0, 2 * np.pi, 200)
    truth = Polygon(np.stack([x + a * np.cos(angles), y + b * np.sin(angles)], axis=1))
    outline = Polygon(found.outline)
    return float(outline.intersection(truth).area / outline.union(truth).area)


@pytest.mark.parametrize("ellipse", [(120, 120, 18, 18), (118, 125, 30, 17), (120, 120, 10, 12)])
def test_a_drawn_nucleus_is_found_from_its_middle_and_from_its_rim(ellipse: tuple[float, float, float, float]) -> None:
    image = draw(ellipse)
    x, y, a, _ = ellipse
    for click in (x, x + 0.8 * a):
        assert iou(find_nucleus(image, click, y, MPP), *ellipse) > 0.85


def test_light_that_is_uneven_changes_nothing() -> None:
    ellipse = (120, 120, 20, 16)
    assert iou(find_nucleus(draw(ellipse, slope=0.15), 120, 120, MPP), *ellipse) > 0.85


def test_two_that_touch_are_told_apart() -> None:
    left, right = (102, 120, 19, 19), (138, 120, 19, 19)
    image = draw(left, right)
    for clicked in (left, right):
        assert iou(find_nucleus(image, clicked[0], 120, MPP), *clicked) > 0.75


def test_the_nucleus_that_is_clicked_and_not_its_neighbour() -> None:
    near, far = (90, 120, 14, 14), (150, 120, 24, 24)
    assert iou(find_nucleus(draw(near, far), 90, 120, MPP), *near) > 0.8


def test_bare_glass_specks_and_whole_cells_are_no_nucleus() -> None:
    glass = np.random.default_rng(0).integers(235, 246, (SIDE, SIDE, 3)).astype(np.uint8)
    assert find_nucleus(glass, 120, 120, MPP) == NoNucleus("nothing is darker than what is around it")
    for radius in (4, 80):
        assert isinstance(find_nucleus(draw((120, 120, radius, radius)), 120, 120, MPP), NoNucleus)


@settings(max_examples=12, deadline=None)
@given(
    x=st.integers(100, 140),
    y=st.integers(100, 140),
    a=st.floats(10, 30),
    b=st.floats(10, 30),
    click=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_what_is_found_lies_in_the_image_is_plausible_and_moves_with_it(
    x: int, y: int, a: float, b: float, click: tuple[float, float]
) -> None:
    image = draw((x, y, a, b))
    at = x + click[0] * a, y + click[1] * b
    found = find_nucleus(image, *at, MPP)
    assert isinstance(found, Nucleus)
    x0, y0, x1, y1 = found.box
    assert 0 <= x0 < x1 <= SIDE
    assert 0 <= y0 < y1 <= SIDE
    assert 0.8 * SMALLEST_UM2 <= Polygon(found.outline).area * MPP**2 <= 1.2 * LARGEST_UM2
    moved = find_nucleus(np.roll(image, (6, -8), (0, 1)), at[0] - 8, at[1] + 6, MPP)
    assert isinstance(moved, Nucleus)
    np.testing.assert_allclose(moved.outline, found.outline + np.array((-8, 6)), atol=1e-6)
