"""Alterations of nuclei in pictures: what an audit must find. Nuclei are given as masks, or drawn."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.engine import ImageOperator, Needs
from cytoshift.engine.grid import Shard
from cytoshift.slides.samples.cells import core_outline, polar, soft

RGB = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

HAEMATOXYLIN = (1.1, 1.3, 0.7)
"""Optical density of a drawn nucleus in R, G and B."""


HALF = 40
"""Pixels from the middle of a drawn nucleus to where there is nothing of it."""


@cache
def veil(seed: int, kind: str) -> npt.NDArray[np.float64]:
    """Return the light that a drawn nucleus lets through, ``(80, 80, 3)``."""
    radius, angle = polar(HALF)
    grains = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, radius.shape), 2.0)
    amount = soft(core_outline(kind, seed)[angle] - radius, 2.2) * (1 + 0.25 * grains / grains.std())
    return np.exp(-amount[..., None] * np.array(HAEMATOXYLIN))


def paste_nucleus(image: RGB, y: int, x: int, *, seed: int = 0, kind: str = "intermediate") -> RGB:
    """Lay a drawn nucleus over a picture at 0.25 µm/px; it may reach beyond the picture."""
    altered = image.astype(np.float64)
    top, left = max(y - HALF, 0), max(x - HALF, 0)
    bottom, right = min(y + HALF, image.shape[0]), min(x + HALF, image.shape[1])
    if top < bottom and left < right:
        through = veil(seed, kind)[top - y + HALF : bottom - y + HALF, left - x + HALF : right - x + HALF]
        altered[top:bottom, left:right] *= through
    return altered.round().astype(np.uint8)


class Inventor(ImageOperator):
    """Leaves a slide as it is, but for nuclei at some places x, y in pixels of its raster at 0.25 µm/px."""

    def __init__(self, *places: tuple[int, int]) -> None:
        self.places = places

    @property
    def key(self) -> str:
        return f"invented-{self.places}"

    @property
    def title(self) -> str:
        return "Invented"

    @property
    def needs(self) -> Needs:
        return Needs(mpp=0.25, tile=256, batch=2)

    def apply(self, tiles: RGB) -> RGB:
        return tiles

    def render(self, tiles: Shard, windows: RGB) -> RGB:
        altered = windows.copy()
        for tile, window in zip(tiles, altered, strict=False):
            for x, y in self.places:
                window[:] = paste_nucleus(window, y - tile.y, x - tile.x)
        return altered


def erase_nucleus(image: RGB, nucleus: Mask, others: Mask, mpp: float) -> RGB:
    """Fill a nucleus with the colour of what lies around it."""
    away = ndimage.distance_transform_edt(~nucleus) * mpp
    ring = (away > 1) & (away < 3.5)
    free = ring & ~others
    colour = np.median(image[free if free.sum() > 20 else ring], axis=0)
    share = np.clip(2 - away, 0, 1)[..., None]
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return (image * (1 - share) + share * (colour + noise)).round().clip(0, 255).astype(np.uint8)


def smooth_chromatin(image: RGB, nucleus: Mask, mpp: float) -> RGB:
    """Blur the inside of a nucleus by 1.2 µm, and leave its outline."""
    share = np.clip(ndimage.distance_transform_edt(nucleus) * mpp, 0, 1)[..., None]
    weight = np.maximum(ndimage.gaussian_filter(nucleus.astype(float), 1.2 / mpp), 1e-3)
    blurred = [ndimage.gaussian_filter(image[..., c] * nucleus.astype(float), 1.2 / mpp) / weight for c in range(3)]
    return (image * (1 - share) + share * np.stack(blurred, axis=-1)).round().clip(0, 255).astype(np.uint8)


def scale_nucleus(image: RGB, nucleus: Mask, factor: float) -> RGB:
    """Make a nucleus smaller or larger about its centre; what lies around is stretched."""
    ys, xs = np.nonzero(nucleus)
    cy, cx = ys.mean(), xs.mean()
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    radius = np.hypot(y - cy, x - cx)
    sector = ((np.arctan2(y - cy, x - cx) + np.pi) / (2 * np.pi) * 48).astype(int) % 48
    farthest = np.full(48, np.sqrt(nucleus.sum() / np.pi))
    np.maximum.at(farthest, sector[nucleus], radius[nucleus])
    out = radius / farthest[sector]
    from_ = np.where(out < factor, out / factor, np.where(out < 1.8, 1 + (out - factor) / (1.8 - factor) * 0.8, out))
    stretch = from_ / np.maximum(out, 1e-6)
    at = [cy + (y - cy) * stretch, cx + (x - cx) * stretch]
    planes = [ndimage.map_coordinates(image[..., c].astype(float), at, order=1, mode="nearest") for c in range(3)]
    return np.stack(planes, axis=-1).round().clip(0, 255).astype(np.uint8)
