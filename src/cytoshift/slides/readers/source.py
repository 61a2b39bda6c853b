"""What every reader gives: stored levels of a file as RGB pixels, and what the file says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cytoshift.slides.slide import Level

RGB = npt.NDArray[np.uint8]

MAX_SIDE = 1 << 21
"""Longest side in pixels that is believed; the largest scanners stay under 2**19."""

MAX_SEGMENT = 64 << 20
"""Most bytes one stored tile, strip or chunk may decode to: larger ones come from damaged or hostile files."""


class Declined(Exception):
    """A reader does not read such a file; another one may.

    Parameters
    ----------
    reason : str
        What a person is told, after "it", when no other reader takes the file; ``""`` when the format is another.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of itself.

    Parameters
    ----------
    reader : str
        Library and version that decodes the pixels.
    vendor : str
        Scanner maker or format, ``""`` when unknown.
    mpp_yx : tuple of float or None
        µm per level-0 pixel along y and x.
    objective : float or None
        Objective power.
    brightfield : bool or None
        None when the file does not say; the pixels then decide.
    origin : tuple of int
        x, y of the upper left corner in the scanner's own plane, level-0 pixels.
    scanner : str
        Maker and model of the scanner, ``""`` when unknown.
    """

    reader: str
    vendor: str = ""
    mpp_yx: tuple[float, float] | None = None
    objective: float | None = None
    brightfield: bool | None = None
    origin: tuple[int, int] = (0, 0)
    scanner: str = ""


class Source(Protocol):
    """The stored pixels of a file; reading is safe from many threads.

    Attributes
    ----------
    levels : tuple of Level
        Stored levels only, finest first.
    facts : Facts
        What the file says of itself.
    parts : tuple of (str, Path)
        The files whose content identifies the slide, each with a name that does not depend on the place.
    """

    levels: tuple[Level, ...]
    facts: Facts
    parts: tuple[tuple[str, Path], ...]

    def read(self, level: int, y: int, x: int, height: int, width: int) -> RGB:
        """Read a region that lies inside a stored level, as an array ``(height, width, 3)``; raises what it raises."""

    def close(self) -> None:
        """Release the file."""


def levels_from_shapes(shapes: list[tuple[int, int]]) -> tuple[Level, ...]:
    """Build levels from ``(height, width)``, finest first; the downsample is the exact ratio of sizes."""
    height, width = shapes[0]
    return tuple(Level(h, w, (height / h, width / w)) for h, w in shapes)


def believable(mpp_yx: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return µm/px when both values are what a microscope can have (0.01 to 100), None otherwise."""
    if mpp_yx is None or not all(0.01 <= value <= 100.0 for value in mpp_yx):
        return None
    return mpp_yx


def scanner_name(maker: str, model: str) -> str:
    """Return maker and model of a scanner in words; a model that begins with its maker is enough."""
    maker, model = maker.strip(), model.strip()
    return model if model.lower().startswith(maker.lower()) and model else f"{maker} {model}".strip()


def on_white(rgba: RGB) -> RGB:
    """Composite straight (not premultiplied) RGBA on white: empty scan area is white, not black."""
    alpha = rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    weight = alpha.astype(np.uint16)
    mixed = rgba[..., :3] * weight + (255 - weight) * np.uint16(255) + np.uint16(127)
    return (mixed // 255).astype(np.uint8)
