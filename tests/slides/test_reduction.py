"""Coarse chunks gathered in memory: each whole exactly once, or left to be computed from the files."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.slides.reduction import Reduction, halve
from cytoshift.slides.slide import TILE

SIZES = [(5 * TILE, 4 * TILE), (5 * TILE // 2, 2 * TILE), (5 * TILE // 4, TILE)]
FINE = [(row, column) for row in range(5) for column in range(4)]
COARSE = [(1, row, column) for row in range(3) for column in range(2)] + [(2, 0, 0), (2, 1, 0)]


def flat(value: int) -> npt.NDArray[np.uint8]:
    return np.full((3, TILE, TILE), value, np.uint8)


def pass_up(reduction: Reduction, row: int, column: int, value: int) -> list[tuple[int, int, int]]:
    """Write a fine chunk and the coarse ones that are whole by it; returns which."""
    level, whole = 0, reduction.written(0, row, column, flat(value))
    passed = []
    while whole is not None:
        level, row, column = level + 1, row // 2, column // 2
        passed.append((level, row, column))
        whole = reduction.written(level, row, column, whole)
    return passed


@settings(max_examples=10, deadline=None)
@given(st.permutations(FINE))
def test_in_any_order_every_coarse_chunk_is_whole_once(order: list[tuple[int, int]]) -> None:
    reduction = Reduction(SIZES)
    passed = [key for row, column in order for key in pass_up(reduction, row, column, 7)]
    assert sorted(passed) == COARSE
    assert all(reduction.made(*key) for key in COARSE)


@settings(max_examples=10, deadline=None)
@given(st.permutations(FINE), st.integers(1, 3))
def test_without_room_the_files_are_read_and_nothing_is_made_twice(order: list[tuple[int, int]], room: int) -> None:
    reduction = Reduction(SIZES, room=room)
    passed = [key for row, column in order for key in pass_up(reduction, row, column, 7)]
    assert sorted(passed) == [key for key in COARSE if reduction.made(*key)]


def test_a_chunk_written_again_spoils_all_over_it_and_nothing_else() -> None:
    reduction = Reduction(SIZES)
    for row, column in FINE:
        pass_up(reduction, row, column, 7)
    assert pass_up(reduction, 0, 3, 8) == []
    assert [key for key in COARSE if not reduction.made(*key)] == [(1, 0, 1), (2, 0, 0)]
    reduction.computed(1, 0, 1)
    assert reduction.made(1, 0, 1)


def test_a_coarse_chunk_spoilt_on_its_way_to_its_file_is_not_handed_on() -> None:
    reduction = Reduction(SIZES)
    whole = None
    for row, column in ((4, 0), (4, 1)):
        whole = reduction.written(0, row, column, flat(7))
    assert whole is not None
    reduction.written(0, 4, 0, flat(8))
    assert reduction.written(1, 2, 0, whole) is None
    assert not reduction.made(1, 2, 0)
    assert pass_up(reduction, 4, 2, 7) == []
    assert pass_up(reduction, 4, 3, 7) == [(1, 2, 1)]
    assert not reduction.made(2, 1, 0)


def test_means_are_rounded_and_odd_sides_repeat() -> None:
    planes = np.array([[[0, 1, 255], [0, 1, 254], [3, 4, 9]]], np.uint8)
    np.testing.assert_array_equal(halve(planes), [[[1, 255], [4, 9]]])
