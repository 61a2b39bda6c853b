"""Slides as zarr arrays: a read-only zarr 3 store whose chunks are the tiles of a slide.

The arrays are real zarr arrays, which napari and dask take as they are. A chunk that is in the tile cache is handed
over without a copy; any other is computed in threads of this store's own, so that a reader that itself uses zarr
(OME-Zarr) never waits for a thread that waits for it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache as memoize
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype

from cytoshift.slides.slide import RGB, TILE, Slide


@memoize
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(2, min(8, os.cpu_count() or 2)), thread_name_prefix="slide-tiles")


class SlideStore(Store):
    """The levels of a slide as arrays ``0``, ``1``, …; pickles when its slide does."""

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, slide: Slide) -> None:
        super().__init__(read_only=True)
        self._slide = slide

    def __reduce__(self) -> tuple[Any, ...]:
        return SlideStore, (self._slide,)

    def __eq__(self, value: object) -> bool:
        return isinstance(value, SlideStore) and value._slide is self._slide

    def __hash__(self) -> int:
        return id(self._slide)

    def __str__(self) -> str:
        return f"slide://{self._slide.name}"

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Return metadata or a chunk; None where there is none."""
        level, _, rest = key.partition("/")
        if not level.isdecimal() or int(level) >= len(self._slide.levels):
            return None
        if rest == "zarr.json":
            return prototype.buffer.from_bytes(_part(self._metadata(int(level)), byte_range))
        place = self._place(int(level), rest)
        if place is None:
            return None
        tile = self._slide.cached_tile(*place)
        if tile is None:
            loop = asyncio.get_running_loop()
            tile = await loop.run_in_executor(_threads(), self._slide.tile, *place)
        flat = _whole(tile).reshape(-1)
        return prototype.buffer.from_array_like(_part(flat, byte_range))

    def _place(self, level: int, key: str) -> tuple[int, int, int] | None:
        parts = key.split("/")
        if len(parts) != 4 or parts[0] != "c" or parts[3] != "0" or not all(p.isdecimal() for p in parts[1:3]):
            return None
        row, column = int(parts[1]), int(parts[2])
        size = self._slide.levels[level]
        inside = row * TILE < size.height and column * TILE < size.width
        return (level, row, column) if inside else None

    def _metadata(self, level: int) -> bytes:
        grid = {"name": "regular", "configuration": {"chunk_shape": [TILE, TILE, 3]}}
        said = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self._slide.levels[level].shape),
            "data_type": "uint8",
            "chunk_grid": grid,
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 255,
            "codecs": [{"name": "bytes"}],
            "attributes": {},
            "dimension_names": ["y", "x", "c"],
        }
        return json.dumps(said).encode()

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return several chunks or parts of chunks."""
        return list(await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Return whether there is such a chunk or metadata file."""
        level, _, rest = key.partition("/")
        if not level.isdecimal() or int(level) >= len(self._slide.levels):
            return False
        return rest == "zarr.json" or self._place(int(level), rest) is not None

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse: slides are never written."""
        raise PermissionError("a slide is read-only")

    async def delete(self, key: str) -> None:
        """Refuse: slides are never written."""
        raise PermissionError("a slide is read-only")

    async def list(self) -> AsyncIterator[str]:
        """List the metadata; chunks are computed, not stored."""
        for level in range(len(self._slide.levels)):
            yield f"{level}/zarr.json"

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """List the metadata under a prefix."""
        async for key in self.list():
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """List the names directly under a prefix."""
        start = prefix if not prefix or prefix.endswith("/") else prefix + "/"
        names = {key[len(start) :].split("/")[0] async for key in self.list_prefix(start)}
        for name in sorted(names):
            yield name


def _whole(tile: RGB) -> RGB:
    """Pad a tile at the edge of its level to a full chunk; what is added lies outside the array."""
    if tile.shape == (TILE, TILE, 3):
        return tile
    chunk = np.full((TILE, TILE, 3), 255, dtype=np.uint8)
    chunk[: tile.shape[0], : tile.shape[1]] = tile
    return chunk


def _part(data: Any, wanted: ByteRequest | None) -> Any:
    """Return the requested part of bytes or a flat array."""
    if isinstance(wanted, RangeByteRequest):
        return data[wanted.start : wanted.end]
    if isinstance(wanted, OffsetByteRequest):
        return data[wanted.offset :]
    if isinstance(wanted, SuffixByteRequest):
        return data[max(0, len(data) - wanted.suffix) :]
    return data


def open_arrays(slide: Slide) -> tuple[zarr.Array[Any], ...]:
    """Return the levels of a slide as read-only zarr arrays ``(y, x, 3)`` uint8 with chunks of one tile."""
    store = SlideStore(slide)
    return tuple(zarr.open_array(store=store, path=str(k), mode="r") for k in range(len(slide.levels)))
