"""Every cell once: none lost on a seam, none doubled, whatever the order of the tiles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine import Tile, TileBoxes, TileGrid
from cytoshift.engine.doubles import Overlap
from cytoshift.engine.merge import Candidates, candidates, merge

Array = npt.NDArray[np.float32]
SIZE = 24
OVERLAP = Overlap(0.5)


def cells(height: int, width: int, seed: int) -> Array:
    """Return boxes on a jittered lattice: none touch, many lie on seams."""
    random = np.random.default_rng(seed)
    y, x = np.meshgrid(np.arange(0, height - SIZE, 2 * SIZE), np.arange(0, width - SIZE, 2 * SIZE), indexing="ij")
    corner = np.stack([x.ravel(), y.ravel()], axis=1) + random.uniform(0, SIZE, (x.size, 2))
    boxes = np.concatenate([corner, corner + SIZE], axis=1)
    inside = (boxes[:, 2] <= width) & (boxes[:, 3] <= height)
    return boxes[inside].astype(np.float32)


def seen(grid: TileGrid, tile: Tile, truth: Array, jitter: float, seed: int) -> TileBoxes:
    """Return what a detector sees in a tile: every cell that shows, moved a little, cut at the window."""
    random = np.random.default_rng((seed, tile.index))
    origin = np.array([tile.x - grid.halo, tile.y - grid.halo] * 2)
    boxes = truth - origin + random.uniform(-jitter, jitter, (len(truth), 1, 2)).repeat(2, 1).reshape(-1, 4)
    boxes = np.clip(boxes, 0, grid.window)
    shown = ((boxes[:, 2:] - boxes[:, :2]) > 2).all(axis=1)
    scores = random.uniform(0.3, 1, len(truth))
    return TileBoxes(boxes[shown].astype(np.float32), scores[shown].astype(np.float32), np.zeros(shown.sum(), np.int16))


def search(grid: TileGrid, truth: Array, jitter: float, seed: int, order: list[int]) -> Candidates:
    parts = [candidates(grid, grid[k], seen(grid, grid[k], truth, jitter, seed), OVERLAP) for k in order]
    return merge(Candidates.join(parts), OVERLAP)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(60, 400),
    st.integers(60, 400),
    st.sampled_from([40, 64, 100]),
    st.sampled_from([0.0, 1.0, 2.0]),
    st.integers(0, 10**6),
)
def test_no_cell_on_a_seam_is_lost_or_doubled(height: int, width: int, tile: int, jitter: float, seed: int) -> None:
    truth = cells(height, width, seed)
    grid = TileGrid(height, width, tile, 32)
    found = search(grid, truth, jitter, seed, list(range(len(grid))))
    assert len(found) == len(truth)
    distance = np.abs(found.boxes[:, None] - truth[None]).max(axis=2)
    assert (distance.min(axis=0) <= jitter + 1e-3).all()


def test_ownership_alone_would_lose_and_double_them() -> None:
    """The jitter of the test above is worth merging for."""
    lost, doubled = 0, 0
    for seed in range(30):
        truth, grid = cells(400, 400, seed), TileGrid(400, 400, 64, 32)
        parts = [candidates(grid, tile, seen(grid, tile, truth, 2.0, seed), OVERLAP) for tile in grid]
        every = Candidates.join(parts)
        own = every.boxes[every.own]
        hits = (np.abs(own[:, None] - truth[None]).max(axis=2) <= 2.001).sum(axis=0)
        lost += int((hits == 0).sum())
        doubled += int((hits > 1).sum())
    assert lost > 10
    assert doubled > 10


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 1000))
def test_the_order_of_the_tiles_does_not_matter(random: object, seed: int) -> None:
    truth, grid = cells(300, 300, seed), TileGrid(300, 300, 64, 32)
    order = list(range(len(grid)))
    first = search(grid, truth, 2.0, seed, order)
    random.shuffle(order)  # type: ignore[attr-defined]
    second = search(grid, truth, 2.0, seed, order)
    for name in ("tiles", "boxes", "scores", "labels"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert (np.diff(first.tiles) >= 0).all()
    same = np.diff(first.tiles) == 0
    assert (np.diff(first.scores)[same] <= 0).all()


def test_overlapping_cells_of_one_tile_both_stay() -> None:
    grid = TileGrid(200, 200, 100, 32)
    pair = np.array([[120, 60, 144, 84], [124, 62, 148, 86]], np.float32)  # window pixels, on the seam at 100
    found = TileBoxes(pair, np.array([0.9, 0.8], np.float32), np.array([0, 1], np.int16))
    assert len(merge(candidates(grid, grid[0], found, OVERLAP), OVERLAP)) == 2


def test_labels_of_one_cell_may_differ_between_tiles() -> None:
    grid = TileGrid(100, 200, 100, 32)
    left = TileBoxes(np.array([[119, 60, 143, 84]], np.float32), np.array([0.6], np.float32), np.array([0], np.int16))
    right = TileBoxes(np.array([[21, 60, 45, 84]], np.float32), np.array([0.9], np.float32), np.array([1], np.int16))
    both = [candidates(grid, grid[k], found, OVERLAP) for k, found in enumerate((left, right))]
    merged = merge(Candidates.join(both), OVERLAP)
    assert merged.labels.tolist() == [1]


def test_boxes_are_cut_at_the_slide_and_those_beside_it_dropped() -> None:
    grid = TileGrid(90, 90, 64, 16)
    boxes = np.array([[0, 0, 30, 30], [2, 2, 12, 12], [40, 40, 60, 60]], np.float32)
    found = candidates(grid, grid[0], TileBoxes(boxes, np.ones(3, np.float32), np.zeros(3, np.int16)), OVERLAP)
    np.testing.assert_array_equal(found.boxes, [[0, 0, 14, 14], [24, 24, 44, 44]])


def test_nothing_found_is_nothing_merged() -> None:
    assert len(merge(Candidates.join([]), OVERLAP)) == 0
    empty = TileBoxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int16))
    grid = TileGrid(100, 100, 50)
    assert len(merge(candidates(grid, grid[0], empty, OVERLAP), OVERLAP)) == 0
    assert merge(Candidates.join([], ("area",)), OVERLAP).measures["area"].shape == (0,)


def test_an_operator_that_forgets_its_measures_is_noticed() -> None:
    none, one = Candidates.none(), Candidates.none(("area",))
    with pytest.raises(ValueError, match="other measures"):
        Candidates.join([one, none])
