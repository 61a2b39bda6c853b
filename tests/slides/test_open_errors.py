"""Bad input gets one sentence that names the file and the next step; never an error of a library."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cytoshift.errors import SlideError
from cytoshift.slides import open_slide


def jpeg_tiff() -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(90, 160, (300, 400, 3), np.uint8)
    with tifffile.TiffWriter(stream) as tif:
        tif.write(pixels, tile=(128, 128), photometric="ycbcr", compression="jpeg", metadata=None)
        tif.write(pixels[::2, ::2], tile=(128, 128), photometric="ycbcr", compression="jpeg", metadata=None)
    return stream.getvalue()


def refused(path: Path, match: str) -> str:
    with pytest.raises(SlideError, match=match) as caught:
        open_slide(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_a_missing_path(tmp_path: Path) -> None:
    refused(tmp_path / "gone.svs", r"gone\.svs does not exist; check the path")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.svs").touch()
    refused(tmp_path / "empty.svs", r"empty\.svs is empty; copy it again")


@pytest.mark.parametrize("name", ["noise.svs", "noise.ndpi", "noise.jpg", "noise"])
def test_noise(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"IJrE" + np.random.default_rng(0).bytes(5000))
    refused(tmp_path / name, rf"{name} is not a slide or picture in a format that can be read; check")


def test_a_folder_that_is_no_slide(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    refused(folder, "photos is a folder, but no OME-Zarr and no DICOM slide; open the slide file inside")
    (folder / "a.txt").write_text("a")
    refused(folder, "photos is a folder")


def test_a_zarr_folder_without_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    refused(tmp_path / "a.zarr", r"a\.zarr cannot be opened: it is a Zarr folder without a multiscale image")


@pytest.mark.parametrize("text", ["{", "[]", '{"attributes": []}', '{"attributes": {"ome": {"multiscales": [1]}}}'])
def test_zarr_metadata_that_is_not_valid(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").write_text(text)
    refused(tmp_path / "a.zarr", r"a\.zarr is no OME-Zarr image that can be read")


def test_a_dicom_file_that_is_no_slide(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 100)
    refused(tmp_path / "a.dcm", r"a\.dcm")


def test_a_tiff_cut_anywhere(tmp_path: Path) -> None:
    whole = jpeg_tiff()
    path = tmp_path / "cut.tif"
    for length in [*range(5, 300, 23), *range(300, len(whole) - 1, len(whole) // 25)]:
        path.write_bytes(whole[:length])
        refused(path, r"cut\.tif")


def test_a_picture_cut_anywhere(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        stream = io.BytesIO()
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(stream, kind)
        whole = stream.getvalue()
        path = tmp_path / "cut"
        for length in range(20, len(whole) - 20, len(whole) // 10):
            path.write_bytes(whole[:length])
            refused(path, "cut ")


def test_a_header_that_lies_about_its_size(tmp_path: Path) -> None:
    content = bytearray(jpeg_tiff())
    path = tmp_path / "lie.tif"
    path.write_bytes(content)
    with tifffile.TiffFile(path) as tif:
        tag = tif.pages[0].tags["ImageWidth"]
    content[tag.valueoffset : tag.valueoffset + 4] = b"\x00\x00\x00\x77"
    path.write_bytes(content)
    refused(path, r"lie\.tif")


def test_a_picture_too_large_to_decode_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (50, 41)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    refused(path, r"bomb\.png has more than 178 million pixels in one piece; convert it to a tiled pyramidal TIFF")


def test_a_picture_above_pillows_warning_opens_silently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.png"
    Image.new("1", (50, 39), 1).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert open_slide(path).levels[0].shape == (39, 50, 3)


def test_mutants_open_or_say_why(tmp_path: Path) -> None:
    whole = jpeg_tiff()
    rng = np.random.default_rng(7)
    path = tmp_path / "mutant.tif"
    opened, sentences = 0, list[str]()
    for _ in range(150):
        content = bytearray(whole)
        for position in rng.integers(0, 700 if rng.random() < 0.7 else len(whole), rng.integers(1, 6)):
            content[position] = rng.integers(256)
        path.write_bytes(content)
        try:
            slide = open_slide(path)
        except SlideError as error:
            sentences.append(str(error))
        else:
            opened += 1
            slide.read(0, 0, 0, min(600, slide.levels[0].height), min(600, slide.levels[0].width))
            slide.close()
    assert 0 < opened < 150
    assert all("mutant.tif" in sentence for sentence in sentences)
