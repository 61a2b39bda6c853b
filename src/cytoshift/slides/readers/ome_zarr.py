"""OME-Zarr 0.4 and 0.5 (https://ngff.openmicroscopy.org) through zarr, its metadata checked by yaozarrs.

What the metadata names is opened only when it lies inside the folder, holds bytes, is coded by a codec of pixels
and comes in chunks of a sane size: a slide is data from somewhere else.
"""

from __future__ import annotations

import json
from itertools import product
from math import ceil, prod
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import zarr
from zarr.storage import LocalStore

from cytoshift.errors import SlideError
from cytoshift.slides.readers.ngff import Image, read_image
from cytoshift.slides.readers.source import MAX_SEGMENT, MAX_SIDE, RGB, Declined, Facts, believable, on_white
from cytoshift.slides.slide import Level

READER = f"zarr {zarr.__version__}"

_CODECS = {
    *(
        "bytes",
        "endian",
        "transpose",
        "crc32c",
        "sharding_indexed",
        "blosc",
        "zstd",
        "gzip",
        "zlib",
        "bz2",
        "lzma",
        "lz4",
    ),
    *("shuffle", "delta", "numcodecs.zlib", "numcodecs.lz4", "numcodecs.bz2", "numcodecs.lzma", "numcodecs.shuffle"),
}
_SAMPLES = 48


class OmeZarrSource:
    """The multiscale image of an OME-Zarr folder."""

    def __init__(self, root: Path) -> None:
        image = read_image(root)
        paths = [dataset.path for dataset in image.datasets]
        self._arrays = [_open_array(image.root, path) for path in paths]
        self._image = image
        shapes = [(array.shape[image.y], array.shape[image.x]) for array in self._arrays]
        self.levels = _levels(shapes, image)
        self.facts = _facts(image)
        self.parts = tuple(_parts(image.root, paths, self._arrays))

    def read(self, level: int, y: int, x: int, height: int, width: int) -> RGB:
        """Read a region of a stored level."""
        image = self._image
        where: list[Any] = [0] * len(image.axes)
        where[image.y], where[image.x] = slice(y, y + height), slice(x, x + width)
        if image.channel is not None:
            where[image.channel] = slice(None)
        block = np.asarray(self._arrays[level][tuple(where)])
        if image.channel is None:
            return np.repeat(block[..., None], 3, axis=-1)
        if image.channel < image.y:
            block = np.moveaxis(block, 0, -1)
        if block.shape[-1] == 1:
            return np.repeat(block, 3, axis=-1)
        return on_white(block) if block.shape[-1] == 4 else np.ascontiguousarray(block)

    def close(self) -> None:
        """Release the folder; zarr holds no file open."""


def _open_array(root: Path, path: str) -> zarr.Array[Any]:
    parts = PurePosixPath(path).parts
    folder = root.joinpath(*parts)
    if not parts or ".." in parts or PurePosixPath(path).is_absolute() or ":" in path or "\\" in path:
        raise ValueError(f"the level path {path!r} leads out of the folder")
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"the level path {path!r} leads out of the folder")
    _check_codecs(folder)
    array = zarr.open_array(store=LocalStore(folder, read_only=True), mode="r")
    if array.dtype != np.uint8:
        raise Declined(f"has {array.dtype} pixels; export it as 8-bit RGB")
    if prod(array.chunks) > MAX_SEGMENT:
        raise ValueError(f"chunks of {prod(array.chunks) >> 20} MB are too large")
    if max(array.shape, default=0) > MAX_SIDE or min(array.shape, default=0) < 1:
        raise ValueError(f"a level claims the shape {array.shape}")
    return array


def _check_codecs(folder: Path) -> None:
    """Refuse codecs that do more than code bytes (pickle runs code) before zarr builds them."""
    meta = next((folder / name for name in ("zarr.json", ".zarray") if (folder / name).is_file()), None)
    if meta is None:
        raise ValueError(f"the level {folder.name} is missing")
    said = json.loads(meta.read_bytes())
    for name in _codec_names(said):
        if name not in _CODECS:
            raise ValueError(f"the codec {name!r} is not one for pixels")


def _codec_names(said: dict[str, Any]) -> list[str]:
    if "codecs" not in said:
        return [str(codec["id"]) for codec in [said.get("compressor"), *(said.get("filters") or [])] if codec]
    names: list[str] = []
    for codec in said["codecs"]:
        names.append(str(codec["name"] if isinstance(codec, dict) else codec))
        inner = codec.get("configuration", {}) if isinstance(codec, dict) else {}
        if "codecs" in inner:
            names += _codec_names({"codecs": [*inner["codecs"], *inner.get("index_codecs", [])]})
    return names


def _levels(shapes: list[tuple[int, int]], image: Image) -> tuple[Level, ...]:
    height, width = shapes[0]
    finest = image.datasets[0].scale
    levels: list[Level] = []
    for (h, w), dataset in zip(shapes, image.datasets, strict=True):
        stated = (dataset.scale[image.y] / finest[image.y], dataset.scale[image.x] / finest[image.x])
        fits = all(f > 0 and abs(a / f - b) <= 1 for f, a, b in zip(stated, (height, width), (h, w), strict=True))
        levels.append(Level(h, w, stated if fits else (height / h, width / w)))
    return tuple(levels)


def _facts(image: Image) -> Facts:
    mpp = None
    microns = image.microns
    if microns is not None:
        scale = image.datasets[0].scale
        mpp = believable((scale[image.y] * microns, scale[image.x] * microns))
    objective, origin = image.own.get("objective"), image.own.get("origin")
    place = isinstance(origin, list) and len(origin) == 2 and all(isinstance(value, int) for value in origin)
    return Facts(
        READER,
        vendor=f"OME-Zarr {image.version}",
        mpp_yx=mpp,
        objective=float(objective) if isinstance(objective, int | float) and objective > 0 else None,
        origin=(origin[0], origin[1]) if isinstance(origin, list) and place else (0, 0),
    )


def _parts(root: Path, paths: list[str], arrays: list[zarr.Array[Any]]) -> list[tuple[str, Path]]:
    """Name the arrays' metadata, chunks of the coarsest level and a spread of those of the finest."""
    parts: list[tuple[str, Path]] = []
    for path in paths:
        metadata = "zarr.json" if (root / path / "zarr.json").is_file() else ".zarray"
        parts.append((f"{path}/{metadata}", root / path / metadata))
    for path, array in {paths[0]: arrays[0], paths[-1]: arrays[-1]}.items():
        stored = array.shards or array.chunks
        grid = [range(ceil(side / chunk)) for side, chunk in zip(array.shape, stored, strict=True)]
        count = prod(len(axis) for axis in grid)
        wanted = set(range(0, count, max(1, count // _SAMPLES)))
        for index, place in enumerate(product(*grid)) if count <= 1 << 14 else _spread(grid, count):
            if count > 1 << 14 or index in wanted:
                key = array.metadata.encode_chunk_key(place)
                parts.append((f"{path}/{key}", root / path / key))
    return parts


def _spread(grid: list[range], count: int) -> list[tuple[int, tuple[int, ...]]]:
    shape = [len(axis) for axis in grid]
    chosen = [count * k // _SAMPLES for k in range(_SAMPLES)]
    return [(index, tuple(int(i) for i in np.unravel_index(index, shape))) for index in chosen]


def open_ome_zarr(path: Path) -> OmeZarrSource:
    """Open an OME-Zarr folder.

    Raises
    ------
    Declined
        No Zarr folder, or no 8-bit RGB image.
    SlideError
        Not valid OME-Zarr, or not safe to read.
    """
    if not any((path / name).is_file() for name in ("zarr.json", ".zattrs", ".zgroup", ".zarray")):
        raise Declined
    try:
        return OmeZarrSource(path)
    except (Declined, SlideError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise SlideError(
            f"{path.name} is no OME-Zarr image that can be read ({reason}); convert the slide again."
        ) from error
