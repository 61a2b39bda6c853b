"""Find nuclei by their darkness alone: classical, so that it is blind to what a network learned.

Of all regions darker than some level (the tree of nested regions of many levels) those are nuclei that have the size
and the roundness of one and the sharpest edge among the regions that contain them or that they contain. Every nucleus
so has a level of its own, however dark the cytoplasm is around it, and nuclei that touch come apart where a level
parts them. After Arteta et al., "Learning to detect cells using non-overlapping extremal regions" (MICCAI 2012),
with a fixed score in place of the learned one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.engine.pace import breathe
from cytoshift.translation.audit.density import Field

Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SMALLEST_UM2 = 12.0
"""Area of the smallest nucleus: a pyknotic one of a superficial cell has 15 µm² or more."""

LARGEST_UM2 = 500.0
"""Area of the largest: a dysplastic one is 16 µm across at times, and twice as long as wide."""

WEAKEST = 0.06
"""Slope of an edge in optical density per µm, below which there is none."""

_LEVELS = np.geomspace(0.1, 3.0, 30)  # optical density; the same for every picture, lest a tile's border shows
_ROUND = 0.80  # share of the ellipse with its moments that a nucleus fills, at least
_HOLE_UM2 = 40.0
_LONGEST = 3.0  # length over width


@dataclass(frozen=True, slots=True, eq=False)
class Nuclei:
    """Nuclei of one picture.

    Parameters
    ----------
    labels : ndarray of int32, shape (h, w)
        0, or the number of a nucleus from 1.
    points : ndarray of float64, shape (n, 2)
        x, y of their centres of mass in pixels; pixel ``i`` covers ``[i, i + 1)``.
    areas : ndarray of float64, shape (n,)
        Pixels.
    edges : ndarray of float64, shape (n,)
        Mean slope of the edge, optical density per µm.
    """

    labels: Labels
    points: Floats
    areas: Floats
    edges: Floats

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True, eq=False)
class _Regions:
    """The regions of one level: label image, place in the level below, and what they measure."""

    labels: Labels
    parents: npt.NDArray[np.intp]
    points: Floats
    areas: Floats
    edges: Floats
    scores: Floats


def find_nuclei(least: Field, mpp: float) -> Nuclei:
    """Find nuclei in the least optical density ``(h, w)`` of three colours, at µm/px."""
    slope = ndimage.gaussian_gradient_magnitude(least, 0.4 / mpp, truncate=3.0) / np.float32(mpp)
    below: Labels | None = None
    tree: list[_Regions] = []
    for level in _LEVELS:
        breathe()
        regions = _regions(_filled(least > level, mpp), slope, below, mpp)
        if regions is None:
            break
        tree.append(regions)
        below = regions.labels
    return _chosen(tree, least.shape)


def _filled(mask: Mask, mpp: float) -> Mask:
    """Fill the holes of a mask: nuclei with coarse chromatin are pale in places."""
    labels, count = ndimage.label(~mask)
    small = np.bincount(labels.ravel(), minlength=count + 1) < _HOLE_UM2 / mpp**2
    small[0] = True  # the mask itself
    return np.asarray(small[labels], bool)


def _regions(mask: Mask, slope: Field, below: Labels | None, mpp: float) -> _Regions | None:
    """Label the regions of a level and measure each."""
    labels, count = ndimage.label(mask)
    if not count:
        return None
    inner = ndimage.binary_erosion(mask, np.ones((3, 3), bool))
    y, x = np.nonzero(mask)
    number = labels[y, x] - 1
    areas = np.bincount(number, minlength=count).astype(np.float64)
    rim = ~inner[y, x]
    on_rim = np.bincount(number[rim], minlength=count)
    edges = np.bincount(number[rim], slope[y[rim], x[rim]], minlength=count) / np.maximum(on_rim, 1)
    moments = [np.bincount(number, values, minlength=count) / areas for values in (x, y)]
    mean_x, mean_y = moments
    dx, dy = x - mean_x[number], y - mean_y[number]
    xx, yy, xy = (np.bincount(number, a * b, minlength=count) / areas for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    xx, yy = xx + 1 / 12, yy + 1 / 12
    spread = np.sqrt(np.maximum(xx * yy - xy**2, 1e-6))
    roundness = areas / (4 * np.pi * spread)
    root = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    length = np.sqrt(((xx + yy) / 2 + root) / np.maximum((xx + yy) / 2 - root, 1e-6))
    area = areas * mpp**2
    fits = (area >= SMALLEST_UM2) & (area <= LARGEST_UM2) & (roundness >= _ROUND) & (length <= _LONGEST)
    scores = np.where(fits & (edges >= WEAKEST), edges * np.minimum(roundness, 1) ** 4, 0)
    one_of = np.zeros(count, np.intp)
    one_of[number] = np.arange(len(number))
    parents = np.full(count, -1) if below is None else below[y[one_of], x[one_of]].astype(np.intp) - 1
    points = np.stack([mean_x + 0.5, mean_y + 0.5], axis=1)
    return _Regions(labels.astype(np.int32), parents, points, areas, edges, scores)


def _chosen(tree: list[_Regions], shape: tuple[int, ...]) -> Nuclei:
    """Choose the regions that score best among all that contain them or that they contain."""
    best = [regions.scores.copy() for regions in tree]  # of a region and all within it
    for k in range(len(tree) - 1, 0, -1):
        np.maximum.at(best[k - 1], tree[k].parents, best[k])
    labels = np.zeros(shape, np.int32)
    points: list[Floats] = []
    areas: list[Floats] = []
    edges: list[Floats] = []
    taken: npt.NDArray[np.bool_] = np.zeros(0, bool)
    for k, regions in enumerate(tree):
        above = taken[regions.parents] if k else np.zeros(len(regions.scores), bool)
        mine = ~above & (regions.scores > 0) & (regions.scores >= best[k])
        numbers = np.zeros(len(mine) + 1, np.int32)
        numbers[1:][mine] = np.arange(len(points), len(points) + mine.sum()) + 1
        if mine.any():
            labels += numbers[regions.labels]
        points.extend(regions.points[mine])
        areas.extend(regions.areas[mine])
        edges.extend(regions.edges[mine])
        taken = above | mine
    return Nuclei(labels, np.array(points).reshape(-1, 2), np.array(areas), np.array(edges))
