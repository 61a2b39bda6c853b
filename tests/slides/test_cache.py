"""The tile cache keeps its budget whatever is asked, and computes a tile once however many ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.slides.cache import TileCache, shared_cache


def tile(side: int, value: int = 0) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 3000),
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 25), st.booleans()), max_size=60),
)
def test_budget_is_never_exceeded_and_tiles_are_right(budget: int, asked: list[tuple[int, int, bool]]) -> None:
    cache = TileCache(budget)
    for key, side, forget in asked:
        got = cache.get((key, side), lambda side=side, key=key: tile(side, key))
        assert np.array_equal(got, tile(side, key))
        assert cache.nbytes <= budget
        assert cache.nbytes == sum(kept.nbytes for kept in cache._tiles.values())
        if forget and key == 0:
            cache.clear()
            assert cache.nbytes == 0


def test_the_least_recently_used_tile_goes_first() -> None:
    cache = TileCache(2 * 300)
    for key in "ab":
        cache.get(key, lambda: tile(10))
    cache.peek("a")
    cache.get("c", lambda: tile(10))
    assert cache.peek("a") is not None
    assert cache.peek("b") is None


def test_threads_that_miss_together_compute_once() -> None:
    cache = TileCache(1 << 20)
    computed: list[int] = []
    together = threading.Barrier(8)
    started = threading.Event()

    def compute() -> np.ndarray:
        computed.append(1)
        started.wait(10)
        return tile(16, 7)

    def ask(index: int) -> np.ndarray:
        together.wait(10)
        if index == 0:
            started.set()
        return cache.get("tile", compute)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(ask, range(8)))
    assert len(computed) == 1
    assert all(result is results[0] for result in results)


def test_an_error_reaches_everybody_and_is_not_kept() -> None:
    cache = TileCache(1 << 20)

    def fail() -> np.ndarray:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        cache.get("tile", fail)
    assert np.array_equal(cache.get("tile", lambda: tile(4, 1)), tile(4, 1))


def test_tiles_cannot_be_written_into() -> None:
    cache = TileCache(1 << 20)
    with pytest.raises(ValueError, match="read-only"):
        cache.get("tile", lambda: tile(4))[0, 0] = 1


def test_a_view_of_something_larger_is_copied() -> None:
    cache = TileCache(1000)
    large = tile(100)
    kept = cache.get("tile", lambda: large[:10, :10])
    assert kept.base is None
    assert large.flags.writeable


def test_the_shared_cache_is_one() -> None:
    assert shared_cache() is shared_cache()
    assert 0 < shared_cache().budget <= 2 << 30
