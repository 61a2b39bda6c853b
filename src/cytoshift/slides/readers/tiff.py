"""TIFF slides (SVS, NDPI, OME-TIFF, tiled and striped TIFF) through tifffile's decoders.

A tile is one positioned read and one decode of the stored bytes: no array layers in between, exact pixels, and no lock.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cytoshift.errors import SlideError
from cytoshift.slides.readers.segments import assemble, fits_tiles, segment_cache
from cytoshift.slides.readers.source import (
    MAX_SEGMENT,
    MAX_SIDE,
    RGB,
    Declined,
    levels_from_shapes,
    on_white,
)
from cytoshift.slides.readers.tiff_facts import facts_of

_APERIO_YCBCR = 33003
_JPEG = {6, 7, 33007}
_MAX_PAGES = 64


class _File:
    """Reads at an offset, safe from many threads; closes itself when nobody holds it any more."""

    def __init__(self, path: Path) -> None:
        self._number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._lock = threading.Lock()
        self.close = weakref.finalize(self, os.close, self._number)
        self.size = os.fstat(self._number).st_size

    def read(self, offset: int, count: int) -> bytes:
        if not self.close.alive:
            raise ValueError("the slide is closed")
        if hasattr(os, "pread"):
            data = os.pread(self._number, count, offset)
        else:
            with self._lock:
                os.lseek(self._number, offset, os.SEEK_SET)
                data = os.read(self._number, count)
        if len(data) != count:
            raise OSError(f"the file ends early: {len(data)} of {count} bytes at {offset}")
        return data


class _StoredLevel:
    """One page of the file: where its segments are and how they are decoded."""

    def __init__(self, page: tifffile.TiffPage, file: _File) -> None:
        self.height, self.width = page.imagelength, page.imagewidth
        self.segment: tuple[int, int] = (
            (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
        )
        self.columns = -(-self.width // self.segment[1])
        self.count = self.columns * -(-self.height // self.segment[0])
        self.planes = page.samplesperpixel if page.planarconfig == 2 else 1
        self.shared = fits_tiles(*self.segment)
        self._offsets: Sequence[int] = page.dataoffsets
        self._counts: Sequence[int] = page.databytecounts
        self._decode = page.decode
        self._tables: dict[str, Any] = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
        self._file = file
        self._check()

    def _check(self) -> None:
        if max(self.height, self.width) > MAX_SIDE or min(*self.segment, self.height, self.width) < 1:
            raise ValueError(f"a level claims {self.width} x {self.height} px")
        if self.segment[0] * self.segment[1] * 4 > MAX_SEGMENT:
            raise Declined("stores its pixels in pieces too large to read one by one")
        if not len(self._offsets) == len(self._counts) == self.count * self.planes:
            raise ValueError("the table of tiles does not fit the size of the image")
        ends = np.asarray(self._offsets, np.int64) + np.asarray(self._counts, np.int64)
        if ends.max(initial=0) > self._file.size:
            raise ValueError("it ends before its last tile")

    def fetch(self, row: int, column: int) -> RGB | None:
        """Decode a segment; None where the file stores nothing."""
        index = row * self.columns + column
        planes = [self._plane(index + plane * self.count) for plane in range(self.planes)]
        whole = [plane for plane in planes if plane is not None]
        if len(whole) != self.planes:
            return None
        return _rgb(whole[0] if self.planes == 1 else np.concatenate(whole, axis=-1))

    def _plane(self, index: int) -> RGB | None:
        count = self._counts[index]
        if count == 0:
            return None
        data = self._file.read(self._offsets[index], count)
        pixels = self._decode(data, index, **self._tables)[0]
        if pixels is None:
            raise ValueError("a stored tile is empty")
        return np.asarray(pixels[0])

    def decodes(self) -> None:
        """Raise the last error when none of a few segments can be decoded: the codec is not supported."""
        error: Exception | None = None
        filled = [i for i in range(self.count) if self._counts[i]]
        for index in filled[:: max(1, len(filled) // 3)][:4]:
            try:
                self.fetch(index // self.columns, index % self.columns)
            except Exception as problem:
                error = problem
            else:
                return
        if error is not None:
            raise error


def _rgb(pixels: RGB) -> RGB:
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, 3, axis=-1)
    return on_white(pixels) if pixels.shape[-1] == 4 else pixels


class TiffSource:
    """The pyramid of a TIFF slide; label, macro and thumbnail pages are left out."""

    def __init__(self, path: Path) -> None:
        self._file = _File(path)
        self._key = object()
        self.parts: tuple[tuple[str, Path], ...] = (("", path),)
        try:
            with tifffile.TiffFile(path) as tif:
                pages = _pyramid(tif)
                self._stored = [_StoredLevel(page, self._file) for page in pages]
                self.facts = facts_of(tif, pages[0])
            self.levels = levels_from_shapes([(stored.height, stored.width) for stored in self._stored])
            self._stored[-1].decodes()
        except BaseException:
            self._file.close()
            raise

    def read(self, level: int, y: int, x: int, height: int, width: int) -> RGB:
        """Read a region of a stored level."""
        stored = self._stored[level]

        def cached(row: int, column: int) -> RGB | None:
            return _cached_segment(self._key, level, stored, row, column)

        fetch = stored.fetch if stored.shared else cached
        return assemble((y, x, height, width), stored.segment, fetch)

    def close(self) -> None:
        """Release the file."""
        self._file.close()


class _Unsuitable(Exception):
    """The pixels are of another kind than slides have; another library would only guess at them."""


class _Nothing(Exception):
    """Nothing is stored there."""


def _cached_segment(key: object, level: int, stored: _StoredLevel, row: int, column: int) -> RGB | None:
    def compute() -> RGB:
        pixels = stored.fetch(row, column)
        if pixels is None:
            raise _Nothing
        return pixels

    try:
        return segment_cache().get((key, level, row, column), compute)
    except _Nothing:
        return None


def _pyramid(tif: tifffile.TiffFile) -> list[tifffile.TiffPage]:
    """Return the pages of the main image, finest first."""
    first = tif.pages.first
    if tif.is_scn or tif.is_bif or tif.is_philips or str(first.software).startswith("MedScan"):
        raise Declined("is a TIFF dialect whose tiles need the maker's placement")
    if tif.is_svs or tif.is_ndpi or tif.is_ome or tif.is_qpi:
        series = max(tif.series[:1] if not tif.is_ome else tif.series, key=lambda s: s.size)
        if dict(zip(series.axes, series.shape, strict=True)).get("C", 1) > 1:
            raise _Unsuitable("has separate fluorescence channels; export them as one 8-bit RGB image")
        pages = [_middle(level) for level in series.levels]
    else:
        pages = _halving(first, tif)
    for page in pages:
        _check(page)
    return pages


def _middle(level: Any) -> tifffile.TiffPage:
    """Return the page of a level; of a focus stack the middle plane."""
    pages = level.pages
    page = pages[len(pages) // 2]
    return page if isinstance(page, tifffile.TiffPage) else page.aspage()


def _halving(first: tifffile.TiffPage, tif: tifffile.TiffFile) -> list[tifffile.TiffPage]:
    """Return the first page and those that are the same picture, smaller."""
    others = (
        list(first.pages or []) if first.subifds else [tif.pages[i] for i in range(1, min(len(tif.pages), _MAX_PAGES))]
    )
    chosen = [first]
    for page in others:
        page = page if isinstance(page, tifffile.TiffPage) else page.aspage()
        ratio = first.imagelength / max(1, page.imagelength), first.imagewidth / max(1, page.imagewidth)
        smaller = page.imagewidth < chosen[-1].imagewidth
        alike = page.dtype == first.dtype and page.samplesperpixel == first.samplesperpixel
        same = abs(ratio[0] / ratio[1] - 1) < 0.02 + 2 / max(1, min(page.imagelength, page.imagewidth))
        if smaller and alike and same and page.is_tiled == first.is_tiled:
            chosen.append(page)
    return chosen


def _check(page: tifffile.TiffPage) -> None:
    if page.dtype != np.uint8:
        raise _Unsuitable("does not have 8 bits per sample; export it as 8-bit RGB")
    ycbcr = page.photometric == 6 and page.compression not in _JPEG
    if page.photometric not in (1, 2, 6) or page.compression == _APERIO_YCBCR or ycbcr:
        raise Declined("has colours that are not RGB; export it as 8-bit RGB")
    if page.samplesperpixel not in (1, 3, 4) or page.imagedepth != 1:
        raise Declined(f"has {page.samplesperpixel} samples per pixel; export it as 8-bit RGB")


def open_tiff(path: Path) -> TiffSource:
    """Open a TIFF slide.

    Raises
    ------
    Declined
        A TIFF that tifffile does not decode, or not as RGB.
    SlideError
        A damaged file.
    """
    try:
        return TiffSource(path)
    except _Unsuitable as error:
        raise SlideError(f"{path.name} cannot be opened: it {error}.") from error
    except NotImplementedError as error:
        raise Declined(f"uses a TIFF feature that is not supported ({error})") from error
    except (Declined, SlideError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        reason = f" ({error})" if " " in str(error) else ""  # a bare key or number tells a person nothing
        raise SlideError(
            f"{path.name} is a damaged or incomplete TIFF{reason}; copy it again from its source."
        ) from error
