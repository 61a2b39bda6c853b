"""Every reader gives exactly the pixels that were written, with µm/px and objective where the file has them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from cytoshift.errors import SlideError
from cytoshift.slides import open_slide

HEIGHT, WIDTH = 700, 900


def picture(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """Return a bright picture of smooth blobs with some noise."""
    y, x = np.mgrid[:height, :width]
    base = np.stack([180 + 50 * np.sin(x / 40), 160 + 60 * np.cos(y / 30), 200 + 30 * np.sin((x + y) / 60)], axis=-1)
    noise = np.random.default_rng(seed).normal(0, 4, base.shape)
    return np.clip(base + noise, 0, 255).astype(np.uint8)


def whole(path: Path, level: int = 0) -> np.ndarray:
    slide = open_slide(path)
    size = slide.levels[level]
    pixels = slide.read(level, 0, 0, size.height, size.width)
    assert slide.problems == ()
    return pixels


@pytest.mark.parametrize("tile", [(256, 256), (240, 240), (512, 512), (64, 1024), None])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_lossless_tiff_gives_the_written_pixels(tmp_path: Path, tile: tuple[int, int] | None, compression: str) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, picture(), tile=tile, photometric="rgb", compression=compression)
    assert np.array_equal(whole(path), picture())
    assert open_slide(path).info.reader.startswith("tifffile ")


def test_jpeg_tiff_gives_the_pixels_of_tifffile(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, picture(), tile=(240, 240), photometric="ycbcr", compression="jpeg", subsampling=(2, 2))
    assert np.array_equal(whole(path), tifffile.imread(path))


def test_planar_tiff_is_rgb(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    planes = np.moveaxis(picture(), -1, 0)
    tifffile.imwrite(path, planes, tile=(256, 256), photometric="rgb", planarconfig="separate")
    assert np.array_equal(whole(path), picture())


def test_grey_tiff_becomes_rgb_and_transparency_white(tmp_path: Path) -> None:
    grey = picture()[..., 0]
    tifffile.imwrite(tmp_path / "grey.tif", grey, tile=(256, 256), photometric="minisblack")
    assert np.array_equal(whole(tmp_path / "grey.tif"), np.repeat(grey[..., None], 3, axis=-1))
    clear = np.dstack([picture(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    clear[:100, :, 3] = 0
    tifffile.imwrite(tmp_path / "clear.tif", clear, tile=(256, 256), photometric="rgb", extrasamples=["unassalpha"])
    expected = picture()
    expected[:100] = 255
    assert np.array_equal(whole(tmp_path / "clear.tif"), expected)


def test_tiles_that_are_not_stored_are_white(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tif"
    full = np.zeros((256, 256, 3), np.uint8) + 9
    tiles = iter([full, None, None, full])
    tifffile.imwrite(
        path, tiles, shape=(512, 512, 3), dtype=np.uint8, tile=(256, 256), photometric="rgb", compression="zlib"
    )
    pixels = whole(path)
    assert (pixels[:256, :256] == 9).all()
    assert (pixels[:256, 256:] == 255).all()


def write_pyramid(path: Path, sizes: list[int], **options: object) -> list[np.ndarray]:
    """Write a TIFF whose levels lie in pages of their own; returns the levels."""
    levels = [picture()[::step, ::step] for step in sizes]
    with tifffile.TiffWriter(path) as tif:
        for level in levels:
            reduced = 1 if level is not levels[0] else 0
            tif.write(level, tile=(128, 128), photometric="rgb", subfiletype=reduced, metadata=None, **options)
    return levels


def test_pages_of_a_pyramid_become_levels(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    levels = write_pyramid(path, [1, 2, 8])
    slide = open_slide(path)
    assert slide.stored == (True, True, False, True)
    for index, level in zip((0, 1, 3), levels, strict=True):
        assert np.array_equal(slide.read(index, 0, 0, *level.shape[:2]), level)


@pytest.mark.parametrize(
    ("resolution", "unit", "mpp"),
    [
        ((40000, 20000), "CENTIMETER", (0.5, 0.25)),
        ((50800, 50800), "INCH", (0.5, 0.5)),
        ((72, 72), "INCH", None),
        ((300, 300), "INCH", None),
        ((1, 1), "NONE", None),
    ],
)
def test_resolution_tags_count_when_a_microscope_can_have_them(
    tmp_path: Path, resolution: tuple[int, int], unit: str, mpp: tuple[float, float] | None
) -> None:
    path = tmp_path / "slide.tif"
    write_pyramid(path, [1, 2], resolution=resolution, resolutionunit=unit)
    assert open_slide(path).info.mpp_yx == (None if mpp is None else pytest.approx(mpp))


def test_ome_tiff_with_sub_resolutions(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        size = {"PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 500.0, "PhysicalSizeYUnit": "nm"}
        options = {"tile": (256, 256), "photometric": "rgb", "compression": "zlib"}
        tif.write(picture(), subifds=1, metadata={"axes": "YXS", **size}, **options)
        tif.write(picture()[::2, ::2], subfiletype=1, **options)
    slide = open_slide(path)
    assert slide.info.mpp_yx == (0.5, 0.25)
    assert (slide.info.vendor, slide.info.scanner) == ("OME-TIFF", "")
    assert [level.shape for level in slide.levels] == [(700, 900, 3), (350, 450, 3)]
    assert np.array_equal(whole(path, 1), picture()[::2, ::2])


@pytest.mark.parametrize(
    ("make", "model", "scanner"),
    [
        ("Hamamatsu", "C9600-12", "Hamamatsu C9600-12"),
        ("Leica", "Leica SCN400", "Leica SCN400"),
        ("", "Ocus", "Ocus"),
        ("Motic", "", "Motic"),
    ],
)
def test_tags_name_the_scanner(tmp_path: Path, make: str, model: str, scanner: str) -> None:
    path = tmp_path / "slide.tif"
    tags = [(code, 2, 0, text, True) for code, text in ((271, make), (272, model)) if text]
    write_pyramid(path, [1, 2], extratags=tags)
    assert open_slide(path).info.scanner == scanner


def test_an_ome_tiff_names_its_microscope(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(picture(), photometric="rgb", metadata={"axes": "YXS"})
    with tifffile.TiffFile(path, mode="r+") as tif:
        xml = tif.ome_metadata or ""
        device = '<Instrument ID="Instrument:0"><Microscope Manufacturer="Zeiss" Model="Axio"/></Instrument><Image '
        tif.pages[0].tags[270].overwrite(xml.replace("<Image ", device, 1))
    assert open_slide(path).info.scanner == "Zeiss Axio"


def test_aperio_description_gives_microns_and_objective(tmp_path: Path) -> None:
    path = tmp_path / "no-suffix"
    text = "Aperio Image Library v11.2.1 \r\n900x700 (256x256) JPEG/RGB|AppMag = 40|MPP = 0.2520|ScannerType = GT450"
    with tifffile.TiffWriter(path) as tif:
        tif.write(picture(), tile=(256, 256), photometric="rgb", description=text, metadata=None)
        tif.write(picture()[::4, ::4], photometric="rgb", description="Aperio thumbnail", metadata=None)
    slide = open_slide(path)
    assert (slide.info.vendor, slide.info.objective, slide.info.mpp_yx) == ("Aperio", 40.0, (0.252, 0.252))
    assert slide.info.scanner == "Aperio GT450"
    assert len(slide.levels) == 1


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg", "tif", "bmp"])
def test_pictures_are_slides(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"field.{suffix}"
    Image.fromarray(picture(300, 1700)).save(path, **({"lossless": True} if suffix == "webp" else {}))
    slide = open_slide(path)
    assert [level.shape for level in slide.levels] == [(300, 1700, 3), (150, 850, 3)]
    assert np.array_equal(whole(path), np.asarray(Image.open(path)))
    assert slide.info.mpp_yx is None
    assert slide.info.objective is None


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "field.png")
    (tmp_path / "field.png").rename(tmp_path / "field.svs")
    assert open_slide(tmp_path / "field.svs").info.reader.startswith("pillow ")


def test_palette_and_transparent_pictures(tmp_path: Path) -> None:
    Image.fromarray(picture()).quantize(16).save(tmp_path / "palette.png")
    assert np.array_equal(
        whole(tmp_path / "palette.png"), np.asarray(Image.open(tmp_path / "palette.png").convert("RGB"))
    )
    clear = Image.fromarray(np.dstack([picture(), np.zeros((HEIGHT, WIDTH), np.uint8)]))
    clear.save(tmp_path / "clear.png")
    assert (whole(tmp_path / "clear.png") == 255).all()


def test_sixteen_bits_are_refused_with_the_way_out(tmp_path: Path) -> None:
    deep = picture().astype(np.uint16) * 200
    tifffile.imwrite(tmp_path / "deep.tif", deep, tile=(256, 256), photometric="rgb")
    Image.fromarray(deep[..., 0]).save(tmp_path / "deep.png")
    for name in ("deep.tif", "deep.png"):
        with pytest.raises(SlideError, match=rf"{name} .*8 bits per sample; export it as 8-bit RGB"):
            open_slide(tmp_path / name)


def write_ome_zarr(
    path: Path, version: str, axes: str = "cyx", unit: str | None = "micrometer", names: tuple[str, ...] = ("0", "1")
) -> list[np.ndarray]:
    """Write two levels with zarr itself; returns them as ``(y, x, 3)``."""
    levels = [picture(), picture()[::2, ::2]]
    group = zarr.create_group(str(path), zarr_format=2 if version == "0.4" else 3)
    order = ["yxc".index(axis) for axis in axes if axis in "yxc"]
    kinds = {"c": "channel", "t": "time"}
    datasets = []
    for k, (name, level) in enumerate(zip(names, levels, strict=True)):
        array = level.transpose(order)
        for position, axis in enumerate(axes):
            array = np.expand_dims(array, position) if axis in "tz" else array
        chunks = tuple(3 if axis == "c" else 1 if axis in "tz" else 200 for axis in axes)
        group.create_array(f"{k}", data=array, chunks=chunks, chunk_key_encoding=_keys(version))
        scale = [{"y": 0.5 * 2**k, "x": 0.25 * 2**k}.get(axis, 1.0) for axis in axes]
        datasets.append({"path": name, "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    described = [
        {"name": axis, "type": kinds.get(axis, "space"), **({"unit": unit} if unit and axis in "yx" else {})}
        for axis in axes
    ]
    scales = {"name": "slide", "axes": described, "datasets": datasets}
    if version == "0.4":
        group.attrs["multiscales"] = [{**scales, "version": version}]
    else:
        group.attrs["ome"] = {"version": version, "multiscales": [scales]}
    return levels


def _keys(version: str) -> dict[str, str] | None:
    return {"name": "v2", "separator": "/"} if version == "0.4" else None


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["cyx", "yxc", "tczyx"])
def test_ome_zarr_of_both_versions(tmp_path: Path, version: str, axes: str) -> None:
    path = tmp_path / "slide.ome.zarr"
    levels = write_ome_zarr(path, version, axes)
    slide = open_slide(path)
    assert slide.info.mpp_yx == (0.5, 0.25)
    assert slide.info.vendor == f"OME-Zarr {version}"
    assert [level.downsample_yx for level in slide.levels] == [(1, 1), (2, 2)]
    for k, level in enumerate(levels):
        assert np.array_equal(slide.read(k, 0, 0, *level.shape[:2]), level)


def test_ome_zarr_without_units_is_not_calibrated(tmp_path: Path) -> None:
    write_ome_zarr(tmp_path / "a.zarr", "0.5", unit=None)
    assert open_slide(tmp_path / "a.zarr").info.mpp_yx is None


def test_ome_zarr_identity_follows_chunks_not_names(tmp_path: Path) -> None:
    write_ome_zarr(tmp_path / "a.zarr", "0.5")
    identity = open_slide(tmp_path / "a.zarr").info.identity
    (tmp_path / "a.zarr").rename(tmp_path / "b.zarr")
    assert open_slide(tmp_path / "b.zarr").info.identity == identity
    zarr.open_array(str(tmp_path / "b.zarr" / "1"), mode="r+")[0, 0, 0] = 0
    assert open_slide(tmp_path / "b.zarr").info.identity != identity


@pytest.mark.parametrize("name", ["../outside", "/etc", "a/../../outside", ".."])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, version: str, name: str) -> None:
    write_ome_zarr(tmp_path / "outside", version)
    write_ome_zarr(tmp_path / "a.zarr", version, names=(name, "1"))
    with pytest.raises(SlideError, match=r"a\.zarr is no OME-Zarr image that can be read"):
        open_slide(tmp_path / "a.zarr")


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    write_ome_zarr(tmp_path / "outside", "0.5")
    write_ome_zarr(tmp_path / "a.zarr", "0.5", names=("link", "1"))
    (tmp_path / "a.zarr" / "link").symlink_to(tmp_path / "outside" / "0")
    with pytest.raises(SlideError, match="leads out of the folder"):
        open_slide(tmp_path / "a.zarr")


def edit(path: Path, **values: object) -> None:
    said = json.loads(path.read_text())
    said.update(values)
    path.write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dtype": "|O"}, "a.zarr"),
        ({"filters": [{"id": "pickle", "protocol": 5}]}, "the codec 'pickle'"),
        ({"compressor": {"id": "json2"}}, "the codec 'json2'"),
        ({"shape": [3, 10**8, 900], "chunks": [3, 10**5, 900]}, "too large"),
        ({"shape": [3, 10**9, 900]}, "claims the shape"),
        ({"dtype": "<u2"}, "uint16 pixels; export it as 8-bit RGB"),
    ],
)
def test_dangerous_arrays_are_refused_before_reading(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    write_ome_zarr(tmp_path / "a.zarr", "0.4")
    edit(tmp_path / "a.zarr" / "0" / ".zarray", **change)
    with pytest.raises(SlideError, match=reason):
        open_slide(tmp_path / "a.zarr")


def test_libraries_stay_silent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, picture(), tile=(256, 256), photometric="rgb")
    content = bytearray(path.read_bytes())
    content[-200:] = b"\xff" * 200
    path.write_bytes(content)
    with caplog.at_level(logging.DEBUG):
        open_slide(path)
    assert not [record for record in caplog.records if record.name.startswith(("tifffile", "PIL", "pydicom"))]
