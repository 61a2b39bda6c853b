"""A file slide: levels that are missing, regions, bad tiles, calibration."""

from __future__ import annotations

import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cytoshift.slides import TILE, Level, TileCache, describe, open_slide
from cytoshift.slides.brightfield import looks_brightfield
from cytoshift.slides.pyramid import FileSlide, halve, plan_levels
from cytoshift.slides.readers.source import Facts
from cytoshift.slides.slide import SlideInfo

HEIGHT, WIDTH = 1203, 1411


@cache
def pixels() -> np.ndarray:
    return np.random.default_rng(3).integers(60, 256, (HEIGHT, WIDTH, 3), np.uint8)


class InMemory:
    """The smallest source: levels in memory, some of whose regions cannot be read."""

    def __init__(self, *levels: np.ndarray, bad: tuple[int, int, int] | None = None) -> None:
        self._levels = levels
        self._bad = bad
        height, width, _ = levels[0].shape
        sizes = [level.shape[:2] for level in levels]
        self.levels = tuple(Level(h, w, (height / h, width / w)) for h, w in sizes)
        self.facts = Facts("memory")
        self.parts: tuple[tuple[str, Path], ...] = ()
        self.closed = False

    def read(self, level: int, y: int, x: int, height: int, width: int) -> np.ndarray:
        if (level, y, x) == self._bad:
            raise ZeroDivisionError
        part = self._levels[level][y : y + height, x : x + width]
        assert part.shape == (height, width, 3), "asked outside the level"
        return part.copy()

    def close(self) -> None:
        self.closed = True


def slide_of(*levels: np.ndarray, **options: object) -> FileSlide:
    bad = options.pop("bad", None)
    info = SlideInfo("memory", "identity", "memory")
    return FileSlide(InMemory(*levels, bad=bad), info, cache=TileCache(1 << 26), **options)


sides = st.integers(1, 1400)
places = st.integers(-300, 1500)


@cache
def surrounded() -> np.ndarray:
    return np.pad(pixels(), ((1400, 3000), (1400, 3000), (0, 0)), constant_values=255)


@settings(max_examples=40, deadline=None)
@given(y=places, x=places, height=sides, width=sides)
def test_any_region_is_numpy_slicing_with_white_around(y: int, x: int, height: int, width: int) -> None:
    slide = slide_of(pixels())
    expected = surrounded()[1400 + y : 1400 + y + height, 1400 + x : 1400 + x + width]
    assert np.array_equal(slide.read(0, y, x, height, width), expected)


def box_mean(level: np.ndarray) -> np.ndarray:
    """Return 2 x 2 means in plain floating point: the oracle for the synthesized levels."""
    padded = np.pad(level, ((0, level.shape[0] % 2), (0, level.shape[1] % 2), (0, 0)), mode="edge").astype(float)
    height, width = padded.shape[0] // 2, padded.shape[1] // 2
    return np.floor(padded.reshape(height, 2, width, 2, 3).mean(axis=(1, 3)) + 0.5).astype(np.uint8)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000))
def test_halving_is_the_rounded_mean(height: int, width: int, seed: int) -> None:
    level = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    assert np.array_equal(halve(level), box_mean(level))


def test_missing_levels_are_box_means_of_the_whole_level() -> None:
    slide = slide_of(np.tile(pixels(), (2, 2, 1)))
    assert [level.shape[:2] for level in slide.levels] == [(2406, 2822), (1203, 1411), (602, 706)]
    assert slide.stored == (True, False, False)
    level = np.tile(pixels(), (2, 2, 1))
    for k in (1, 2):
        level = box_mean(level)
        assert np.array_equal(slide.read(k, 0, 0, *level.shape[:2]), level)


def test_a_gap_between_stored_levels_is_filled_from_the_finer_one() -> None:
    stored = [Level(40000, 30000, (1, 1)), Level(10000, 7500, (4, 4)), Level(2500, 1875, (16, 16))]
    planned = plan_levels(stored)
    assert [level.downsample for level, _ in planned] == [1, 2, 4, 8, 16, 32, 64]
    assert [index for _, index in planned] == [0, None, 1, None, 2, None, None]


def test_fractional_downsamples_stay_exact() -> None:
    planned = plan_levels([Level(3567, 4443, (1, 1)), Level(1783, 2221, (3567 / 1783, 4443 / 2221))])
    assert planned[1][0].downsample_yx == (3567 / 1783, 4443 / 2221)
    assert planned[2][0].downsample_yx == (2 * 3567 / 1783, 2 * 4443 / 2221)
    assert max(planned[-1][0].shape) <= 1024


def test_a_bad_tile_is_hatched_and_told_once_and_kills_nothing() -> None:
    told: list[str] = []
    slide = slide_of(pixels(), bad=(0, 512, 512), on_problem=told.append)
    bad = slide.read(0, 512, 512, TILE, TILE)
    assert len(np.unique(bad)) == 2
    assert np.array_equal(slide.compute_tile(0, 1, 1), bad)
    assert told == list(slide.problems)
    assert len(told) == 1
    assert "x 512, y 512 of level 0 cannot be read (ZeroDivisionError)" in told[0]
    assert np.array_equal(slide.read(0, 0, 0, 512, WIDTH), pixels()[:512])
    slide.tile(1, 0, 0)
    assert len(told) == 1


def test_a_tile_outside_is_an_error_of_the_caller() -> None:
    with pytest.raises(IndexError, match="no tile 3, 0"):
        slide_of(pixels()).tile(0, 3, 0)


def test_a_person_sets_the_calibration_and_tiles_are_shared() -> None:
    slide = slide_of(pixels(), bad=(0, 0, 0))
    other = slide.calibrated((0.5, 0.25), 20)
    assert (slide.info.mpp_yx, other.info.mpp_yx, other.info.objective) == (None, (0.5, 0.25), 20)
    assert other.tile(0, 0, 1) is slide.tile(0, 0, 1)
    other.tile(0, 0, 0)
    assert len(slide.problems) == 1
    assert other.calibrated((1, 1)).info.objective == 20
    with pytest.raises(ValueError, match="greater than zero"):
        slide.calibrated((0, 1))


def test_closing_releases_the_source() -> None:
    slide = slide_of(pixels())
    slide.close()
    assert slide._source.closed


def test_a_slide_pickles_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, pixels(), tile=(256, 256), photometric="rgb")
    slide = open_slide(path).calibrated((0.5, 0.5), 20)
    again = pickle.loads(pickle.dumps(slide))
    assert again.info == slide.info
    assert np.array_equal(again.read(0, 5, 6, 70, 80), pixels()[5:75, 6:86])


def test_description_is_plain_data(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, pixels(), tile=(256, 256), photometric="rgb")
    said = describe(open_slide(path).calibrated((0.5, 0.25), 20))
    assert said["levels"] == [
        {"height": HEIGHT, "width": WIDTH, "downsample": 1.0, "stored": True},
        {"height": 602, "width": 706, "downsample": 2.0, "stored": False},
    ]
    assert said["mpp"] == {"x": 0.25, "y": 0.5}
    assert (said["name"], said["path"], said["objective"]) == ("slide.tif", str(path), 20)
    assert said["problems"] == []


def test_damage_inside_a_real_file_is_hatched(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, pixels(), tile=(256, 256), photometric="rgb", compression="zlib")
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[0].dataoffsets[-1]
    content = bytearray(path.read_bytes())
    content[offset : offset + 50] = b"\0" * 50
    path.write_bytes(content)
    slide = open_slide(path)
    slide.read(0, 0, 0, HEIGHT, WIDTH)
    assert len(slide.problems) == 1
    assert np.array_equal(slide.read(0, 0, 0, 1024, 1024), pixels()[:1024, :1024])


def test_dark_slides_are_fluorescence_dim_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    dapi = np.zeros((100, 100, 3))
    dapi[..., 2] = rng.gamma(1.0, 20.0, (100, 100))
    assert not looks_brightfield(dapi.clip(0, 255).astype(np.uint8))
    dim = rng.normal(85, 10, (100, 100, 3)).clip(0, 255).astype(np.uint8)
    assert looks_brightfield(dim)
    margins = dim.copy() + np.uint8(80)
    margins[:, :70] = 0
    assert looks_brightfield(margins)


def test_a_fluorescence_picture_says_so(tmp_path: Path) -> None:
    dark = np.zeros((300, 300, 3), np.uint8)
    dark[100:150, 100:150, 1] = 200
    Image.fromarray(dark).save(tmp_path / "dark.png")
    assert not open_slide(tmp_path / "dark.png").info.brightfield
