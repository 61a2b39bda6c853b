"""A slide from a file: its stored levels, and the factor-2 levels the file leaves out.

A missing level is the 2 x 2 box mean of the next finer one, computed tile by tile when somebody looks at it. Its
size is rounded up and its downsample is exactly twice that of the level it comes from.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cytoshift.slides.cache import TileCache
from cytoshift.slides.readers.quiet import quiet_logs
from cytoshift.slides.readers.source import Source
from cytoshift.slides.slide import RGB, TILE, Level, Slide, SlideInfo

COARSEST = 1024
"""Longest side in pixels under which no further level is made."""

_GAP = 2.0 * 2**0.5
"""Stored levels further apart than this get a level between."""

_BAND = 64  # rows that are made at once: what they take stays in the processor's cache

OnProblem = Callable[[str], None]


@dataclass(slots=True)
class _Problems:
    """What went wrong while reading, each once, shared by all views of a file."""

    texts: list[str]
    seen: set[tuple[int, int, int]]
    lock: threading.Lock
    tell: OnProblem | None


class FileSlide(Slide):
    """A slide read from a file or a folder; `slides.open.open_slide` makes it.

    Pickling keeps the path and the calibration: the slide is opened anew where it is unpickled.

    Parameters
    ----------
    source : Source
        Stored levels.
    info : SlideInfo
        What is known of the slide; its path must lead to the file.
    cache : TileCache, optional
        Default: the one of this process.
    on_problem : callable, optional
        Told once, in the reading thread, of every tile that cannot be read.

    Attributes
    ----------
    stored : tuple of bool
        For every level, whether the file stores it.
    """

    def __init__(
        self,
        source: Source,
        info: SlideInfo,
        *,
        cache: TileCache | None = None,
        on_problem: OnProblem | None = None,
    ) -> None:
        planned = plan_levels(source.levels)
        super().__init__(info, tuple(level for level, _ in planned), cache=cache)
        self._source = source
        self._stored = tuple(index for _, index in planned)
        self._problems = _Problems([], set(), threading.Lock(), on_problem)
        self.stored = tuple(index is not None for index in self._stored)

    @property
    def key(self) -> str:
        """The identity of the content."""
        return self.info.identity

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about tiles that could not be read, each once."""
        return tuple(self._problems.texts)

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        """Read or synthesize a tile; one that cannot be read is drawn as a hatch and reported once."""
        size = self.levels[level]
        y, x = row * TILE, column * TILE
        height, width = min(TILE, size.height - y), min(TILE, size.width - x)
        if y < 0 or x < 0 or height <= 0 or width <= 0:
            raise IndexError(f"level {level} has no tile {row}, {column}")
        stored = self._stored[level]
        if stored is None:
            return self._halved(level, row, column)
        try:
            with quiet_logs():
                return self._source.read(stored, y, x, height, width)
        except Exception as error:
            self._report(level, row, column, error)
            return hatch(height, width)

    def _halved(self, level: int, row: int, column: int) -> RGB:
        fine = self.levels[level - 1]
        y, x = 2 * row * TILE, 2 * column * TILE
        height, width = min(2 * TILE, fine.height - y), min(2 * TILE, fine.width - x)
        return halve(self.read(level - 1, y, x, height, width))

    def _report(self, level: int, row: int, column: int, error: Exception) -> None:
        problems = self._problems
        with problems.lock:
            if (level, row, column) in problems.seen:
                return
            problems.seen.add((level, row, column))
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            text = (
                f"{self.name}: the tile at x {column * TILE}, y {row * TILE} of level {level} cannot be read "
                f"({reason}); it is drawn hatched."
            )
            problems.texts.append(text)
        if problems.tell is not None:
            problems.tell(text)

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> FileSlide:
        """Return the same slide with µm/px as a person set it; file, cache and problems are shared.

        Parameters
        ----------
        mpp_yx : tuple of float
            µm per level-0 pixel along y and x, both greater than zero.
        objective : float, optional
            Objective power; left out, the slide's own stays.
        """
        if not all(0 < value < float("inf") for value in mpp_yx):
            raise ValueError(f"µm/px must be greater than zero, not {mpp_yx}")
        other = FileSlide.__new__(FileSlide)
        other.__dict__.update({k: v for k, v in self.__dict__.items() if k != "arrays"})
        power = self.info.objective if objective is None else objective
        other.info = replace(self.info, mpp_yx=mpp_yx, objective=power)
        return other

    def close(self) -> None:
        """Release the file, for all calibrated views of it too."""
        self._source.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.info.path, self.info.mpp_yx, self.info.objective)


def _reopen(path: str, mpp_yx: tuple[float, float] | None, objective: float | None) -> FileSlide:
    from cytoshift.slides.open import open_slide

    slide = open_slide(Path(path))
    return slide if mpp_yx is None else slide.calibrated(mpp_yx, objective)


def plan_levels(stored: Sequence[Level]) -> list[tuple[Level, int | None]]:
    """Return all levels of a slide, finest first, each with its index among the stored ones or None."""
    planned: list[tuple[Level, int | None]] = [(stored[0], 0)]
    for index, level in enumerate(stored[1:], start=1):
        while level.downsample / planned[-1][0].downsample > _GAP:
            planned.append((_half(planned[-1][0]), None))
        planned.append((level, index))
    while max(planned[-1][0].height, planned[-1][0].width) > COARSEST:
        planned.append((_half(planned[-1][0]), None))
    return planned


def _half(level: Level) -> Level:
    y, x = level.downsample_yx
    return Level(-(-level.height // 2), -(-level.width // 2), (2 * y, 2 * x))


def halve(pixels: RGB) -> RGB:
    """Return the rounded 2 x 2 means of ``(y, x, 3)``; an odd side repeats its last pixels."""
    height, width, _ = pixels.shape
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    halved = np.empty((height, width, 3), np.uint8)
    sums, means = np.empty((_BAND, 2 * width, 3), np.uint16), np.empty((_BAND, width), np.uint16)
    for y in range(0, height, _BAND):
        band = pixels[2 * y : 2 * (y + _BAND)]
        rows, mean = sums[: len(band) // 2], means[: len(band) // 2]
        rows[:] = band[::2]
        rows += band[1::2]
        flat = rows.reshape(len(rows), -1)
        for channel in range(3):  # one at a time: sums over long strides run several times faster than over threes
            np.add(flat[:, channel::6], flat[:, channel + 3 :: 6], out=mean)
            mean += 2
            mean >>= 2
            halved[y : y + _BAND, :, channel] = mean
    return halved


@lru_cache(maxsize=8)
def _hatching(height: int, width: int) -> RGB:
    y, x = np.ogrid[:height, :width]
    lines = (y + x) % 32 < 4
    return np.where(lines[..., None], np.uint8(150), np.uint8(225)).repeat(3, axis=-1)


def hatch(height: int, width: int) -> RGB:
    """Return grey diagonal lines: the picture of a tile that cannot be read."""
    return _hatching(height, width).copy()
