"""When a box that was found counts as the cell that is there: by overlap, or by the distance of their centres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

MITOSIS_UM = 7.5
"""µm between centres within which MIDOG counts a mitosis as found (Aubreville et al., Medical Image Analysis 2023)."""


@dataclass(frozen=True, slots=True)
class ByOverlap:
    """A box is on a cell where their intersection is at least ``least`` of their union."""

    least: float = 0.5

    def nearness(self, found: Boxes, there: Boxes) -> Values:
        """Return intersection over union ``(n, m)``."""
        return box_overlap(found, there)

    def spared(self, found: Boxes, ignored: Boxes) -> npt.NDArray[np.bool_]:
        """Return which boxes ``(n,)`` lie over an ignored place, if only in part."""
        return np.asarray((box_overlap(found, ignored) > 0).any(axis=1), np.bool_)


@dataclass(frozen=True, slots=True)
class ByDistance:
    """A box is on a cell where their centres are at most a distance apart, in the unit of the boxes."""

    distance: float = MITOSIS_UM

    @property
    def least(self) -> float:
        """The nearness that is needed."""
        return -self.distance

    def nearness(self, found: Boxes, there: Boxes) -> Values:
        """Return the distance of centres ``(n, m)``, negative: what is nearest is most."""
        apart = box_centres(found)[:, None] - box_centres(there)[None]
        return np.asarray(-np.hypot(apart[..., 0], apart[..., 1]), np.float64)

    def spared(self, found: Boxes, ignored: Boxes) -> npt.NDArray[np.bool_]:
        """Return which boxes ``(n,)`` have their centre in an ignored place."""
        at, corners = box_centres(found)[:, None], ignored.astype(np.float64)[None]
        inside = np.all((at >= corners[..., :2]) & (at < corners[..., 2:]), axis=2)
        return np.asarray(np.any(inside, axis=1), np.bool_)


Matching = ByOverlap | ByDistance


def box_centres(boxes: Boxes) -> Values:
    """Return the centres x, y ``(n, 2)`` of boxes ``(n, 4)``."""
    corners = boxes.astype(np.float64)
    return (corners[:, :2] + corners[:, 2:]) / 2


def box_overlap(a: Boxes, b: Boxes) -> Values:
    """Return the intersection over union ``(n, m)`` of boxes ``(n, 4)`` and ``(m, 4)``."""
    a64, b64 = a.astype(np.float64)[:, None], b.astype(np.float64)[None]
    sides = np.minimum(a64[..., 2:], b64[..., 2:]) - np.maximum(a64[..., :2], b64[..., :2])
    common = np.prod(np.clip(sides, 0, None), axis=-1)
    areas = [np.prod(box[..., 2:] - box[..., :2], axis=-1) for box in (a64, b64)]
    union = areas[0] + areas[1] - common
    ratio: Values = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return ratio
