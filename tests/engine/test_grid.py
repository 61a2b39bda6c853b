"""The grid covers a raster once, and a region never moves it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine import Needs, TileGrid
from cytoshift.engine.grid import shards

SIDES = st.integers(1, 400)


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, st.integers(1, 90))
def test_cores_cover_every_pixel_once(height: int, width: int, tile: int) -> None:
    counts = np.zeros((height, width), int)
    grid = TileGrid(height, width, tile, 4)
    for index, one in enumerate(grid):
        assert one.index == index
        assert one == grid[index]
        x0, y0, x1, y1 = one.core
        assert x0 % tile == y0 % tile == 0
        counts[y0:y1, x0:x1] += 1
    assert (counts == 1).all()
    assert len(grid) == grid.rows * grid.columns


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, st.integers(5, 90), st.tuples(*[st.floats(-50, 450)] * 4))
def test_a_region_selects_tiles_and_nothing_else(
    height: int, width: int, tile: int, corners: tuple[float, float, float, float]
) -> None:
    x0, x1 = sorted(corners[:2])
    y0, y1 = sorted(corners[2:])
    grid = TileGrid(height, width, tile)
    expected = [one for one in grid if max(one.x, x0) < min(one.core[2], x1) and max(one.y, y0) < min(one.core[3], y1)]
    assert grid.within((x0, y0, x1, y1)) == expected


def test_windows_have_one_size() -> None:
    grid = TileGrid.of(1000, 700, Needs(tile=256, halo=32, alignment=32))
    assert grid.window == 320
    assert (grid.rows, grid.columns) == (4, 3)
    assert grid[11].core == (512, 768, 700, 1000)
    with pytest.raises(IndexError, match="tile 12 of 12"):
        grid[12]


def test_shards_follow_the_rows() -> None:
    tiles = list(TileGrid(100, 100, 30))
    cut = list(shards(tiles, 5))
    assert [len(shard) for shard in cut] == [5, 5, 5, 1]
    assert [tile for shard in cut for tile in shard] == tiles


@given(SIDES, SIDES, st.integers(20, 90), st.integers(1, 7), st.integers(2, 5))
def test_numbers_of_tiles_stand_for_the_tiles(height: int, width: int, tile: int, size: int, each: int) -> None:
    grid = TileGrid(height, width, tile)
    every = list(grid)
    assert list(grid.tiles) == every
    assert list(shards(grid.tiles, size)) == list(shards(every, size))
    some = grid.tiles.where(lambda one: one.index % each == 0)
    assert list(some) == [one for one in every if one.index % each == 0]
    assert list(grid.tiles.without(some)) == [one for one in every if one.index % each]
    assert grid.tiles[-1] == every[-1]
