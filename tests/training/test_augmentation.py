"""Views: boxes follow the pixels they are on."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.training.augmentation import Crop, crop_boxes, crop_image, draw_crop, jitter_stain


@settings(max_examples=60, deadline=None)
@given(
    x=st.integers(0, 80),
    y=st.integers(0, 60),
    turns=st.integers(0, 3),
    flip=st.booleans(),
    left=st.integers(0, 60),
    top=st.integers(0, 60),
)
def test_a_box_follows_its_dark_square(x: int, y: int, turns: int, flip: bool, left: int, top: int) -> None:
    image = np.full((200, 220, 3), 255, np.uint8)
    image[y + top : y + top + 30, x + left : x + left + 20] = 0
    box = np.array([[x + left, y + top, x + left + 20, y + top + 30]], np.float32)
    crop = Crop(x, y, 96, turns, flip)
    view = crop_image(image, crop, 96)
    moved, inside = crop_boxes(box, crop, 96)
    rows, columns = np.nonzero(view[..., 0] < 128)
    assert inside[0]
    np.testing.assert_allclose(moved[0], [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), side=st.floats(20, 400))
def test_a_crop_holds_its_point_and_stays_inside_where_it_can(seed: int, side: float) -> None:
    rng = np.random.default_rng(seed)
    point = rng.uniform((0, 0), (220, 200))
    crop = draw_crop(rng, (200, 220), side, point)
    assert crop.x <= point[0] <= crop.x + side
    assert crop.y <= point[1] <= crop.y + side
    if side <= 200:
        assert 0 <= crop.x <= 220 - side
        assert 0 <= crop.y <= 200 - side


def test_outside_the_image_is_white() -> None:
    view = crop_image(np.zeros((50, 50, 3), np.uint8), Crop(-50, 0, 100, 0, False), 100)
    assert (view[:, :45] == 255).all()
    assert (view[:45, 55:95] == 0).all()


def test_stain_jitter_of_nothing_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    np.testing.assert_array_equal(jitter_stain(np.random.default_rng(1), image, 0.0), image)
    strong = jitter_stain(np.random.default_rng(1), image, 0.3)
    assert np.abs(strong.astype(int) - image).mean() > 3
