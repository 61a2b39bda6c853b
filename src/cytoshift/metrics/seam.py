"""Whether tiles that were computed one by one show where they meet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.structure import LUMINANCE

RGB = npt.NDArray[np.uint8]

_STRIP = 256  # rows looked at together, so that a large image needs little memory
_BLOCK = 16  # px: JPEG cuts images into blocks of 8 or 16


@dataclass(frozen=True, slots=True)
class Seams:
    """Steps of luma between neighbouring pixels, summed along y and along x; sums of several regions can be added.

    Parameters
    ----------
    across, elsewhere : tuple of float
        Sum of the absolute steps along y and along x that cross a tile border, and of those they are compared with.
    borders, others : tuple of int
        How many of each there are.
    """

    across: tuple[float, float] = (0.0, 0.0)
    elsewhere: tuple[float, float] = (0.0, 0.0)
    borders: tuple[int, int] = (0, 0)
    others: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, image: RGB, tile: int, origin: tuple[int, int] = (0, 0)) -> Self:
        """Sum the steps of an image; the parameters are those of `seam_ratio`.

        Raises
        ------
        ValueError
            When the tile is smaller than 2 pixels.
        """
        if tile < 2:
            raise ValueError(f"a tile of {tile} px has no inside")
        sums = np.zeros((2, 2))  # along y, along x; elsewhere, across
        counts = np.zeros((2, 2), np.int64)
        weights = np.array(LUMINANCE, np.float32)
        spacing = math.gcd(tile, _BLOCK) % tile or 1
        for top in range(0, image.shape[0], _STRIP):
            luma = image[top : top + _STRIP + 1].astype(np.float32) @ weights
            for axis, values in ((0, luma), (1, luma[:_STRIP].T)):
                start = origin[axis] + (top if axis == 0 else 0)
                after = start + 1 + np.arange(max(len(values) - 1, 0))
                border = after % tile == 0
                steps = np.abs(np.diff(values, axis=0)).sum(axis=1, dtype=np.float64)
                for side, chosen in enumerate((~border & (after % spacing == 0), border)):
                    sums[axis, side] += steps[chosen].sum()
                    counts[axis, side] += int(chosen.sum()) * values.shape[1]
        (y, x), (many_y, many_x) = sums.tolist(), counts.tolist()
        return cls((y[1], x[1]), (y[0], x[0]), (many_y[1], many_x[1]), (many_y[0], many_x[0]))

    def __add__(self, other: Seams) -> Seams:
        """Return the sums of both."""
        (a, b), (c, d) = self.across, other.across
        (e, f), (g, h) = self.elsewhere, other.elsewhere
        (i, j), (k, m) = self.borders, other.borders
        (n, o), (p, q) = self.others, other.others
        return Seams((a + c, b + d), (e + g, f + h), (i + k, j + m), (n + p, o + q))

    @property
    def ratio(self) -> float:
        """The seam ratio: the mean step across borders over that expected of as many steps elsewhere.

        Steps along y and along x are expected apart, so that an image with more structure along one axis and more
        borders along the other has the ratio 1 all the same. 1 where nothing changes anywhere.

        Raises
        ------
        ValueError
            When no tile border was seen.
        """
        if not any(self.borders):
            raise ValueError("the image shows no tile border")
        expected = sum(
            many * total / max(others, 1)
            for many, total, others in zip(self.borders, self.elsewhere, self.others, strict=True)
        )
        across = sum(self.across)
        if expected == 0:
            return 1.0 if across == 0 else math.inf
        return across / expected


def seam_ratio(image: RGB, tile: int, origin: tuple[int, int] = (0, 0)) -> float:
    """Return the mean gradient magnitude of luma across tile borders over that elsewhere.

    The gradient is the absolute step between the two pixels on either side: what a seam adds is in that step alone,
    and a wider filter would dilute it. Elsewhere is where steps are alike but for the tiles: an image that was ever a
    JPEG has larger steps every 8 pixels, tile borders among them, so borders are compared with the other multiples of
    16 (of the largest power of two up to it that divides the tile). 1 means that borders look like any other place;
    how far from 1 an image without seams comes depends on its cells, so the untouched image's ratio belongs beside it.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
        RGB.
    tile : int
        Side in pixels of the tiles' cores; borders lie at its multiples.
    origin : tuple of int
        y, x of the image's upper left pixel on the raster of the tiles.

    Raises
    ------
    ValueError
        The image shows no tile border, or the tile is smaller than 2 pixels.
    """
    return Seams.of(image, tile, origin).ratio
