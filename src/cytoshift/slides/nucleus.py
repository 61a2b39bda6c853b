"""The nucleus under a point: what a click on a slide means, found in a few µm around it.

The density that all colours share is cut at several heights, and each cut is opened by several radii, which parts
nuclei that touch. Of these shapes the one at the click with the sharpest edge that is most like an ellipse is the
nucleus, if it is as large and as dark as a nucleus must be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.slides.coordinates import mpp_from_objective
from cytoshift.slides.slide import RGB, Slide

AROUND_UM = 60.0
"""Side of the part that is looked at."""

SMALLEST_UM2, LARGEST_UM2 = 12.0, 700.0
"""Areas between a pyknotic nucleus and that of a large dysplastic cell."""

REACH_UM = 3.0
"""How far from a nucleus a click may miss it."""

CONTRAST = 0.06
"""Optical density by which a nucleus is at least darker than what surrounds it."""

CORNERS = 48

_MPP = 0.4  # µm/px that is looked at: finer shows chromatin, not the edge
_SMOOTH = 0.6  # µm, less than the membrane's blur
_INSIDE = 1.5  # µm around the click that tell how dark the nucleus is
_CUTS = np.linspace(0.2, 0.8, 8)  # between the surroundings and the nucleus
_OPENINGS = (0.0, 1.0, 2.0, 3.0, 4.0)  # µm
_ROUND = 12.0  # how much the likeness to an ellipse counts beside the sharpness of the edge
_LARGE = 0.1  # how much the area counts: clumps of chromatin have edges, too
_ROUNDEST = 0.9  # least likeness to an ellipse
_HARMONICS = 6  # of the outline: finer ones are pixels
_NEAR = 15.0  # µm around the click whose density tells what surrounds it

Density = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Nucleus:
    """A nucleus that was found.

    Parameters
    ----------
    outline : ndarray of float64, shape (CORNERS, 2)
        x, y in level-0 pixels; the first corner is not repeated.
    """

    outline: Points

    @property
    def box(self) -> Box:
        """The box around it, x0, y0, x1, y1 in level-0 pixels."""
        (x0, y0), (x1, y1) = self.outline.min(axis=0), self.outline.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)


@dataclass(frozen=True, slots=True)
class NoNucleus:
    """Why none was found, in a few words that go on after "no nucleus here: "."""

    reason: str


class _Shape(NamedTuple):
    mask: Mask
    score: float


def nucleus_at(slide: Slide, x: float, y: float) -> Nucleus | NoNucleus:
    """Find the nucleus at a level-0 point of a slide; takes some hundredths of a second once the tiles are read.

    Where µm/px are unknown, those that are nominal for the objective, or for 40x, say how large a nucleus is.

    Raises
    ------
    SlideError
        The slide cannot be read.
    """
    mpp = slide.mpp or mpp_from_objective(slide.info.objective or 40.0)
    k = slide.best_level(_MPP / mpp)
    down_y, down_x = slide.levels[k].downsample_yx
    half = round(AROUND_UM / 2 / (mpp * slide.levels[k].downsample))
    column, row = int(x / down_x), int(y / down_y)
    left, top = column - half, row - half
    image = slide.read(k, top, left, 2 * half + 1, 2 * half + 1)
    if not slide.info.brightfield:
        image = 255 - image
    found = find_nucleus(image, x / down_x - left, y / down_y - top, mpp * slide.levels[k].downsample)
    if isinstance(found, NoNucleus):
        return found
    return Nucleus((found.outline + np.array((left, top))) * np.array((down_x, down_y)))


def find_nucleus(image: RGB, x: float, y: float, mpp: float) -> Nucleus | NoNucleus:
    """Find the nucleus at a point of an image.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
        Dark nuclei on something brighter.
    x, y : float
        The point, in pixels.
    mpp : float
        µm per pixel.

    Returns
    -------
    Nucleus or NoNucleus
        The outline is in pixels of the image.
    """
    step = max(1, round(_MPP / mpp))
    height, width = (side // step * step for side in image.shape[:2])
    small = image[:height, :width].astype(np.float32)
    small = small.reshape(height // step, step, width // step, step, 3).mean(axis=(1, 3))
    found = _find(_density(small, mpp * step), x / step, y / step, mpp * step)
    return found if isinstance(found, NoNucleus) else Nucleus(found.outline * step)


def _find(density: Density, x: float, y: float, mpp: float) -> Nucleus | NoNucleus:
    rows, columns = np.indices(density.shape, np.float32) + 0.5
    away = np.hypot(columns - x, rows - y) * mpp
    if not (away <= REACH_UM).any():
        return NoNucleus("the click is beside the slide")
    dark = float(np.percentile(density[away <= REACH_UM], 75))
    around = float(np.percentile(density[away <= _NEAR], 10))
    if dark - around < CONTRAST:
        return NoNucleus("nothing is darker than what is around it")
    best = max(_shapes(density, away, (around, dark), mpp), key=lambda shape: shape.score, default=None)
    if best is None:
        return NoNucleus("nothing of the size and shape of a nucleus")
    outline = _outline(best.mask)
    ring = ndimage.binary_dilation(best.mask, iterations=max(1, round(2 / mpp))) & ~best.mask
    if float(np.median(density[best.mask]) - np.median(density[ring])) < CONTRAST:
        return NoNucleus("nothing is darker than what is around it")
    return Nucleus(outline)


def _density(image: npt.NDArray[np.float32], mpp: float) -> Density:
    """Return the optical density that red and green share: orange cytoplasm has little in red, teal little in green."""
    smooth = _SMOOTH / mpp
    light = np.stack([ndimage.gaussian_filter(image[..., channel], smooth) for channel in (0, 1)])
    density = -np.log10((light + 1) / 256)
    return np.asarray(density.min(axis=0), np.float32)


def _shapes(density: Density, away: Density, span: tuple[float, float], mpp: float) -> Iterator[_Shape]:
    """Yield the shapes at the click that may be a nucleus."""
    around, dark = span
    steep = ndimage.gaussian_gradient_magnitude(density, 1.0) / (dark - around)
    for cut in _CUTS:
        mask = _at_click(density > around + cut * (dark - around), away)
        if mask is None:
            continue
        mask = ndimage.binary_fill_holes(mask)
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] * mpp
        for radius in _OPENINGS:
            part = _opened(mask, depth, radius, away, mpp) if radius else mask
            shape = None if part is None else _judged(part, steep, away, mpp)
            if shape is not None:
                yield shape


def _at_click(mask: Mask, away: Density) -> Mask | None:
    """Return the connected part that lies under the click, or nearest to it; None where that is too far."""
    labels, _ = ndimage.label(mask)
    near = np.where(mask, away, np.inf)
    at = np.unravel_index(int(np.argmin(near)), near.shape)
    return np.asarray(labels == labels[at], bool) if near[at] <= REACH_UM else None


def _opened(mask: Mask, depth: Density, radius: float, away: Density, mpp: float) -> Mask | None:
    """Return the part of a mask at the click that a disc fills."""
    core = depth > radius
    if not core.any():
        return None
    labels, _ = ndimage.label(core)
    near = np.where(core, away - depth, np.inf)  # the disc around a point of the core reaches as far as it is deep
    at = np.unravel_index(int(np.argmin(near)), near.shape)
    if near[at] > REACH_UM:
        return None
    outside = ndimage.distance_transform_edt(labels != labels[at]) * mpp
    return np.asarray(mask & (outside <= radius), bool)


def _judged(mask: Mask, steep: Density, away: Density, mpp: float) -> _Shape | None:
    """Return a shape with its score, None where a nucleus is not so large, or not of that form."""
    area = int(mask.sum())
    touches = mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()
    if touches or not SMALLEST_UM2 <= area * mpp**2 <= LARGEST_UM2:
        return None
    likeness = area / (4 * np.pi * np.sqrt(max(np.linalg.det(np.cov(np.nonzero(mask))), 1e-6)))
    if likeness < _ROUNDEST:
        return None
    edge = mask & ~ndimage.binary_erosion(mask)
    missed = max(0.0, float(away[mask].min()) - mpp)
    return _Shape(mask, float(steep[edge].mean() * likeness**_ROUND * area**_LARGE * np.exp(-missed)))


def _outline(mask: Mask) -> Points:
    """Return a smooth outline of a shape: how far it reaches in each direction, without its finest waves."""
    rows, columns = np.nonzero(mask)
    y, x = rows.mean(), columns.mean()
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    along = np.arange(0, np.hypot(*mask.shape), 0.25)
    direction = np.stack([np.sin(angles), np.cos(angles)])
    at = np.array([y, x])[:, None, None] + direction[:, :, None] * along
    inside = ndimage.map_coordinates(mask.astype(np.float32), at.reshape(2, -1), order=1).reshape(CORNERS, -1) > 0.5
    reach = along[inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)] * inside.any(axis=1)
    waves = np.fft.rfft(reach)
    waves[_HARMONICS + 1 :] = 0
    reach = np.maximum(np.fft.irfft(waves, CORNERS), 0.5)
    return np.stack([x + 0.5 + reach * direction[1], y + 0.5 + reach * direction[0]], axis=1)
