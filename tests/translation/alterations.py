"""Alterations of nuclei in pictures: what an audit must find. Nuclei are given as masks, or drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.slides.samples.cells import core_outline, polar, soft

RGB = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

HAEMATOXYLIN = (1.1, 1.3, 0.7)
"""Optical density of a drawn nucleus in R, G and B."""


def paste_nucleus(image: RGB, y: int, x: int, *, seed: int = 0, kind: str = "intermediate") -> RGB:
    """Lay a drawn nucleus over a picture at 0.25 µm/px."""
    outline = core_outline(kind, seed)
    half = 40
    radius, angle = polar(half)
    grains = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, radius.shape), 2.0)
    amount = soft(outline[angle] - radius, 2.2) * (1 + 0.25 * grains / grains.std())
    altered = image.astype(np.float64)
    place = altered[y - half : y + half, x - half : x + half]
    place *= np.exp(-amount[..., None] * np.array(HAEMATOXYLIN))
    return altered.round().astype(np.uint8)


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
