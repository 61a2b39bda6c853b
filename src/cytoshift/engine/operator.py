"""Operators: what maps tiles of a slide to tiles, or to findings. The engine walks the slide for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from cytoshift.engine.doubles import Doubles, Overlap
from cytoshift.engine.measures import Measures

if TYPE_CHECKING:
    from cytoshift.engine.grid import Shard
    from cytoshift.slides.slide import Slide

RGB = npt.NDArray[np.uint8]

MOST_PIXELS = 8192
"""Side of the largest tile, view or halo that a model's card may ask for: more would take gigabytes for one tile."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an operator asks of the engine.

    Parameters
    ----------
    mpp : float or None
        µm/px it works at; None for "whatever level it is given" (pointwise operators).
    tile : int
        Side in pixels of the core it computes at once, a multiple of `alignment`.
    halo : int
        Pixels of context around the core, a multiple of `alignment`.
    alignment : int
        Tile origins, halo included, are multiples of this.
    batch : int
        Tiles per call.
    """

    mpp: float | None = None
    tile: int = 512
    halo: int = 0
    alignment: int = 1
    batch: int = 8

    def __post_init__(self) -> None:
        if self.tile % self.alignment or self.halo % self.alignment:
            raise ValueError(f"tile {self.tile} and halo {self.halo} must be multiples of {self.alignment}")


@dataclass(frozen=True, slots=True)
class TileBoxes:
    """What a finding operator found in one tile.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in pixels of the tile as it was given, halo included.
    scores : ndarray of float32, shape (n,)
    labels : ndarray of int16, shape (n,)
    measures : mapping of str to ndarray of float32, shape (n,)
        What the operator says it measures, `FindingOperator.measures`.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]
    measures: Measures = field(default_factory=dict)


class Operator(ABC):
    """A step that can be applied to a slide tile by tile. Immutable once prepared; can be pickled."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What identifies the result: method or model version, parameters and slide statistics."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The name a person reads."""

    @property
    def needs(self) -> Needs:
        """What the engine must hand over."""
        return Needs()

    def prepare(self, slide: Slide) -> Self:
        """Return this operator bound to a slide's statistics (a stain fit, say); itself without any."""
        return self


class ImageOperator(Operator):
    """RGB tiles to RGB tiles of the same size."""

    @property
    def pointwise(self) -> bool:
        """Whether every pixel depends on that pixel alone, so that the operator may run at any level."""
        return False

    @abstractmethod
    def apply(self, tiles: RGB) -> RGB:
        """Map tiles ``(batch, y, x, 3)``, halo included, to tiles of the same shape; the engine cuts it."""

    def render(self, tiles: Shard, windows: RGB) -> RGB:
        """Map the windows of tiles whose places on the grid are known; `apply` for operators to which they are nothing.

        Parameters
        ----------
        tiles : tuple of Tile
            May be fewer than the windows: a short batch is filled up.
        windows : ndarray of uint8, shape (batch, window, window, 3)
        """
        return self.apply(windows)


class FindingOperator(Operator):
    """RGB tiles to boxes."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that the labels index."""

    @property
    @abstractmethod
    def model(self) -> tuple[str, str]:
        """Id and version of the model, for the provenance."""

    @property
    @abstractmethod
    def threshold(self) -> float:
        """Score below which boxes are not returned."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the numbers that each finding carries besides its score."""
        return ()

    @property
    def doubles(self) -> Doubles:
        """How two boxes around the same cell are recognised, here in neighbouring tiles."""
        return Overlap()

    @abstractmethod
    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        """Find boxes in tiles ``(batch, y, x, 3)``, in pixels of the tile with its halo."""
