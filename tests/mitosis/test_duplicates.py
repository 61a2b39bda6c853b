"""The same mitosis in two sources, as AMi-Br's MIDOG 2021 is in MIDOG 2025."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from drawn_patches import Row, draw_patch, draw_set, usual_rows, write_table
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cytoshift.errors import DataError
from cytoshift.mitosis import (
    doubles,
    joined,
    read_patches,
    refuse_doubles,
    split_slides,
    without_doubles,
    without_those_of,
)


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    """Return two published tables with the same four mitoses, patches saved with loss in the second, and two more."""
    ami_br: list[Row] = [
        {
            "slide": f"{1 + k // 2:03}.tiff",
            "dataset": "MIDOG21",
            "uid": k,
            "x": 100 * k,
            "y": 50,
            "expert1_label": "",
            "expert2_label": "",
            "majority_atypical": k % 2 == 1,
        }
        for k in range(4)
    ]
    midog: list[Row] = [
        {
            "image_id": f"{k + 1}.png",
            "filename": f"{1 + k // 2:03}.tiff",
            "coordinateX": 100 * k,
            "coordinateY": 50,
            "Tumor": "human breast cancer",
            "Scanner": "Hamamatsu XR",
            "Origin": "UMC Utrecht",
            "Species": "Human",
            "majority": ("NMF", "AMF")[k % 2],
        }
        for k in range(6)
    ]
    for k in range(4):
        draw_patch(tmp_path / "ami-br" / f"MIDOG21_{k}.png", k)
    for k in range(6):
        draw_patch(tmp_path / "midog" / f"{k + 1}.png", 100 + k)
    write_table(tmp_path / "ami-br" / "labels.csv", ami_br)
    write_table(tmp_path / "midog" / "labels.csv", midog)
    return tmp_path / "ami-br", tmp_path / "midog"


def test_a_mitosis_at_the_same_place_of_the_same_slide_is_the_same(sources: tuple[Path, Path]) -> None:
    ami_br, midog = map(read_patches, sources)
    with pytest.raises(DataError, match=r"4 mitoses are learnt from and held back \(MIDOG21_0.png and 1.png; .* 3.png"):
        refuse_doubles(ami_br, midog)
    with pytest.raises(DataError, match=r"and 1 more\); join the sources and take the doubles out"):
        refuse_doubles(ami_br, midog)
    both = joined([ami_br, midog])
    assert doubles(both) == [(0, 4), (1, 5), (2, 6), (3, 7)]
    once = without_doubles(both)
    assert once.slides == ("MIDOG21/001.tiff",) * 2 + ("MIDOG21/002.tiff",) * 2 + ("003.tiff",) * 2
    rest = without_those_of(midog, ami_br)
    assert rest.slides == ("003.tiff", "003.tiff")
    refuse_doubles(ami_br, rest)
    assert len(without_those_of(rest, ami_br)) == 2


def test_a_split_that_leaks_is_refused(sources: tuple[Path, Path]) -> None:
    both = joined(list(map(read_patches, sources)))
    # each of two slides has two names here, one in each source
    ours, theirs = ("train", "train", "val", "val"), ("val", "val", "train", "train", "train", "train")
    with pytest.raises(DataError, match="4 mitoses are learnt from and held back"):
        split_slides(replace(both, splits=ours + theirs))
    learnt, held_back = split_slides(without_doubles(both))
    assert len(learnt) + len(held_back) == 6


def test_the_same_pixels_are_the_same_mitosis_whatever_the_file(tmp_path: Path) -> None:
    first = read_patches(draw_set(tmp_path / "first"))
    other = draw_set(tmp_path / "other")
    for seed, row in enumerate(usual_rows()):
        draw_patch(other / str(row["file_name"]), 50 + seed)
    shutil.copy(tmp_path / "first" / "s2-0.png", other / "s0-1.png")
    Image.open(tmp_path / "first" / "s3-3.png").save(other / "s1-0.png", compress_level=0)
    second = read_patches(other)
    assert doubles(joined([first, second])) == [(8, 17), (15, 20)]
    with pytest.raises(DataError, match=r"2 mitoses are learnt from and held back \(s2-0.png and s0-1.png; s3-3.png"):
        refuse_doubles(first, second)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=2, max_size=12))
def test_of_every_mitosis_one_patch_is_left(tmp_path_factory: pytest.TempPathFactory, mitoses: list[int]) -> None:
    folder = tmp_path_factory.mktemp("set")
    rows: list[Row] = [
        {"file": f"{k}.png", "slide": f"s{k}", "label": k % 2, "x": "", "y": ""} for k in range(len(mitoses))
    ]
    for k, mitosis in enumerate(mitoses):
        draw_patch(folder / f"{k}.png", mitosis, side=4)
    patches = read_patches(write_table(folder / "labels.csv", rows))
    groups = doubles(patches)
    assert {tuple(k for k, each in enumerate(mitoses) if each == mitosis) for mitosis in mitoses} == {
        *groups,
        *((k,) for k in range(len(mitoses)) if not any(k in group for group in groups)),
    }
    once = without_doubles(patches)
    assert len(once) == len(set(mitoses))
    assert not doubles(once)
