"""Overlapping images put together: over an overlap, one fades out while the next fades in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Lattice:
    """Images on a lattice anchored at (0, 0), each reaching half the overlap over its core on every side.

    Parameters
    ----------
    side : int
        Pixels of an image.
    overlap : int
        Pixels that neighbours share, even, at most half the side.
    """

    side: int
    overlap: int

    @property
    def core(self) -> int:
        """Pixels from one image to the next."""
        return self.side - self.overlap

    @property
    def halo(self) -> int:
        """Pixels around a core that its image and the eight around it cover."""
        return self.core + self.overlap // 2

    def blended(self, window: RGB, image: Callable[[int, int, RGB], RGB]) -> RGB:
        """Return the core in the middle of a window, blended of the nine images that reach into it.

        Parameters
        ----------
        window : ndarray of uint8, shape (core + 2 halo, core + 2 halo, 3)
        image : callable
            Given row and column on the lattice, -1 to 1 from the core's own, and the pixels there: the image.
        """
        ramps = self._ramps()
        total = np.zeros((self.core, self.core, 3), np.float32)
        for row, (y_core, y_image, y_weight) in ramps.items():
            for column, (x_core, x_image, x_weight) in ramps.items():
                top, left = (row + 1) * self.core, (column + 1) * self.core
                made = image(row, column, window[top : top + self.side, left : left + self.side])
                weight = y_weight[:, None, None] * x_weight[None, :, None]
                total[y_core, x_core] += weight * made[y_image, x_image]
        blended: RGB = np.rint(total).astype(np.uint8)
        return blended

    def _ramps(self) -> dict[int, tuple[slice, slice, Float32]]:
        """Return for each neighbour along one axis: where in the core, where in its image, and how much it counts."""
        half, core = self.overlap // 2, self.core
        fading = (0.5 - (np.arange(half, dtype=np.float32) + np.float32(0.5)) / self.overlap).astype(np.float32)
        own = np.ones(core, np.float32)
        own[:half] -= fading
        own[core - half :] -= fading[::-1]
        return {
            -1: (slice(0, half), slice(self.side - half, self.side), fading),
            0: (slice(0, core), slice(half, half + core), own),
            1: (slice(core - half, core), slice(0, half), fading[::-1]),
        }
