"""Slides as zarr and dask arrays: the same pixels as reading, without a deadlock, picklable, read-only."""

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype

from cytoshift.slides import TILE, FileSlide, TileCache, open_slide
from cytoshift.slides.store import SlideStore

HEIGHT, WIDTH = 1100, 1300


@cache
def pixels() -> np.ndarray:
    return np.random.default_rng(5).integers(60, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture
def slide(tmp_path: Path) -> FileSlide:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, pixels(), tile=(256, 256), photometric="rgb", compression="zlib")
    return open_slide(path, cache=TileCache(1 << 26))


def test_levels_are_real_zarr_arrays(slide: FileSlide) -> None:
    arrays = slide.arrays
    assert all(isinstance(array, zarr.Array) for array in arrays)
    assert [array.shape for array in arrays] == [level.shape for level in slide.levels]
    assert arrays[0].chunks == (TILE, TILE, 3)
    assert np.array_equal(arrays[0][:], pixels())
    assert np.array_equal(arrays[0][500:530, 1290:], pixels()[500:530, 1290:])
    assert np.array_equal(arrays[1][:], slide.read(1, 0, 0, *slide.levels[1].shape[:2]))
    assert slide.arrays is arrays


def test_chunks_come_through_the_cache_of_the_slide(slide: FileSlide) -> None:
    assert slide.cached_tile(0, 1, 1) is None
    slide.arrays[0][600, 600]
    assert slide.cached_tile(0, 1, 1) is not None


def test_dask_gives_the_same_pixels(slide: FileSlide) -> None:
    array = slide.dask(0)
    assert array.chunks == ((512, 512, 76), (512, 512, 276), (3,))
    assert np.array_equal(array.compute(scheduler="threads", num_workers=4), pixels())


def test_arrays_pickle_and_reopen_their_slide(slide: FileSlide) -> None:
    again = pickle.loads(pickle.dumps(slide.arrays[0]))
    assert np.array_equal(again[:20, :30], pixels()[:20, :30])


def test_arrays_refuse_writing(slide: FileSlide) -> None:
    with pytest.raises(PermissionError, match="read-only"):
        slide.arrays[0][0, 0] = 1


def test_a_slide_that_is_itself_zarr_does_not_wait_for_itself(tmp_path: Path) -> None:
    group = zarr.create_group(str(tmp_path / "a.zarr"))
    group.create_array("0", data=np.tile(pixels(), (2, 2, 1)).transpose(2, 0, 1), chunks=(3, 128, 128))
    axes = [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    dataset = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [dataset]}]}
    slide = open_slide(tmp_path / "a.zarr", cache=TileCache(1 << 26))
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(lambda k=k: slide.arrays[k % 2][:]) for k in range(16)]
        results = [job.result(timeout=60) for job in jobs]
    assert np.array_equal(results[0], np.tile(pixels(), (2, 2, 1)))
    assert np.array_equal(results[1], slide.read(1, 0, 0, 1100, 1300))


def test_store_answers_as_zarr_asks(slide: FileSlide) -> None:
    store = SlideStore(slide)
    prototype = default_buffer_prototype()

    async def get(key: str, part: object = None) -> bytes | None:
        buffer = await store.get(key, prototype, part)
        return None if buffer is None else buffer.to_bytes()

    async def ask() -> None:
        chunk = await get("0/c/0/0/0")
        assert chunk == pixels()[:TILE, :TILE].tobytes()
        assert await get("0/c/0/0/0", RangeByteRequest(3, 9)) == chunk[3:9]
        assert await get("0/c/0/0/0", OffsetByteRequest(100)) == chunk[100:]
        assert await get("0/c/0/0/0", SuffixByteRequest(7)) == chunk[-7:]
        for key in ("0/c/9/0/0", "0/c/0/0/1", "0/c/x/0/0", "9/zarr.json", "zarr.json", "0/other", "0/c/-1/0/0"):
            assert await get(key) is None
            assert not await store.exists(key)
        assert await store.exists("0/zarr.json")
        assert await store.exists("0/c/2/2/0")
        assert [name async for name in store.list_dir("")] == ["0", "1"]
        assert [name async for name in store.list_dir("1")] == ["zarr.json"]
        with pytest.raises(PermissionError):
            await store.delete("0/zarr.json")

    asyncio.run(ask())
    assert store == SlideStore(slide)
    assert "slide.tif" in str(store)
