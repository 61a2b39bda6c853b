"""Batches have one shape; errors and cancelling stop every thread."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from same_bytes import ArraySlide, noise

from cytoshift.engine import CancelToken, LocalExecutor, Needs, View, pick_device
from cytoshift.engine.pipeline import Pipeline
from cytoshift.errors import Cancelled, CytoshiftError

NEEDS = Needs(tile=128, halo=16, batch=4)


def pipeline(slide: ArraySlide, cancel: CancelToken | None = None) -> Pipeline:
    view = View.of(slide, NEEDS)
    return Pipeline(view, view.grid(NEEDS), NEEDS.batch, cancel)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_batches_have_one_shape_and_come_in_order() -> None:
    image = noise(500, 700)
    run = pipeline(ArraySlide(image))
    batches = list(run.batches(list(run.grid)))
    assert {batch.pixels.shape for batch in batches} == {(4, 160, 160, 3)}
    assert {batch.pixels.dtype for batch in batches} == {np.dtype(np.uint8)}
    assert [tile.index for batch in batches for tile in batch.tiles] == list(range(len(run.grid)))
    np.testing.assert_array_equal(batches[0].pixels[1, 16:, :], image[:144, 112:272])
    assert (batches[0].pixels[0, :16] == 255).all()


def test_the_last_batch_is_filled_up_and_the_filling_dropped() -> None:
    run = pipeline(ArraySlide(noise(128, 128 * 5)))
    *_, last = run.batches(list(run.grid))
    assert len(last.tiles) == 1
    assert all((window == last.pixels[0]).all() for window in last.pixels)


def test_an_error_of_a_reader_reaches_the_caller() -> None:
    run = pipeline(ArraySlide(noise(900, 2000), broken=lambda level, row, column: column == 2))
    with pytest.raises(OSError, match="the disk is gone"):
        list(run.batches(list(run.grid)))


def test_cancelling_stops_within_a_batch() -> None:
    token = CancelToken()
    run = pipeline(ArraySlide(noise(900, 900)), token)
    batches = run.batches(list(run.grid))
    next(batches)
    token.cancel()
    with pytest.raises(Cancelled):
        next(batches)


def test_leaving_early_stops_the_readers() -> None:
    run = pipeline(ArraySlide(noise(900, 900)))
    batches = run.batches(list(run.grid))
    next(batches)
    batches.close()


def test_executor_keeps_order_and_holds_few() -> None:
    shards = iter(range(100))
    results = LocalExecutor(3).map(lambda shard: shard * shard, shards)
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert next(shards) == 10, "five waiting, and no more, are taken ahead"
    results.close()
    assert list(LocalExecutor(3).map(str, range(20))) == [str(k) for k in range(20)]
    with pytest.raises(ValueError, match="0 workers"):
        LocalExecutor(0)


def test_devices() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device().type in {"cpu", "cuda", "mps"}
    with pytest.raises(CytoshiftError, match="'gpu' is no device; choose one of auto, cpu"):
        pick_device("gpu")
    with pytest.raises(CytoshiftError, match="no device 'cuda:99' on this machine"):
        pick_device("cuda:99")


def test_the_engine_needs_no_torch() -> None:
    code = (
        "import sys, cytoshift.engine as engine;"
        "[getattr(engine, name) for name in engine.__all__];"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
