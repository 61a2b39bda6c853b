"""A slide of 100,000 x 100,000 px in a file of a few megabytes: one field laid side by side, each tile stored once.

The file is a BigTIFF whose table of tiles points to the same few JPEGs again and again, on every level of the pyramid.
So it costs as much to read as any scanner's file, and takes seconds to make where drawing all of it takes minutes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np
import numpy.typing as npt

from cytoshift.slides.slide import TILE

RGB = npt.NDArray[np.uint8]

SIDE = 100_000
MPP = 0.25
_SMALLEST = 1024
_SHORT, _LONG, _RATIONAL, _LONG8 = 3, 4, 5, 16


def write_wide_slide(path: Path, field: RGB) -> Path:
    """Write the slide.

    Parameters
    ----------
    path : Path
        A new ``.tif`` file.
    field : ndarray of uint8, shape (n, n, 3)
        What repeats; its side is a power of two, from 512 on.
    """
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        link, side = 8, SIDE
        while True:
            places = _write_tiles(file, field)
            at = _write_directory(file, side, places, reduced=side != SIDE)
            file.seek(link)
            file.write(struct.pack("<Q", at[0]))
            file.seek(0, 2)
            if side <= _SMALLEST:
                return path
            link, side, field = at[1], -(-side // 2), _halved(field)


def _halved(field: RGB) -> RGB:
    rows = field[::2].astype(np.uint16) + field[1::2]
    halved: RGB = ((rows[:, ::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)
    return halved


def _write_tiles(file: BinaryIO, field: RGB) -> npt.NDArray[np.int64]:
    """Write the tiles of a period once; return offset and length of each, ``(rows, columns, 2)``."""
    if len(field) < TILE:
        field = np.tile(field, (TILE // len(field), TILE // len(field), 1))
    count = len(field) // TILE
    places = np.empty((count, count, 2), np.int64)
    for row, column in np.ndindex(count, count):
        tile = field[row * TILE :, column * TILE :][:TILE, :TILE]
        data = imagecodecs.jpeg8_encode(np.ascontiguousarray(tile), level=85, subsampling="420")
        places[row, column] = file.tell(), len(data)
        file.write(data)
    return places


def _write_directory(file: BinaryIO, side: int, places: npt.NDArray[np.int64], *, reduced: bool) -> tuple[int, int]:
    """Write a level's tags; return where they begin and where the link to the next level is."""
    count = -(-side // TILE)
    index = np.arange(count) % len(places)
    table = places[index][:, index].reshape(-1, 2)
    offsets, lengths = file.tell(), file.tell() + 8 * len(table)
    file.write(table[:, 0].astype("<u8").tobytes() + table[:, 1].astype("<u4").tobytes())
    per_cm = round(1e4 / MPP * side / SIDE)
    resolution = struct.unpack("<Q", struct.pack("<II", per_cm, 1))[0]
    tags = [
        (254, _LONG, 1, int(reduced)),
        (256, _LONG, 1, side),
        (257, _LONG, 1, side),
        (258, _SHORT, 3, 8 | 8 << 16 | 8 << 32),
        (259, _SHORT, 1, 7),  # JPEG
        (262, _SHORT, 1, 6),  # YCbCr
        (277, _SHORT, 1, 3),
        (282, _RATIONAL, 1, resolution),
        (283, _RATIONAL, 1, resolution),
        (284, _SHORT, 1, 1),
        (296, _SHORT, 1, 3),  # per centimetre
        (322, _LONG, 1, TILE),
        (323, _LONG, 1, TILE),
        (324, _LONG8, len(table), offsets),
        (325, _LONG, len(table), lengths),
        (530, _SHORT, 2, 2 | 2 << 16),
    ]
    start = file.tell()
    if len(table) <= 2:
        raise ValueError("a table of one or two tiles would have to be written into the tag itself")
    file.write(struct.pack("<Q", len(tags)))
    for tag, kind, length, value in tags:
        file.write(struct.pack("<HHQQ", tag, kind, length, value))
    link = file.tell()
    file.write(struct.pack("<Q", 0))
    return start, link
