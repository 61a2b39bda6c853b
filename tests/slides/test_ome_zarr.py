"""The OME-Zarr writer: any order, exact means, resumed, and in place only when complete."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import yaozarrs
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.errors import Cancelled, SlideError
from cytoshift.slides.cache import TileCache
from cytoshift.slides.ome_zarr import PyramidWriter, convert
from cytoshift.slides.slide import TILE, Level, Slide, SlideInfo

RGB = npt.NDArray[np.uint8]


class ArraySlide(Slide):
    """An image in memory as a slide."""

    def __init__(self, image: RGB) -> None:
        self.image = image
        info = SlideInfo("cells", "f00d", "numpy", mpp_yx=(0.25, 0.5), objective=40.0, origin=(7, 9))
        super().__init__(info, (Level(*image.shape[:2], (1.0, 1.0)),), cache=TileCache(1 << 20))

    @property
    def key(self) -> str:
        return self.info.identity

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        y, x = row * TILE, column * TILE
        return self.image[y : y + TILE, x : x + TILE].copy()

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> Slide:
        return self


def picture(height: int, width: int, seed: int = 0) -> RGB:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def corners(height: int, width: int) -> list[tuple[int, int]]:
    return [(y, x) for y in range(0, height, TILE) for x in range(0, width, TILE)]


def put(writer: PyramidWriter, image: RGB, places: list[tuple[int, int]]) -> None:
    for y, x in places:
        writer.write(y, x, image[y : y + TILE, x : x + TILE])


def levels(path: Path) -> list[RGB]:
    group = zarr.open_group(str(path), mode="r")
    return [np.moveaxis(np.asarray(group[str(k)]), 0, -1) for k in range(len(list(group.array_keys())))]


def mean_of_2x2(image: RGB) -> RGB:
    """Average one block after the other, in whole numbers, over the pixels that are there."""
    height, width = image.shape[:2]
    pixels = image.astype(np.int64)
    total = np.zeros((-(-height // 2), -(-width // 2), 3), np.int64)
    count = np.zeros((*total.shape[:2], 1), np.int64)
    for i in (0, 1):
        for j in (0, 1):
            part = pixels[i::2, j::2]
            total[: part.shape[0], : part.shape[1]] += part
            count[: part.shape[0], : part.shape[1]] += 1
    return ((2 * total + count) // (2 * count)).astype(np.uint8)


def assert_means(written: list[RGB], image: RGB) -> None:
    np.testing.assert_array_equal(written[0], image)
    for fine, coarse in pairwise(written):
        np.testing.assert_array_equal(coarse, mean_of_2x2(fine))


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 2300), st.integers(1, 1300), st.randoms(use_true_random=False))
def test_every_level_is_the_mean_of_the_finer_one(tmp_path_factory, height, width, random):
    path = tmp_path_factory.mktemp("means") / "a.ome.zarr"
    image = picture(height, width)
    places = corners(height, width)
    random.shuffle(places)
    writer = PyramidWriter(path, height, width)
    put(writer, image, places)
    assert writer.close() == path
    written = levels(path)
    assert_means(written, image)
    assert max(written[-1].shape) <= 1024
    assert all(max(level.shape) > 1024 for level in written[:-1])


def test_the_file_is_valid_and_says_what_the_slide_is(tmp_path):
    writer = PyramidWriter(
        tmp_path / "a.ome.zarr",
        1500,
        2100,
        mpp_yx=(0.25, 0.5),
        objective=40.0,
        name="cells",
        origin=(3, 4),
        source="id",
    )
    put(writer, picture(1500, 2100), corners(1500, 2100))
    path = writer.close()
    image = yaozarrs.validate_zarr_store(path).ome_metadata()
    assert image is not None
    scales = image.multiscales[0]
    assert [(axis.name, getattr(axis, "unit", None)) for axis in scales.axes] == [
        ("c", None),
        ("y", "micrometer"),
        ("x", "micrometer"),
    ]
    assert [d.scale_transform.scale for d in scales.datasets] == [[1, 0.25, 0.5], [1, 0.5, 1], [1, 1, 2]]
    assert [channel.color for channel in image.omero.channels] == ["FF0000", "00FF00", "0000FF"]
    group = zarr.open_group(str(path), mode="r")
    assert group.attrs["cytoshift"] == {"name": "cells", "objective": 40.0, "origin": [3, 4], "source": "id"}
    assert group["0"].chunks == (3, TILE, TILE)


def test_tiles_come_from_many_threads_and_what_is_missing_is_white(tmp_path):
    image = picture(3000, 1100)
    places = corners(3000, 1100)
    writer = PyramidWriter(tmp_path / "a.ome.zarr", 3000, 1100)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda place: put(writer, image, [place]), places[1:]))
    expected = image.copy()
    expected[:TILE, :TILE] = 255
    written = levels(writer.close())
    np.testing.assert_array_equal(written[0], expected)
    assert (written[1][:256, :256] == 255).all()


def test_what_is_written_again_counts(tmp_path):
    image, places = picture(2600, 2600), corners(2600, 2600)
    writer = PyramidWriter(tmp_path / "a.ome.zarr", 2600, 2600)
    put(writer, picture(2600, 2600, seed=1), places)
    with pytest.raises(Cancelled):
        writer.close(cancelled=lambda: True)
    put(writer, image, places[::-1])
    put(writer, image, places[3:5])
    assert_means(levels(writer.close()), image)


def test_a_stopped_close_goes_on_with_what_is_written_meanwhile(tmp_path):
    image, places = picture(2600, 2600), corners(2600, 2600)
    old = image.copy()
    old[:TILE, :TILE] = 0
    put(PyramidWriter(tmp_path / "a.ome.zarr", 2600, 2600), old, places)
    writer = PyramidWriter.resume(tmp_path / "a.ome.zarr")
    with pytest.raises(Cancelled):
        writer.close(cancelled=iter([False] * 4 + [True]).__next__)
    put(writer, image, places[:1])
    assert_means(levels(writer.close()), image)


def test_a_tile_of_many_chunks(tmp_path):
    image = picture(1300, 2100)
    writer = PyramidWriter(tmp_path / "a.ome.zarr", 1300, 2100)
    writer.write(0, 1024, image[:1024, 1024:])
    writer.write(0, 0, image[:, :1024])
    writer.write(1024, 1024, image[1024:, 1024:])
    writer.sync([(0, 0), (1024, 1024)])
    assert_means(levels(writer.close()), image)


def test_a_damaged_chunk_is_one_sentence(tmp_path):
    writer = PyramidWriter(tmp_path / "a.ome.zarr", 1500, 1500)
    put(writer, picture(1500, 1500), corners(1500, 1500))
    chunk = writer.folder / "0" / "c" / "0" / "1" / "1"
    for content in (chunk.read_bytes()[:1000], b""):
        chunk.write_bytes(content)
        with pytest.raises(SlideError, match=r"damaged; delete the unfinished pyramid"):
            PyramidWriter.resume(tmp_path / "a.ome.zarr").close()


def test_white_takes_no_room(tmp_path):
    writer = PyramidWriter(tmp_path / "a.ome.zarr", 5000, 5000)
    writer.write(0, 0, np.full((TILE, TILE, 3), 255, np.uint8))
    path = writer.close()
    assert not [file for file in path.rglob("*") if file.is_file() and file.name != "zarr.json"]


@pytest.mark.parametrize("place", [(1, 0), (0, 7), (-TILE, 0), (1024, 0)])
def test_a_tile_off_the_grid_is_an_error(tmp_path, place):
    writer = PyramidWriter(tmp_path / "a.ome.zarr", 1000, 1000)
    with pytest.raises(ValueError, match="grid"):
        writer.write(*place, picture(TILE, TILE))


def test_nothing_is_in_place_before_close_and_reports_add_up(tmp_path):
    path = tmp_path / "a.ome.zarr"
    writer = PyramidWriter(path, 2100, 2100)
    put(writer, picture(2100, 2100), corners(2100, 2100))
    assert not path.exists()
    reports: list[tuple[int, int]] = []
    writer.close(lambda done, total: reports.append((done, total)))
    assert reports == [(k + 1, len(reports)) for k in range(writer.coarse_tiles)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ome.zarr"]


def test_an_interrupted_pyramid_is_resumed(tmp_path):
    path = tmp_path / "a.ome.zarr"
    image, places = picture(2100, 1500), corners(2100, 1500)
    first = PyramidWriter(path, 2100, 1500)
    put(first, picture(2100, 1500, seed=1), places)
    with pytest.raises(Cancelled):
        first.close(cancelled=iter([False, True]).__next__)
    second = PyramidWriter.resume(path)
    assert second.shape == (2100, 1500)
    put(second, image, places)
    second.write(0, 0, np.full((TILE, TILE, 3), 255, np.uint8))
    written = levels(second.close())
    image[:TILE, :TILE] = 255
    np.testing.assert_array_equal(written[0], image)
    np.testing.assert_array_equal(written[1], mean_of_2x2(image))


def test_resuming_nothing_says_what_to_do(tmp_path):
    with pytest.raises(SlideError, match=r"no unfinished pyramid; write"):
        PyramidWriter.resume(tmp_path / "a.ome.zarr")


def test_an_existing_slide_is_refused_and_replaced_only_when_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a.ome.zarr"
    old, new = picture(600, 600), picture(600, 600, seed=1)
    for image, overwrite in ((old, False), (new, True)):
        writer = PyramidWriter(path, 600, 600, overwrite=overwrite)
        put(writer, image, corners(600, 600))
        if overwrite:
            np.testing.assert_array_equal(levels(path)[0], old)
        writer.close()
    np.testing.assert_array_equal(levels(path)[0], new)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ome.zarr"]
    with pytest.raises(SlideError, match="exists already; choose another name"):
        PyramidWriter(path, 600, 600)
    np.testing.assert_array_equal(levels(path)[0], new)


def test_what_came_into_being_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "a.ome.zarr"
    writer = PyramidWriter(path, 600, 600)
    path.write_text("mine")
    with pytest.raises(SlideError, match="exists already"):
        writer.close()
    assert path.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SlideError, match="cannot be written"):
        PyramidWriter(tmp_path / "file" / "a.ome.zarr", 10, 10)


def test_converting_copies_pixels_and_frame(tmp_path):
    slide = ArraySlide(picture(1300, 1100))
    reports: list[tuple[int, int]] = []
    path = convert(slide, tmp_path / "b.ome.zarr", lambda done, total: reports.append((done, total)))
    np.testing.assert_array_equal(levels(path)[0], slide.image)
    group = zarr.open_group(str(path), mode="r")
    assert group.attrs["cytoshift"] == {
        "name": "cells",
        "objective": 40.0,
        "origin": [7, 9],
        "source": "f00d",
    }
    assert reports == [(k + 1, len(reports)) for k in range(len(reports))]


def test_a_cancelled_conversion_leaves_nothing(tmp_path):
    with pytest.raises(Cancelled):
        convert(ArraySlide(picture(1300, 1100)), tmp_path / "b.ome.zarr", cancelled=iter([False, True]).__next__)
    assert not list(tmp_path.iterdir())
