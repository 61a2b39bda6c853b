"""Real slides open as what they are, and with the pixels that independent libraries see."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
import wsidicom
from PIL import Image

from cytoshift.errors import SlideError
from cytoshift.slides import FileSlide, describe, open_slide

DICOM = "cmu-1-small-region-dicom"

FACTS = {
    # name: reader, vendor, sizes of stored levels, their downsamples, µm/px, objective, brightfield
    "tcga-cr-7395.svs": ("tifffile", "Aperio", [(3567, 4443), (1783, 2221)], [1, 2.0005055500659967], None, None, True),
    "cmu-1-small-region.svs": ("tifffile", "Aperio", [(2967, 2220)], [1], 0.499, 20, True),
    DICOM: ("wsidicom", "DICOM", [(2967, 2220)], [1], 0.499, None, True),
    "fluorescence-dapi.ndpi": (
        *("tifffile", "Hamamatsu", [(4864, 3968), (2432, 1984), (1216, 992), (608, 496)]),
        *([1, 2, 4, 8], 10000 / 43826, 40, False),
    ),
    "kidney-48-5.tif": ("tifffile", "TIFF", [(901, 1493)], [1], None, None, True),
    "ccmct-field-7215x5412.jpg": ("pillow", "JPEG", [(5412, 7215)], [1], None, None, True),
}


def whole(slide: FileSlide, level: int) -> np.ndarray:
    size = slide.levels[level]
    pixels = slide.read(level, 0, 0, size.height, size.width)
    assert slide.problems == ()
    return pixels


@pytest.mark.parametrize("name", FACTS)
def test_a_slide_is_what_it_is(data: Path, name: str) -> None:
    reader, vendor, sizes, downsamples, mpp, objective, brightfield = FACTS[name]
    slide = open_slide(data / "slides" / name)
    assert slide.info.reader.split()[0] == reader
    assert slide.info.vendor == vendor
    stored = [level for level, kept in zip(slide.levels, slide.stored, strict=True) if kept]
    assert [(level.height, level.width) for level in stored] == sizes
    assert [level.downsample for level in stored] == pytest.approx(downsamples, rel=1e-12)
    assert slide.info.mpp_yx == (None if mpp is None else pytest.approx((mpp, mpp), rel=1e-9))
    assert slide.info.objective == objective
    assert slide.info.brightfield is brightfield
    assert max(slide.levels[-1].shape) <= 1024
    said = describe(slide)
    assert said["name"] == name
    assert [level["downsample"] for level in said["levels"] if level["stored"]] == pytest.approx(downsamples, rel=1e-12)


def test_scanners_are_named_where_the_file_does(data: Path) -> None:
    said = {name: open_slide(data / "slides" / name).info.scanner for name in FACTS}
    assert said["fluorescence-dapi.ndpi"] == "Hamamatsu C9600-12"
    assert said["cmu-1-small-region.svs"] == "Aperio"
    assert said[DICOM] == said["kidney-48-5.tif"] == ""


def test_every_slide_in_the_folder_is_known_here(data: Path) -> None:
    assert {path.name for path in (data / "slides").iterdir()} == {*FACTS, "broken.svs"}


@pytest.mark.parametrize("name", ["tcga-cr-7395.svs", "cmu-1-small-region.svs", "fluorescence-dapi.ndpi"])
def test_openslide_sees_the_same_pixels_at_every_stored_level(data: Path, name: str) -> None:
    slide = open_slide(data / "slides" / name)
    with openslide.OpenSlide(data / "slides" / name) as other:
        for level in (k for k, kept in enumerate(slide.stored) if kept):
            size = slide.levels[level]
            assert other.level_dimensions[level] == (size.width, size.height)
            assert other.level_downsamples[level] == pytest.approx(size.downsample, rel=1e-12)
            theirs = np.asarray(other.read_region((0, 0), level, (size.width, size.height)).convert("RGB"))
            assert np.array_equal(whole(slide, level), theirs)


@pytest.mark.parametrize("name", ["cmu-1-small-region.svs", "fluorescence-dapi.ndpi", "kidney-48-5.tif"])
def test_tifffile_sees_the_same_pixels(data: Path, name: str) -> None:
    theirs = tifffile.imread(data / "slides" / name, series=0, level=0)
    assert np.array_equal(whole(open_slide(data / "slides" / name), 0), theirs)


def test_a_large_field_has_the_pixels_of_the_picture(data: Path) -> None:
    path = data / "slides" / "ccmct-field-7215x5412.jpg"
    slide = open_slide(path)
    theirs = np.asarray(Image.open(path).convert("RGB"))
    assert np.array_equal(slide.read(0, 5000, 7000, 412, 215), theirs[5000:, 7000:])
    assert np.array_equal(slide.read(0, 2000, 3000, 700, 700), theirs[2000:2700, 3000:3700])


def test_dicom_is_the_same_from_its_folder_and_from_a_file(data: Path) -> None:
    folder = data / "slides" / DICOM
    from_folder = open_slide(folder)
    for file in folder.iterdir():
        from_file = open_slide(file)
        assert from_file.info.identity == from_folder.info.identity
        assert from_file.levels == from_folder.levels


def test_dicom_gives_the_pixels_openslide_sees(data: Path) -> None:
    folder = data / "slides" / DICOM
    with openslide.OpenSlide(next(iter(folder.iterdir()))) as other:
        theirs = np.asarray(other.read_region((0, 0), 0, other.dimensions).convert("RGB"))
    assert np.array_equal(whole(open_slide(folder), 0), theirs)


def test_dicom_shows_the_pixels_of_the_svs_it_was_made_from(data: Path) -> None:
    """The DICOM codes the SVS's 240 px tiles again as JPEG: the same coding of our pixels gives its pixels."""
    folder = data / "slides" / DICOM
    svs = whole(open_slide(data / "slides" / "cmu-1-small-region.svs"), 0)
    dicom = whole(open_slide(folder), 0)
    with wsidicom.WsiDicom.open(folder) as wsi:
        quantization = Image.open(io.BytesIO(wsi.read_encoded_tile(0, (0, 0)))).quantization
    side = 240
    compared = 0
    for y in range(0, svs.shape[0] - side + 1, side):
        for x in range(0, svs.shape[1] - side + 1, side):
            stream = io.BytesIO()
            tile = Image.fromarray(svs[y : y + side, x : x + side])
            tile.save(stream, "JPEG", qtables=quantization, subsampling="4:2:0")
            assert np.array_equal(np.asarray(Image.open(stream)), dicom[y : y + side, x : x + side])
            compared += 1
    assert compared == 9 * 12


def test_dim_cervical_fields_are_brightfield(data: Path) -> None:
    fields = [
        *(data / "cervical" / "lbc").glob("*.jpg"),
        *list((data / "cervical" / "cric-scanner-b").rglob("*.jpg"))[:5],
    ]
    assert len(fields) > 10
    for field in fields:
        assert open_slide(field).info.brightfield, field.name


def test_a_corrupt_slide_says_so_in_one_sentence(data: Path) -> None:
    with pytest.raises(SlideError, match=r"^broken\.svs is not a slide or picture .*; check [^.]*\.$"):
        open_slide(data / "slides" / "broken.svs")


def test_a_slide_cut_in_half_says_so(data: Path, tmp_path: Path) -> None:
    for name in ("cmu-1-small-region.svs", "fluorescence-dapi.ndpi"):
        content = (data / "slides" / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(SlideError, match=rf"{name} .*copy it again"):
            open_slide(tmp_path / name)
