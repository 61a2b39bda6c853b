"""A minimal valid MRXS, written here, opens cropped to its bounds, white where nothing was scanned."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import openslide
import pytest
from PIL import Image

from cytoshift.errors import SlideError
from cytoshift.slides import open_slide

SIDE = 64
GRID = 16
MPP = 0.2421875
SLIDE_ID = "0123456789ABCDEF0123456789ABCDEF"

Tiles = dict[tuple[int, int], np.ndarray]


def scene() -> np.ndarray:
    """Return the whole plane of level 0: two scanned areas of smooth colour on white."""
    y, x = np.mgrid[: SIDE * GRID, : SIDE * GRID]
    return np.stack([120 + y // 8 % 64, 60 + x // 8 % 64, 140 + (x + y) // 16 % 64], axis=-1).astype(np.uint8)


SCANNED = [(2, 3), (2, 4), (3, 4), (3, 5)]
"""Row and column of the stored tiles: the bounds are x 192..384, y 128..256, with two empty corners."""


def jpeg(tile: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(tile).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def write_mrxs(path: Path, broken: tuple[int, int] | None = None) -> dict[tuple[int, int], np.ndarray]:
    """Write a slide of one zoom level; returns the decoded tiles."""
    folder = path.with_suffix("")
    folder.mkdir()
    path.write_bytes(b"the pixels lie in the folder")
    plane = scene()
    stored: Tiles = {}
    data = bytearray(b"01.02" + SLIDE_ID.encode())
    records = b""
    for row, column in SCANNED:
        code = jpeg(plane[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE])
        stored[row, column] = np.asarray(Image.open(io.BytesIO(code)))
        if (row, column) == broken:
            code = b"\0" * len(code)
        records += struct.pack("<4i", row * GRID + column, len(data), len(code), 0)
        data += code
    (folder / "Data0000.dat").write_bytes(data)
    (folder / "Index.dat").write_bytes(index(records))
    (folder / "Slidedat.ini").write_text("\r\n".join(slidedat()) + "\r\n")
    return stored


def index(records: bytes) -> bytes:
    """Return an index of one page: header, two roots, the table of levels, a list head, the page."""
    header = b"01.02" + SLIDE_ID.encode()
    table = len(header) + 8
    head = table + 4
    page = head + 8
    nonhierarchical = page + 8 + len(records)
    return (
        header
        + struct.pack("<2i", table, nonhierarchical)
        + struct.pack("<i", head)
        + struct.pack("<2i", 0, page)
        + struct.pack("<2i", len(SCANNED), 0)
        + records
        + struct.pack("<i", 0)
    )


def slidedat() -> list[str]:
    general = [f"SLIDE_ID={SLIDE_ID}", f"IMAGENUMBER_X={GRID}", f"IMAGENUMBER_Y={GRID}", "OBJECTIVE_MAGNIFICATION=40"]
    levels = [
        "HIER_COUNT=1",
        "NONHIER_COUNT=0",
        "INDEXFILE=Index.dat",
        "HIER_0_NAME=Slide zoom level",
        "HIER_0_COUNT=1",
    ]
    level = [f"MICROMETER_PER_PIXEL_{axis}={MPP}" for axis in "XY"] + ["OVERLAP_X=0", "OVERLAP_Y=0"]
    level += [f"DIGITIZER_WIDTH={SIDE}", f"DIGITIZER_HEIGHT={SIDE}", "IMAGE_FORMAT=JPEG", "IMAGE_CONCAT_FACTOR=0"]
    return [
        *("[GENERAL]", *general),
        *("[HIERARCHICAL]", *levels, "HIER_0_VAL_0_SECTION=LEVEL_0"),
        *("[DATAFILE]", "FILE_COUNT=1", "FILE_0=Data0000.dat"),
        *("[LEVEL_0]", *level, "IMAGE_FILL_COLOR_BGR=16777215"),
    ]


def expected(stored: Tiles) -> np.ndarray:
    """Return what the cropped slide must show."""
    plane = np.full((2 * SIDE, 3 * SIDE, 3), 255, np.uint8)
    for (row, column), tile in stored.items():
        y, x = (row - 2) * SIDE, (column - 3) * SIDE
        plane[y : y + SIDE, x : x + SIDE] = tile
    return plane


def test_openslide_itself_reads_the_written_file(tmp_path: Path) -> None:
    write_mrxs(tmp_path / "case.mrxs")
    with openslide.OpenSlide(tmp_path / "case.mrxs") as slide:
        said = slide.properties
        assert slide.dimensions == (SIDE * GRID, SIDE * GRID)
        assert [said[f"openslide.bounds-{name}"] for name in ("x", "y", "width", "height")] == [
            "192",
            "128",
            "192",
            "128",
        ]
        assert np.asarray(slide.read_region((0, 0), 0, (1, 1)))[0, 0, 3] == 0


def test_a_mrxs_is_cropped_to_its_bounds_and_white_where_empty(tmp_path: Path) -> None:
    stored = write_mrxs(tmp_path / "case.mrxs")
    slide = open_slide(tmp_path / "case.mrxs")
    assert slide.levels[0].shape == (2 * SIDE, 3 * SIDE, 3)
    assert slide.info.origin == (192, 128)
    assert slide.info.vendor == "3DHISTECH"
    assert slide.info.reader.startswith("openslide ")
    assert slide.info.mpp_yx == (MPP, MPP)
    assert slide.info.objective == 40
    assert slide.info.brightfield
    assert np.array_equal(slide.read(0, 0, 0, 2 * SIDE, 3 * SIDE), expected(stored))
    assert (slide.read(0, 0, 2 * SIDE, SIDE, SIDE) == 255).all()


def test_one_bad_tile_does_not_spoil_later_reads(tmp_path: Path) -> None:
    stored = write_mrxs(tmp_path / "case.mrxs", broken=(3, 5))
    told: list[str] = []
    slide = open_slide(tmp_path / "case.mrxs", on_problem=told.append)
    slide.tile(0, 0, 0)
    assert len(told) == len(slide.problems) == 1
    assert "cannot be read" in told[0]
    # OpenSlide latches its first error: the same source must still read what is whole.
    whole = slide._source.read(0, 0, 0, SIDE, 2 * SIDE)
    assert np.array_equal(whole, expected(stored)[:SIDE, : 2 * SIDE])


def test_identity_survives_renaming_with_its_folder_but_not_another_scan(tmp_path: Path) -> None:
    write_mrxs(tmp_path / "case.mrxs")
    identity = open_slide(tmp_path / "case.mrxs").info.identity
    (tmp_path / "case.mrxs").rename(tmp_path / "other.mrxs")
    (tmp_path / "case").rename(tmp_path / "other")
    assert open_slide(tmp_path / "other.mrxs").info.identity == identity
    data = tmp_path / "other" / "Data0000.dat"
    data.write_bytes(data.read_bytes()[:-1] + b"\0")
    assert open_slide(tmp_path / "other.mrxs").info.identity != identity


def test_a_mrxs_without_its_folder_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "case.mrxs").write_bytes(b"alone")
    with pytest.raises(SlideError, match=r"case\.mrxs needs its folder case with Slidedat\.ini"):
        open_slide(tmp_path / "case.mrxs")


def test_the_folder_of_a_mrxs_points_to_the_file(tmp_path: Path) -> None:
    write_mrxs(tmp_path / "case.mrxs")
    with pytest.raises(SlideError, match=r"open case\.mrxs beside it"):
        open_slide(tmp_path / "case")


@pytest.mark.parametrize("name", ["Slidedat.ini", "Index.dat"])
def test_a_damaged_mrxs_gives_one_sentence(tmp_path: Path, name: str) -> None:
    write_mrxs(tmp_path / "case.mrxs")
    (tmp_path / "case" / name).write_bytes(b"\xff\xfe nonsense")
    with pytest.raises(SlideError, match=r"case\.mrxs .*copy it again"):
        open_slide(tmp_path / "case.mrxs")
