"""Where a tile's core lies in its window, and where the window lies between tile centres."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Window:
    """A tile and its halo, in pixels of the image; features may be coarser by a whole number.

    Parameters
    ----------
    tile : int
        Side of the core.
    halo : int
        Context on every side, at most half a tile: the window then ends before the neighbours' centres.
    """

    tile: int
    halo: int

    def __post_init__(self) -> None:
        if 2 * self.halo > self.tile:
            raise ValueError(f"a halo of {self.halo} px is more than half a tile of {self.tile} px")

    @property
    def side(self) -> int:
        """Side of the window in pixels."""
        return self.tile + 2 * self.halo

    def inside(self, downsample: int, height: int, width: int) -> tuple[slice, slice]:
        """Return the rows and columns of features that belong to the core's part on the slide, at least one each.

        Parameters
        ----------
        downsample : int
            Pixels per feature.
        height, width : int
            Pixels of the core that lie on the slide.
        """
        start = self.halo // downsample
        return slice(start, start - (-height // downsample)), slice(start, start - (-width // downsample))

    def weights(self, downsample: int, device: torch.device) -> Tensor:
        """Return how much the centres of the tile before, the tile itself and the tile after count at every feature.

        Returns
        -------
        Tensor of float32, shape (side / downsample, 3)
            Rows add up to 1: a straight line between two centres.
        """
        return _weights(self.tile // downsample, self.halo // downsample, device)


@lru_cache(maxsize=64)
def _weights(tile: int, halo: int, device: torch.device) -> Tensor:
    places = (torch.arange(tile + 2 * halo, dtype=torch.float64) - halo + 0.5) / tile + 0.5
    distances = (places[:, None] - torch.arange(3)).abs()
    return (1 - distances).clamp_(min=0).float().to(device)
