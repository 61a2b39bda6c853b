"""Tiles that workers elsewhere compute: the same bytes, resumable, and one sentence where it cannot be done."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from copy import copy
from functools import partial
from operator import neg
from site import addsitedir

import numpy as np
import numpy.typing as npt
import pytest
from distributed import Client, LocalCluster
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from same_bytes import ArraySlide, Dots, StopAfter, assert_equal_findings, dotted, level0, noise

from cytoshift import stain
from cytoshift.engine import Blended, ClusterExecutor, LocalExecutor, Progress, Remote, run_findings, run_image
from cytoshift.engine.grid import TileGrid
from cytoshift.engine.remote import AREA, shared_out
from cytoshift.errors import Cancelled, CytoshiftError
from cytoshift.slides import Slide, open_slide, samples
from cytoshift.slides.slide import TILE

REINHARD = partial(stain.method, "reinhard")
MACENKO = partial(stain.method, "macenko")


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Return a scheduler with two workers, each a process of its own."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def executor(cluster: LocalCluster) -> Iterator[ClusterExecutor]:
    with ClusterExecutor(cluster.scheduler_address) as executor:
        yield executor


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Slide:
    return open_slide(samples.draw(tmp_path_factory.mktemp("slide") / "smear.ome.zarr", width=3100, height=2100))


@pytest.fixture(scope="module")
def whole(slide: Slide, tmp_path_factory: pytest.TempPathFactory) -> npt.NDArray[np.uint8]:
    return level0(run_image(slide, REINHARD(), tmp_path_factory.mktemp("whole") / "whole.ome.zarr"))


def test_processes_elsewhere_make_the_same_bytes(executor, slide, whole, tmp_path):
    out = run_image(slide, REINHARD(), tmp_path / "out.ome.zarr", remote=Remote(executor, REINHARD))
    np.testing.assert_array_equal(level0(out), whole)
    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.zarr"]


def test_a_fitted_method_may_be_sent(executor, slide, tmp_path):
    half = Blended(REINHARD().prepare(slide), 0.5)
    here = level0(run_image(slide, half, tmp_path / "here.ome.zarr"))
    there = run_image(slide, half, tmp_path / "there.ome.zarr", remote=Remote(executor, partial(copy, half)))
    np.testing.assert_array_equal(level0(there), here)


def test_what_is_found_elsewhere_comes_back_with_its_measures(executor, tmp_path):
    Image.fromarray(dotted(700, 900)).save(tmp_path / "dots.png")
    slide = open_slide(tmp_path / "dots.png")
    found = run_findings(slide, Dots(), remote=Remote(executor, Dots))
    assert_equal_findings(found, run_findings(slide, Dots()))
    assert len(found)
    assert found.measures.keys() == set(Dots.measures)


def test_what_a_lost_worker_had_is_done_again(cluster, executor, slide, whole, tmp_path):
    lost: list[int] = []

    def lose(progress: Progress) -> None:
        if not lost:
            lost.append(next(iter(cluster.workers.values())).pid)
            os.kill(lost[0], signal.SIGKILL)

    out = run_image(slide, REINHARD(), tmp_path / "out.ome.zarr", remote=Remote(executor, REINHARD), report=lose)
    assert lost
    np.testing.assert_array_equal(level0(out), whole)


def test_results_come_in_order_and_few_at_a_time(executor):
    drawn: list[int] = []

    def shards() -> Iterator[int]:
        for shard in range(40):
            drawn.append(shard)
            yield shard

    for count, result in enumerate(executor.map(neg, shards()), start=1):
        assert result == -(count - 1)
        assert len(drawn) - count <= 2 * 2


def test_an_error_of_a_worker_reaches_the_caller(executor):
    with pytest.raises(TypeError, match="bad operand"):
        list(executor.map(neg, ["no number"]))


def test_what_is_interrupted_here_goes_on_elsewhere(executor, slide, whole, tmp_path):
    stop, out = StopAfter(2), tmp_path / "out.ome.zarr"
    with pytest.raises(Cancelled):
        run_image(slide, REINHARD(), out, report=stop, cancel=stop.token)
    run_image(slide, REINHARD(), out, remote=Remote(executor, REINHARD))
    np.testing.assert_array_equal(level0(out), whole)


def test_what_is_interrupted_elsewhere_goes_on_here(executor, slide, whole, tmp_path):
    stop, out = StopAfter(2), tmp_path / "out.ome.zarr"
    with pytest.raises(Cancelled):
        run_image(slide, REINHARD(), out, report=stop, cancel=stop.token, remote=Remote(executor, REINHARD))
    assert out.with_name(out.name + ".partial").exists()
    run_image(slide, REINHARD(), out)
    np.testing.assert_array_equal(level0(out), whole)


def test_a_worker_that_would_make_something_else_refuses(slide, tmp_path):
    with pytest.raises(CytoshiftError, match="compute something else than this computer does"):
        run_image(slide, REINHARD(), tmp_path / "out.ome.zarr", remote=Remote(LocalExecutor(2), MACENKO))


def test_a_slide_that_workers_do_not_see_is_one_sentence(slide, tmp_path):
    moved = shutil.copytree(slide.info.path, tmp_path / "moved.ome.zarr")
    opened = open_slide(moved)
    operator = REINHARD().prepare(opened)
    shutil.move(moved, tmp_path / "elsewhere.ome.zarr")
    with pytest.raises(CytoshiftError, match=r"cannot begin .*moved.* does not exist.* by the same path"):
        run_image(opened, operator, tmp_path / "out.ome.zarr", remote=Remote(LocalExecutor(1), partial(copy, operator)))


def test_another_slide_of_the_same_path_is_refused(slide, tmp_path):
    shown = ArraySlide(noise(600, 600), mpp=0.25)
    shown.info = type(shown.info)("smear", shown.info.identity, "memory", mpp_yx=(0.25, 0.25), path=slide.info.path)
    operator = REINHARD().prepare(shown)
    with pytest.raises(CytoshiftError, match="let slide and model be the same files"):
        run_image(shown, operator, tmp_path / "out.ome.zarr", remote=Remote(LocalExecutor(1), partial(copy, operator)))


def test_nobody_at_the_address_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CytoshiftError, match=f"No scheduler answers at {address}"):
            ClusterExecutor(address, patience=1)


@pytest.mark.parametrize("address", ["", "nonsense://x:1", "tcp://"])
def test_no_address_is_one_sentence(address):
    with pytest.raises(CytoshiftError, match="No scheduler answers at"):
        ClusterExecutor(address, patience=1)


def test_a_scheduler_without_workers_is_one_sentence():
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty,
        pytest.raises(CytoshiftError, match="has no workers; start some"),
    ):
        ClusterExecutor(empty.scheduler_address, patience=0.5)


def test_workers_without_this_version_are_one_sentence(cluster, tmp_path, monkeypatch):
    for number in ("1.0", "2.0"):
        about = tmp_path / number / f"probe-{number}.dist-info" / "METADATA"
        about.parent.mkdir(parents=True)
        about.write_text(f"Metadata-Version: 2.1\nName: probe\nVersion: {number}\n")
    monkeypatch.setattr("cytoshift.engine.cluster.NAME", "probe")
    monkeypatch.syspath_prepend(tmp_path / "2.0")
    with pytest.raises(CytoshiftError, match="have no probe; install it"):
        ClusterExecutor(cluster.scheduler_address)
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        client.run(addsitedir, str(tmp_path / "1.0"))
    with pytest.raises(CytoshiftError, match=r"have probe 1\.0, and this computer 2\.0; install the same"):
        ClusterExecutor(cluster.scheduler_address)


def test_a_scheduler_that_goes_away_is_one_sentence():
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0", protocol="tcp://") as cluster,
        ClusterExecutor(cluster.scheduler_address) as executor,
    ):
        results = executor.map(neg, range(100))
        assert next(results) == 0
        cluster.close()
        with pytest.raises(CytoshiftError, match="is gone; what was finished is kept"):
            list(results)


def test_the_library_is_loaded_only_when_it_is_asked_for():
    code = (
        "import sys, cytoshift.cli, cytoshift.jobs, cytoshift.engine.runs, cytoshift.engine.cluster\n"
        "sys.exit('distributed' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from((128, 500, 512, 1536)), st.integers(1, 40))
def test_every_tile_is_given_out_once_and_workers_have_parts_of_their_own(height, width, tile, workers):
    grid = TileGrid(height, width, tile)
    tiles = list(grid)[::2]
    shards = list(shared_out(grid, tiles, workers))
    assert sorted(tile.index for shard in shards for tile in shard) == [tile.index for tile in tiles]
    assert all(len(shard) * tile**2 <= max(AREA, tile * max(TILE, tile)) for shard in shards)
    parts = [shards[worker::workers] for worker in range(workers)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    tops = [min(one.y for one in shard) // max(TILE // tile, 1) // tile for part in parts for shard in part]
    assert tops == sorted(tops), "parts follow each other down the slide"
