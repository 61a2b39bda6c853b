"""Where the tissue is: a mask from a low level that keeps single pale cells and leaves blank glass out.

Optical density is measured against the slide's own white point, so that a dim lamp is no tissue; a smooth surface
through the glass takes uneven illumination out. The threshold is what the glass itself allows, not Otsu's split,
which on a smear falls between pale and dark cells and would lose the pale ones.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from threading import Lock

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.slides.coordinates import Frame, level_from_level0, mpp_from_objective
from cytoshift.slides.pyramid import halve
from cytoshift.slides.slide import Level, Slide

Mask = npt.NDArray[np.bool_]
Field = npt.NDArray[np.float32]

SIDE = 2048
"""Longest side in pixels of the level that is looked at."""

FINEST = 1.0
"""µm/px that is fine enough for a mask, and finer than which no level is looked at."""

COARSEST = 2.1
"""µm/px of a mask at most: what is finer by half or more is made coarser first, where it is not the slide's size that
makes the mask coarser."""

_LEAST = 0.02  # optical density above the glass, below which nothing can be told from shading and dirt
_MOST = 0.09  # pale cytoplasm has more than this
_NEUTRAL = 0.8  # no lamp is more coloured than this: what is, is tissue without any glass
_CLOSE = 0.012  # what is this close to the surface of the glass is glass
_ENOUGH = 0.3  # share of glass from which its surface is trusted
_UNEVEN = 0.2  # the darkest corner of the glass
_SPECK = 25.0  # µm²: less than any cell
_HOLE = 2500.0  # µm²: about one squamous cell
_MARGIN = 4.0  # µm around what was found
_KEPT = 16
_POINTS = 5_000  # of the glass, for six numbers


class Tissue:
    """A mask of tissue.

    Parameters
    ----------
    mask : ndarray of bool, shape (h, w)
        Tissue or glass; covers the whole slide.
    downsample_yx : tuple of float
        Level-0 pixels per pixel of the mask.
    """

    def __init__(self, mask: Mask, downsample_yx: tuple[float, float]) -> None:
        self.mask = mask
        self.mask.flags.writeable = False
        self.downsample_yx = downsample_yx

    @property
    def fraction(self) -> float:
        """Share of the slide that is tissue."""
        return float(self.mask.mean())

    @cached_property
    def _integral(self) -> npt.NDArray[np.float64]:
        sums = np.zeros((self.mask.shape[0] + 1, self.mask.shape[1] + 1))
        sums[1:, 1:] = self.mask.cumsum(0, dtype=np.float64).cumsum(1)
        return sums

    def covered(self, x0: float, y0: float, x1: float, y1: float) -> float:
        """Return the share of tissue, 0 to 1, in the part of a level-0 box that lies on the slide.

        Exact for any box, also one within a pixel of the mask; 0 for a box beside the slide.
        """
        height, width = self.mask.shape
        left, top, right, bottom = level_from_level0((x0, y0, x1, y1), self.downsample_yx)
        left, right = np.clip((left, right), 0, width)
        top, bottom = np.clip((top, bottom), 0, height)
        area = (right - left) * (bottom - top)
        if area <= 0:
            return 0.0
        within = self._sum(bottom, right) - self._sum(top, right) - self._sum(bottom, left) + self._sum(top, left)
        return float(np.clip(round(within / area, 9), 0, 1))

    def areas(self, xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the tissue in each field of a grid, in level-0 pixels².

        Parameters
        ----------
        xs, ys : ndarray of float64, shape (columns + 1,), (rows + 1,)
            Where the fields begin and end, rising, in level-0 pixels.

        Returns
        -------
        ndarray of float64, shape (rows, columns)
        """
        height, width = self.mask.shape
        down, across = self.downsample_yx
        sums = _between(self._integral, np.clip(ys / down, 0, height))
        sums = _between(sums.T, np.clip(xs / across, 0, width)).T
        return np.asarray(np.diff(np.diff(sums, axis=0), axis=1) * down * across)

    def _sum(self, y: float, x: float) -> float:
        """Return the tissue between the origin and a point, in pixels of the mask."""
        row, column = min(int(y), self.mask.shape[0] - 1), min(int(x), self.mask.shape[1] - 1)
        (a, b), (c, d) = self._integral[row : row + 2, column : column + 2]
        v, u = y - row, x - column
        return float((a * (1 - u) + b * u) * (1 - v) + (c * (1 - u) + d * u) * v)

    def area_mm2(self, frame: Frame) -> float | None:
        """Return the area of the tissue in mm²; None where the slide is not calibrated."""
        if frame.mpp_yx is None:
            return None
        pixel = self.downsample_yx[0] * frame.mpp_yx[0] * self.downsample_yx[1] * frame.mpp_yx[1]
        return float(self.mask.sum()) * pixel / 1e6


def _between(rows: npt.NDArray[np.float64], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return values between the rows of a table, each linear between two rows."""
    first = np.minimum(at.astype(int), len(rows) - 2)
    part = (at - first)[:, None]
    return np.asarray(rows[first] * (1 - part) + rows[first + 1] * part)


_found: OrderedDict[tuple[str, tuple[float, float] | None], Tissue] = OrderedDict()
_lock = Lock()


def find_tissue(slide: Slide) -> Tissue:
    """Find the tissue of a slide; the second time it is at hand.

    Parameters
    ----------
    slide : Slide
        Brightfield, where tissue is darker than glass, or fluorescence, where it is brighter than the dark.

    Returns
    -------
    Tissue
        The mask, at the finest level that is not larger than `SIDE` and not finer than `FINEST`, or half of it.

    Raises
    ------
    SlideError
        When the slide cannot be read.
    """
    key = (slide.key, slide.info.mpp_yx)
    with _lock:
        if key in _found:
            _found.move_to_end(key)
            return _found[key]
    tissue = _find(slide)
    with _lock:
        _found[key] = tissue
        while len(_found) > _KEPT:
            _found.popitem(last=False)
    return tissue


def _find(slide: Slide) -> Tissue:
    mpp = slide.mpp or mpp_from_objective(slide.info.objective or 40.0)
    k = next((k for k, level in enumerate(slide.levels) if _suits(level, mpp)), len(slide.levels) - 1)
    level = slide.levels[k]
    image, halvings = slide.read(k, 0, 0, level.height, level.width), 0
    mpp *= level.downsample
    while mpp * 2 <= COARSEST:
        image, mpp, halvings = halve(image), mpp * 2, halvings + 1
    if not slide.info.brightfield:
        image = 255 - image
    y, x = level.downsample_yx
    return Tissue(tissue_mask(image, mpp), (y * 2**halvings, x * 2**halvings))


def _suits(level: Level, mpp: float) -> bool:
    return max(level.height, level.width) <= SIDE and mpp * level.downsample >= FINEST


def tissue_mask(image: npt.NDArray[np.uint8], mpp: float) -> Mask:
    """Return where an RGB image shows tissue on bright glass.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
        Brightfield image.
    mpp : float
        µm per pixel.

    Returns
    -------
    ndarray of bool, shape (h, w)
    """
    smooth = float(np.clip(2.0 / mpp, 0.7, 4.0))
    density = _density(image, smooth)
    surface, noise = _glass(density)
    mask = np.asarray(density > surface + np.clip(5 * noise, _LEAST, _MOST), bool)
    return _tidy(mask, mpp)


def _density(image: npt.NDArray[np.uint8], smooth: float) -> Field:
    """Return the highest optical density of the three colours, against the white point, without its noise."""
    planes = np.moveaxis(image, -1, 0)
    light = np.stack([ndimage.gaussian_filter(plane.astype(np.float32), smooth, truncate=3.0) for plane in planes])
    pure = (planes[0] & planes[1] & planes[2]) == 255  # not scanned, or the camera was saturated
    seen = light[:, ~pure] if 0 < pure.mean() < 0.98 else light.reshape(3, -1)
    bright = seen[0] + seen[1] + seen[2]
    white = np.median(seen[:, bright >= np.percentile(bright, 95)], axis=1)
    white = np.maximum(white, _NEUTRAL * white.max())
    light += 1
    light /= (white + 1).astype(np.float32)[:, None, None]
    least = np.minimum(np.minimum(light[0], light[1]), light[2])
    return np.asarray(np.maximum(-np.log10(least), 0), np.float32)


def _glass(density: Field) -> tuple[Field, float]:
    """Fit a smooth surface to the glass, the lower bound of the density; return it and the noise below it.

    The surface grows from the brightest places: what lies little above it belongs to it in the next round. Where
    there is little glass it is held near zero, lest pale tissue be taken for glass.
    """
    step = max(1, round(np.sqrt(density.size / _POINTS)))
    values = density[::step, ::step]
    terms = _terms(*values.shape)
    values = values.ravel()
    weights: npt.NDArray[np.floating] = np.zeros(6)
    weights[0] = np.percentile(values, 5)
    for _ in range(12):
        above = values - weights @ terms
        pull = np.where(above < 0, 4.0, 1.0) * (above < _CLOSE)  # below the surface is surely glass
        pulled = terms * pull
        products = pulled @ terms.T
        products[np.diag_indices(6)] += 1e-9 * (products[0, 0] + 1)  # where little glass leaves a term free, it is 0
        before, weights = weights, np.linalg.solve(products, pulled @ values)
        if np.array_equal(before, weights):
            break
    above = values - weights @ terms
    highest = _UNEVEN if (np.abs(above) < _CLOSE).mean() > _ENOUGH else _LEAST
    surface = _surface(weights, *density.shape)
    surface -= max(0.0, float(surface.min()) - _LEAST)  # glass as bright as the white point is somewhere
    below = above[above < 0]
    return np.clip(surface, 0, highest), 1.4826 * float(np.median(-below)) if below.size else 0.0


def _terms(height: int, width: int) -> npt.NDArray[np.float64]:
    """Return the terms of the surface, ``(6, height * width)``."""
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].reshape(2, -1)
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v])


def _surface(weights: npt.NDArray[np.floating], height: int, width: int) -> Field:
    """Return the weighted sum of the terms, ``(height, width)``."""
    w = weights.astype(np.float32)
    v = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    u = np.linspace(-1, 1, width, dtype=np.float32)
    surface: Field = (w[0] + w[2] * v + w[5] * v * v) + (w[1] + w[4] * v) * u + w[3] * (u * u)
    return surface


def _tidy(mask: Mask, mpp: float) -> Mask:
    """Drop specks, close small holes, and leave a margin."""
    mask = _without_small(mask, max(2.0, _SPECK / mpp**2))
    mask = _widened(mask, max(1, round(_MARGIN / mpp)))
    return ~_without_small(~mask, _HOLE / mpp**2)


def _without_small(mask: Mask, least: float) -> Mask:
    labels, count = ndimage.label(mask, structure=np.ones((3, 3), int))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    keep = sizes >= least
    keep[0] = False
    return np.asarray(keep[labels], bool)


def _widened(mask: Mask, radius: int) -> Mask:
    """Return a mask with a margin; shifted copies are laid over one another, which is faster than a dilation."""
    height, width = mask.shape
    padded = np.pad(mask, radius)
    wide = np.zeros_like(mask)
    for y, x in np.argwhere(_disc(radius)):
        wide |= padded[y : y + height, x : x + width]
    return wide


def _disc(radius: int) -> Mask:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(y * y + x * x <= radius * radius + 0.5, bool)
