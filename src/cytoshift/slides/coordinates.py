"""The only place that converts between level-0 pixels, pixels of another level, micrometres and the viewer's world.

Three spaces, all with the slide's upper left corner as origin:

* **level-0 pixels**, the space of everything stored: continuous, pixel ``i`` covers ``[i, i + 1)``; boxes are
  ``x0, y0, x1, y1``.
* **level-k pixels**: level-0 pixels divided by the level's exact, possibly fractional, downsample.
* **world**, what napari draws: ``(y, x)``, in micrometres where the slide is calibrated, in level-0 pixels where it is
  not. napari puts the *centre* of pixel ``i`` at ``i``, hence the half pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """The physical frame of a slide.

    Parameters
    ----------
    mpp_yx : tuple of float or None
        Micrometres per level-0 pixel along y and x; None while nobody knows.
    """

    mpp_yx: tuple[float, float] | None

    @property
    def scale_yx(self) -> tuple[float, float]:
        """World units per level-0 pixel along y and x."""
        return self.mpp_yx or (1.0, 1.0)

    @property
    def unit(self) -> str:
        """The unit of the world: ``"um"`` or ``"pixel"``."""
        return "um" if self.mpp_yx else "pixel"

    def world_from_level0(self, xy: npt.ArrayLike) -> FloatArray:
        """Convert level-0 points ``(..., 2)`` as x, y to world points ``(..., 2)`` as y, x."""
        points = np.asarray(xy, dtype=np.float64)
        return np.asarray((points[..., ::-1] - 0.5) * np.asarray(self.scale_yx))

    def level0_from_world(self, yx: npt.ArrayLike) -> FloatArray:
        """Convert world points ``(..., 2)`` as y, x to level-0 points ``(..., 2)`` as x, y."""
        points = np.asarray(yx, dtype=np.float64)
        return np.asarray((points / np.asarray(self.scale_yx) + 0.5)[..., ::-1])

    def microns_from_level0(self, xy: npt.ArrayLike) -> FloatArray:
        """Convert level-0 lengths or points ``(..., 2)`` as x, y to micrometres; ValueError if not calibrated."""
        if self.mpp_yx is None:
            raise ValueError("this slide has no µm/px")
        return np.multiply(np.asarray(xy, dtype=np.float64), self.mpp_yx[::-1])

    def level0_from_microns(self, xy: npt.ArrayLike) -> FloatArray:
        """Convert lengths or points ``(..., 2)`` as x, y from micrometres to level-0 pixels; ValueError likewise."""
        if self.mpp_yx is None:
            raise ValueError("this slide has no µm/px")
        return np.divide(np.asarray(xy, dtype=np.float64), self.mpp_yx[::-1])


def level0_from_level(xy: npt.ArrayLike, downsample_yx: tuple[float, float]) -> FloatArray:
    """Convert points ``(..., 2)`` or boxes ``(..., 4)`` from pixels of a level to level-0 pixels."""
    points = np.asarray(xy, dtype=np.float64)
    factors = np.asarray(downsample_yx[::-1] * (points.shape[-1] // 2))
    scaled: FloatArray = points * factors
    return scaled


def level_from_level0(xy: npt.ArrayLike, downsample_yx: tuple[float, float]) -> FloatArray:
    """Convert points ``(..., 2)`` or boxes ``(..., 4)`` from level-0 pixels to pixels of a level."""
    points = np.asarray(xy, dtype=np.float64)
    factors = np.asarray(downsample_yx[::-1] * (points.shape[-1] // 2))
    scaled: FloatArray = points / factors
    return scaled


def magnification_from_mpp(mpp: float) -> float:
    """Objective power at which one screen pixel shows ``mpp`` micrometres; 0.25 µm/px is 40x by convention."""
    return 10.0 / mpp


def mpp_from_objective(objective: float) -> float:
    """Nominal µm/px of a scan at an objective power (40x is 0.25 µm/px): a convention, for slides that say no more."""
    return 10.0 / objective
