"""Random views of a field of cells: place, orientation, size and stain. Each is drawn from a seeded generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

RGB = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Crop:
    """A square view of an image: upper left corner and side in image pixels, and quarter turns and flip after it."""

    x: float
    y: float
    side: float
    turns: int
    flip: bool


def draw_crop(
    rng: np.random.Generator, size: tuple[int, int], side: float, around: npt.NDArray[np.floating] | None
) -> Crop:
    """Draw a crop of ``side`` pixels from an image of size ``(height, width)``.

    ``around`` is a point x, y that must lie inside; None draws anywhere. A larger side reaches out of it.
    """
    height, width = size
    corner = []
    for length, at in (
        (width, None if around is None else around[0]),
        (height, None if around is None else around[1]),
    ):
        low, high = min(0.0, length - side), max(0.0, length - side)
        if at is not None:
            low, high = max(low, at - 0.9 * side), min(high, at - 0.1 * side)
        corner.append(float(rng.uniform(low, high)) if high > low else float(max(min(low, length - side), 0.0)))
    return Crop(corner[0], corner[1], side, int(rng.integers(4)), bool(rng.integers(2)))


def crop_image(image: RGB, crop: Crop, size: int) -> RGB:
    """Cut a crop, resized to ``size`` pixels a side with area filtering; outside the image is white."""
    height, width = image.shape[:2]
    left, top = int(np.floor(crop.x)) - 4, int(np.floor(crop.y)) - 4
    right, bottom = int(np.ceil(crop.x + crop.side)) + 4, int(np.ceil(crop.y + crop.side)) + 4
    patch = np.full((bottom - top, right - left, 3), 255, np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    patch[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    box = (crop.x - left, crop.y - top, crop.x - left + crop.side, crop.y - top + crop.side)
    view = np.asarray(Image.fromarray(patch).resize((size, size), Image.Resampling.BILINEAR, box=box))
    if crop.flip:
        view = view[:, ::-1]
    return np.ascontiguousarray(np.rot90(view, crop.turns))


def crop_boxes(boxes: Boxes, crop: Crop, size: int) -> tuple[Boxes, npt.NDArray[np.bool_]]:
    """Follow boxes ``(n, 4)`` through a crop; returns them clipped, and which ones have their centre inside."""
    moved = (boxes - np.array([crop.x, crop.y, crop.x, crop.y], np.float32)) * np.float32(size / crop.side)
    if crop.flip:
        moved = np.stack([size - moved[:, 2], moved[:, 1], size - moved[:, 0], moved[:, 3]], axis=1)
    for _ in range(crop.turns):  # a quarter turn anticlockwise takes (x, y) to (y, size - x)
        moved = np.stack([moved[:, 1], size - moved[:, 2], moved[:, 3], size - moved[:, 0]], axis=1)
    centres = (moved[:, :2] + moved[:, 2:]) / 2
    inside = np.all((centres >= 0) & (centres < size), axis=1)
    return np.clip(moved, 0, size).astype(np.float32), inside


def jitter_stain(rng: np.random.Generator, image: RGB, strength: float) -> RGB:
    """Vary the stain: every colour channel's optical density is scaled and shifted, then the lamp's brightness.

    ``strength`` 0.2 varies the densities by about 20 % and the lamp by about 10 %.
    """
    gain = 1 + strength * rng.uniform(-1, 1, 3) + strength * rng.uniform(-1, 1)
    shift = 0.1 * strength * rng.uniform(-1, 1, 3)
    lamp = 1 - 0.5 * strength * rng.uniform(0, 1)
    level = np.arange(256, dtype=np.float64)
    density = -np.log((level + 1) / 256)
    tables = 256 * lamp * np.exp(-(density[:, None] * gain + shift)) - 1
    lookup = np.clip(np.rint(tables), 0, 255).astype(np.uint8)
    return np.stack([lookup[image[..., c], c] for c in range(3)], axis=-1)
