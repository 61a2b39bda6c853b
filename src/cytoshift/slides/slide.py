"""A slide: a pyramid of RGB images in a physical frame.

A file on disk is a `Slide` (`slides.pyramid.FileSlide`); a slide seen through an operator is a `Slide` too
(`engine.derived.DerivedSlide`). Nobody downstream can tell the difference.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cytoshift.slides.cache import TileCache, shared_cache
from cytoshift.slides.coordinates import Frame

if TYPE_CHECKING:
    import dask.array as da
    import zarr

RGB = npt.NDArray[np.uint8]

TILE = 512
"""Side in pixels of the tiles in which every slide is read, cached and shown."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a pyramid.

    Parameters
    ----------
    height, width : int
        Size in pixels of this level.
    downsample_yx : tuple of float
        Level-0 pixels per pixel of this level, exact: 2.0005 stays 2.0005.
    """

    height: int
    width: int
    downsample_yx: tuple[float, float]

    @property
    def downsample(self) -> float:
        """Mean of the downsamples along y and x."""
        return (self.downsample_yx[0] + self.downsample_yx[1]) / 2

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the level as an RGB array."""
        return (self.height, self.width, 3)


@dataclass(frozen=True, slots=True)
class SlideInfo:
    """What a slide says of itself.

    Parameters
    ----------
    name : str
        File name, for people.
    identity : str
        A fingerprint of the content (hex) that survives renaming and moving.
    reader : str
        Library and version that decodes the pixels, e.g. ``"tifffile 2026.3.3"``.
    vendor : str
        Scanner maker or format in words, ``""`` when unknown.
    mpp_yx : tuple of float or None
        µm per level-0 pixel along y and x.
    objective : float or None
        Objective power of the scan.
    brightfield : bool
        False when the slide was recognised as fluorescence; stain methods then refuse it.
    origin : tuple of int
        x, y of the upper left corner in the scanner's own plane (the MRXS bounds offset), level-0 pixels.
    path : str
        Where it was opened from.
    scanner : str
        Maker and model of the scanner, as far as the file says; ``""`` when unknown.
    """

    name: str
    identity: str
    reader: str
    vendor: str = ""
    mpp_yx: tuple[float, float] | None = None
    objective: float | None = None
    brightfield: bool = True
    origin: tuple[int, int] = (0, 0)
    path: str = ""
    scanner: str = ""


class Slide(ABC):
    """A pyramid of RGB images in a physical frame; immutable, safe to read from many threads.

    Subclasses set `info` and `levels` and compute tiles; reading, caching and array views are here.
    """

    info: SlideInfo
    levels: tuple[Level, ...]

    def __init__(self, info: SlideInfo, levels: tuple[Level, ...], *, cache: TileCache | None = None) -> None:
        self.info = info
        self.levels = levels
        self._cache = shared_cache() if cache is None else cache

    @abstractmethod
    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        """Compute the tile whose upper left pixel is ``(row * TILE, column * TILE)`` of a level, cut at the edges."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What identifies these pixels: the content's identity, and the operators it is seen through."""

    @property
    def name(self) -> str:
        """File name, for people."""
        return self.info.name

    @property
    def frame(self) -> Frame:
        """The physical frame."""
        return Frame(self.info.mpp_yx)

    @property
    def mpp(self) -> float | None:
        """µm per level-0 pixel, the mean of both axes; None while nobody knows."""
        return None if self.info.mpp_yx is None else sum(self.info.mpp_yx) / 2

    def tile(self, level: int, row: int, column: int) -> RGB:
        """Return a tile, from the cache where it is there. Do not write into it."""
        return self._cache.get((self.key, level, row, column), lambda: self.compute_tile(level, row, column))

    def cached_tile(self, level: int, row: int, column: int) -> RGB | None:
        """Return a tile if it is in the cache, None otherwise; never computes, never waits."""
        return self._cache.peek((self.key, level, row, column))

    def read(self, level: int, y: int, x: int, height: int, width: int) -> RGB:
        """Read a region.

        Parameters
        ----------
        level : int
            Pyramid level.
        y, x, height, width : int
            Region in pixels of that level. What lies outside the slide is white.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3)
        """
        region = np.empty((height, width, 3), np.uint8)
        rows, columns = self.levels[level].height, self.levels[level].width
        top, bottom = max(y, 0), min(y + height, rows)
        left, right = max(x, 0), min(x + width, columns)
        if (top, bottom, left, right) != (y, y + height, x, x + width):
            region[:] = 255
        if top >= bottom or left >= right:
            return region
        for row in range(top // TILE, (bottom - 1) // TILE + 1):
            for column in range(left // TILE, (right - 1) // TILE + 1):
                tile = self.tile(level, row, column)
                y0, x0 = row * TILE, column * TILE
                ya, yb = max(top, y0), min(bottom, y0 + tile.shape[0])
                xa, xb = max(left, x0), min(right, x0 + tile.shape[1])
                region[ya - y : yb - y, xa - x : xb - x] = tile[ya - y0 : yb - y0, xa - x0 : xb - x0]
        return region

    @cached_property
    def arrays(self) -> tuple[zarr.Array[Any], ...]:
        """The levels as read-only zarr arrays ``(y, x, 3)`` uint8 with chunks of one tile."""
        from cytoshift.slides.store import open_arrays

        return open_arrays(self)

    def dask(self, level: int = 0) -> da.Array:
        """Return a level as a dask array ``(y, x, 3)`` uint8 with chunks of one tile."""
        import dask.array as da

        array: da.Array = da.from_array(  # type: ignore[no-untyped-call]
            self.arrays[level], chunks=(TILE, TILE, 3), name=f"{self.key}-{level}"
        )
        return array

    def best_level(self, downsample: float) -> int:
        """Return the coarsest level that is still at least as fine as a downsample (within 1 %)."""
        fine = [k for k, level in enumerate(self.levels) if level.downsample <= downsample * 1.01]
        return max(fine, default=0)

    @abstractmethod
    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> Slide:
        """Return the same slide with µm/px as a person set it; pixels and caches are shared."""

    def close(self) -> None:  # noqa: B027  (a slide without files has nothing to release)
        """Release files. Reading afterwards is an error."""
