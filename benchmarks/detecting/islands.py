"""A slide of 100,000 px that is nearly all glass, with islands of drawn smear whose every cell is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoshift.slides import TileCache
from cytoshift.slides.pyramid import halve
from cytoshift.slides.samples import Scene, Truth, render_tile
from cytoshift.slides.slide import TILE, Level, Slide, SlideInfo

RGB = npt.NDArray[np.uint8]

SIDE = 100_000
MPP = 0.25
ISLAND = 2048
"""Side of an island."""
APART = 4096
"""Islands lie somewhere on squares of this side, so that none touch."""
SMALLEST = 1024


class Islands(Slide):
    """Smears of 2048 px, each of another patient, on a slide that is white elsewhere; costs neither disk nor memory.

    Parameters
    ----------
    count : int
        Islands, up to 576.
    seed : int
        Of the first smear, and of where the islands lie.
    """

    def __init__(self, count: int, seed: int = 0) -> None:
        self._scenes = [Scene(seed + which) for which in range(count)]
        random = np.random.default_rng(seed)
        across = SIDE // APART
        squares = np.stack(np.divmod(random.permutation(across**2)[:count], across), axis=1) * APART
        self.corners = squares + random.integers(0, APART - ISLAND - TILE, (count, 2))
        """y, x of each island's upper left pixel."""
        levels = [Level(SIDE, SIDE, (1.0, 1.0))]
        while levels[-1].height > SMALLEST:
            length, downsample = -(-levels[-1].height // 2), 2.0 ** len(levels)
            levels.append(Level(length, length, (downsample, downsample)))
        name = f"islands-{count}-{seed}"
        super().__init__(SlideInfo(name, name, "memory", mpp_yx=(MPP, MPP)), tuple(levels), cache=TileCache(256 << 20))

    @property
    def key(self) -> str:
        return self.info.identity

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        here = self.levels[level]
        y, x = row * TILE, column * TILE
        height, width = min(TILE, here.height - y), min(TILE, here.width - x)
        reach = 2**level
        near = self._near(y * reach, x * reach, TILE * reach)
        if not len(near):
            return np.full((height, width, 3), 255, np.uint8)
        if level:
            finer = self.levels[level - 1]
            size = min(2 * TILE, finer.height - 2 * y), min(2 * TILE, finer.width - 2 * x)
            return halve(self.read(level - 1, 2 * y, 2 * x, *size))
        tile = np.full((height, width, 3), 255, np.uint8)
        for which in near.tolist():
            top, left = self.corners[which].tolist()
            y0, y1 = max(y, top), min(y + height, top + ISLAND)
            x0, x1 = max(x, left), min(x + width, left + ISLAND)
            drawn = render_tile(self._scenes[which], y0 - top, x0 - left, y1 - y0, x1 - x0, "home")
            tile[y0 - y : y1 - y, x0 - x : x1 - x] = drawn
        return tile

    def truth(self) -> Truth:
        """Return the cells whose nucleus has its centre on an island."""
        truths = [scene.truth(ISLAND, ISLAND) for scene in self._scenes]
        shifted = [truth.boxes + np.tile(corner[::-1], 2) for truth, corner in zip(truths, self.corners, strict=True)]
        labels = np.concatenate([truth.labels for truth in truths])
        return Truth(np.concatenate(shifted).astype(np.float32), labels, truths[0].classes)

    def depth(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return how many pixels points ``(n, 2)``, x and y, lie within an island; negative on the glass."""
        low = points[:, None, ::-1] - self.corners[None]
        depth: npt.NDArray[np.float64] = np.minimum(low, ISLAND - low).min(axis=2).max(axis=1, initial=-np.inf)
        return depth

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> Islands:
        raise NotImplementedError("its µm/px is known")

    def _near(self, y: int, x: int, side: int) -> npt.NDArray[np.int64]:
        """Return which islands reach into a square."""
        corner = np.array([y, x])
        touches = (self.corners < corner + side) & (self.corners + ISLAND > corner)
        return np.flatnonzero(touches.all(axis=1))
