"""The shelf: what it keeps, where, and who computes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine.pace import paced_by
from cytoshift.errors import Cancelled
from cytoshift.translation.errors import TranslationError
from cytoshift.translation.shelf import Shelf

Array = npt.NDArray[np.float32]


def made(key: int) -> Array:
    return np.full((2, 3), key, np.float32)


@settings(max_examples=30, deadline=None)
@given(
    keys=st.lists(st.integers(0, 9), max_size=60),
    held=st.integers(1, 4),
    filed=st.integers(0, 5),
)
def test_it_returns_what_was_computed_however_little_it_keeps(keys: list[int], held: int, filed: int) -> None:
    shelf = Shelf((2, 3), np.float32, held=held, filed=filed)
    for key in keys:
        np.testing.assert_array_equal(shelf.get(key, lambda key=key: made(key)), made(key))
    for key in range(10):
        kept = shelf.peek(key)
        assert kept is None or kept[0, 0] == key


def test_it_computes_once_what_memory_and_file_hold() -> None:
    shelf, computed = Shelf((2, 3), np.float32, held=2, filed=5), []

    def compute(key: int) -> Array:
        computed.append(key)
        return made(key)

    for key in (*range(5), *range(5), 0, 4):
        shelf.get(key, lambda key=key: compute(key))
    assert computed == list(range(5))
    for key in range(5, 12):
        shelf.get(key, lambda key=key: compute(key))
    assert shelf.peek(0) is None, "the least recently used is forgotten"
    assert [shelf.peek(key) is not None for key in (8, 9, 10, 11)] == [True] * 4


def test_two_threads_compute_an_array_once() -> None:
    shelf, started, go = Shelf((2, 3), np.float32, held=1), threading.Event(), threading.Event()
    computed: list[int] = []

    def compute() -> Array:
        computed.append(1)
        started.set()
        assert go.wait(30)
        return made(7)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shelf.get, "key", compute)
        assert started.wait(30)
        second = pool.submit(shelf.get, "key", compute)
        go.set()
        assert first.result() is second.result()
    assert len(computed) == 1


def test_who_still_wants_an_array_computes_it_when_another_thread_gives_up() -> None:
    shelf, started, go = Shelf((2, 3), np.float32, held=1), threading.Event(), threading.Event()

    def give_up() -> Array:
        started.set()
        assert go.wait(30)
        raise Cancelled("no more")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shelf.get, "key", give_up)
        assert started.wait(30)
        second = pool.submit(shelf.get, "key", lambda: made(3))
        go.set()
        np.testing.assert_array_equal(second.result(), made(3))
        with pytest.raises(Cancelled):
            first.result()


def test_who_waits_can_be_stopped() -> None:
    shelf, started, go = Shelf((2, 3), np.float32, held=1), threading.Event(), threading.Event()

    def compute() -> Array:
        started.set()
        assert go.wait(30)
        return made(1)

    def stop() -> None:
        raise Cancelled("no more")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shelf.get, "key", compute)
        assert started.wait(30)
        with paced_by(stop), pytest.raises(Cancelled):
            shelf.get("key", compute)
        go.set()
        first.result()


def test_arrays_cannot_be_written_into_and_have_one_shape() -> None:
    shelf = Shelf((2, 3), np.float32, held=1, filed=2)
    for key in range(3):
        assert not shelf.get(key, lambda key=key: made(key)).flags.writeable
    assert not shelf.get(0, lambda: made(9)).flags.writeable
    with pytest.raises(ValueError, match="shelf for"):
        shelf.get("other", lambda: np.zeros((3, 3), np.float32))
    np.testing.assert_array_equal(shelf.get("other", lambda: made(2)), made(2))


def test_a_full_disk_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    shelf = Shelf((2, 3), np.float32, held=1, filed=2)
    shelf.get(0, lambda: made(0))
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(TranslationError, match=r"No space left on device.*TMPDIR"):
        shelf.get(1, lambda: made(1))
    monkeypatch.undo()
    np.testing.assert_array_equal(shelf.get(0, lambda: made(0)), made(0))
