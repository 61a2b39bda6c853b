"""Suppression keeps what torchvision keeps, in its order, and takes a million boxes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine import Distance, nms
from cytoshift.engine.doubles import strongest

Array = npt.NDArray[np.float32]


def torchvisions(boxes: Array, scores: Array, iou: float) -> npt.NDArray[np.int64]:
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    kept: npt.NDArray[np.int64] = torchvision.ops.nms(torch.from_numpy(boxes), torch.from_numpy(scores), iou).numpy()
    return kept


def crowd(n: int, seed: int, spread: float, large: int = 0) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    centres = random.uniform(0, spread, (n, 2))
    sizes = random.uniform(4, 60, (n, 2))
    sizes[:large] *= 40
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
    scores = np.round(random.uniform(0, 1, n), 2)  # many ties
    return boxes.astype(np.float32), scores.astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 600),
    st.integers(0, 10**6),
    st.sampled_from([50.0, 400.0, 5000.0]),
    st.sampled_from([0.0, 0.3, 0.5, 0.9]),
    st.integers(0, 5),
)
def test_nms_is_torchvisions(n: int, seed: int, spread: float, iou: float, large: int) -> None:
    boxes, scores = crowd(n, seed, spread, min(large, n))
    np.testing.assert_array_equal(nms(boxes, scores, iou), torchvisions(boxes, scores, iou))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 300),
    st.integers(0, 10**6),
    st.sampled_from([1e-3, 1.0, 64.0, 1e18]),
    st.sampled_from([0.0, -7.0, 1e6, 1e9]),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.sampled_from([0, 1, 20]),
)
def test_nms_is_torchvisions_on_boxes_that_are_meant_to_hurt(
    n: int, seed: int, scale: float, offset: float, iou: float, huge: int
) -> None:
    """On a lattice: the same box many times, nested ones, lines and points, overlaps of exactly the threshold.

    Only three scores, so that nearly all tie; some boxes hold all others, and areas go beyond float32.
    """
    random = np.random.default_rng(seed)
    corner, sides = random.integers(0, 9, (n, 2)), random.integers(0, 6, (n, 2))
    sides[:huge] *= 1000
    order = random.permutation(n)
    boxes = np.concatenate([corner, corner + sides], axis=1)[order] * scale + offset
    scores = random.choice([0.25, 0.5, 0.75], n).astype(np.float32)
    kept = nms(boxes.astype(np.float32), scores, iou)
    np.testing.assert_array_equal(kept, torchvisions(boxes.astype(np.float32), scores, iou))


@pytest.mark.parametrize("iou", [0.0, 0.5, 1.0])
def test_nms_of_one_box_many_times(iou: float) -> None:
    """The first of equals stays; boxes without area overlap nothing, not even themselves."""
    boxes = np.repeat(np.array([[3, 4, 13, 24], [5, 5, 5, 9], [7, 7, 7, 7]], np.float32), 50, axis=0)
    scores = np.full(len(boxes), 0.5, np.float32)
    kept = nms(boxes, scores, iou)
    np.testing.assert_array_equal(kept, torchvisions(boxes, scores, iou))
    assert (kept < 50).sum() == (50 if iou == 1 else 1)
    assert (kept >= 50).sum() == 100


def test_nms_is_torchvisions_on_a_million_boxes() -> None:
    """A thousand around each of a thousand places, which is what torchvision can do in seconds; scores tie."""
    random = np.random.default_rng(1)
    places = np.stack(np.meshgrid(np.arange(40) * 90.0, np.arange(25) * 90.0), axis=-1).reshape(-1, 2)
    corner = np.repeat(places, 1000, axis=0) + random.uniform(0, 9, (10**6, 2))
    boxes = np.concatenate([corner, corner + random.uniform(36, 48, (10**6, 2))], axis=1).astype(np.float32)
    scores = np.round(random.random(10**6, np.float32), 3)
    kept = nms(boxes, scores, 0.5)
    assert 1000 <= len(kept) < 5000
    np.testing.assert_array_equal(kept, torchvisions(boxes, scores, 0.5))


def test_nms_takes_a_million_boxes() -> None:
    """Three boxes around each of many objects: one of each is left. All against all would take minutes."""
    objects = np.stack(np.meshgrid(np.arange(577) * 60.0, np.arange(577) * 60.0), axis=-1).reshape(-1, 2)
    random = np.random.default_rng(0)
    corner = np.repeat(objects, 3, axis=0) + random.uniform(0, 4, (3 * len(objects), 2))
    boxes = np.concatenate([corner, corner + 40], axis=1).astype(np.float32)
    kept = nms(boxes, random.random(len(boxes), np.float32), 0.5)
    assert sorted(kept // 3) == list(range(len(objects)))


def one_by_one(boxes: Array, scores: Array, distance: float) -> list[int]:
    """Return what stays when every box is compared with all that stayed before."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    kept: list[int] = []
    for k in np.argsort(-scores, kind="stable"):
        if all(((centres[k] - centres[j]) ** 2).sum() > np.float32(distance) ** 2 for j in kept):
            kept.append(int(k))
    return kept


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 200),
    st.integers(0, 10**6),
    st.sampled_from([30.0, 400.0, 5000.0]),
    st.sampled_from([0.5, 6.25, 25.0, 300.0]),
)
def test_by_distance_the_strongest_within_it_stays(n: int, seed: int, spread: float, distance: float) -> None:
    boxes, scores = crowd(n, seed, spread, min(2, n))
    assert strongest(boxes, scores, Distance(distance)).tolist() == one_by_one(boxes, scores, distance)


def test_centres_exactly_so_far_apart_are_doubles() -> None:
    boxes = np.array([[0, 0, 50, 50], [15, 20, 65, 70], [15, 20.01, 65, 70.01]], np.float32)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    assert strongest(boxes, scores, Distance(25.0)).tolist() == [0, 2]
    assert strongest(boxes[::2], scores[::2], Distance(25.0)).tolist() == [0, 1]
