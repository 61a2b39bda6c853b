"""Random views of a patch: the paper's list of variations, drawn from a seeded generator (section 3B)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from cytoshift.mitosis.recipe import MitosisViews
from cytoshift.training.augmentation import jitter_stain

RGB = npt.NDArray[np.uint8]
Random = np.random.Generator

ERASED = ((0.1, 0.2), (0.2, 0.35))
"""Sides of what is erased, as shares of the view: small ones and one large one."""


def middle(patch: RGB, view: int, side: int) -> RGB:
    """Return the middle of a patch ``(y, x, 3)``, ``view`` pixels wide, as ``side`` pixels: what the network sees."""
    y, x = ((length - view) / 2 for length in patch.shape[:2])
    if view == side and y.is_integer() and x.is_integer() and min(y, x) >= 0:
        return np.ascontiguousarray(patch[int(y) : int(y) + view, int(x) : int(x) + view])
    margin = max(0, int(np.ceil(-min(y, x))))
    padded = np.pad(patch, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric") if margin else patch
    box = (x + margin, y + margin, x + margin + view, y + margin + view)
    return np.asarray(Image.fromarray(padded).resize((side, side), Image.Resampling.BILINEAR, box=box))


def vary(rng: Random, patch: RGB, views: MitosisViews) -> RGB:
    """Return a random view of a patch, ``(side, side, 3)``."""
    image = _colours(rng, _geometry(rng, patch, views), views)
    return _erased(rng, np.asarray(image), views.erased)


def _geometry(rng: Random, patch: RGB, views: MitosisViews) -> Image.Image:
    """Crop at random size and place, turn, flip and tilt in one resampling; beyond the patch it is mirrored."""
    side = views.side
    half = views.view / 2 * np.exp(rng.uniform(-1, 1) * np.log1p(views.zoom))
    corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]], np.float64)  # as PIL's QUAD has them: x, y, anticlockwise
    corners += views.perspective * 2 * rng.uniform(-1, 1, (4, 2))
    if rng.integers(2):
        corners[:, 0] *= -1
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(patch.shape[1::-1]) / 2 + rng.uniform(-1, 1, 2) * views.shift
    margin = int(np.ceil(half * np.sqrt(2) * (1 + 2 * views.perspective)))
    padded = np.pad(patch, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
    places = (corners * half) @ turn.T + centre + margin
    return Image.fromarray(padded).transform(
        (side, side), Image.Transform.PERSPECTIVE, _homography(places, side), Image.Resampling.BILINEAR
    )


def _homography(places: npt.NDArray[np.float64], side: int) -> tuple[float, ...]:
    """Return PIL's eight numbers that take the corners of a square of ``side`` pixels to places ``(4, 2)``."""
    square = np.array([[0, 0], [0, side], [side, side], [side, 0]], np.float64)
    rows, values = [], []
    for (u, v), (x, y) in zip(square, places, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
        values += [x, y]
    return tuple(np.linalg.solve(np.array(rows), np.array(values)).tolist())


def _colours(rng: Random, image: Image.Image, views: MitosisViews) -> Image.Image:
    image = Image.fromarray(jitter_stain(rng, np.asarray(image), views.stain))
    brightness, contrast, saturation = (1 + views.colour * rng.uniform(-1, 1, 3)).tolist()
    image = ImageEnhance.Brightness(image).enhance(brightness)
    image = ImageEnhance.Contrast(image).enhance(contrast)
    image = ImageEnhance.Color(image).enhance(saturation)
    return _artefacts(rng, _hue(image, float(rng.uniform(-1, 1)) * views.colour / 4), views.artefacts)


def _hue(image: Image.Image, turn: float) -> Image.Image:
    """Turn the hue by a share of the whole circle."""
    hue, saturation, value = image.convert("HSV").split()
    turned = hue.point([(level + round(turn * 256)) % 256 for level in range(256)])
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")


def _artefacts(rng: Random, image: Image.Image, chance: float) -> Image.Image:
    """Do to some images what scanners and compression do: each of six things by chance."""
    blur, auto, sharp, gamma, poster, solar = (rng.random(6) < chance).tolist()
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.2))))
    if auto:
        image = ImageOps.autocontrast(image)
    if sharp:
        image = ImageEnhance.Sharpness(image).enhance(float(rng.uniform(0.2, 2.5)))
    if gamma:
        exponent = float(np.exp(rng.uniform(-0.3, 0.3)))
        image = image.point([round(255 * (level / 255) ** exponent) for level in range(256)] * 3)
    if poster:
        image = ImageOps.posterize(image, int(rng.integers(4, 8)))
    if solar:
        image = ImageOps.solarize(image, int(rng.integers(200, 250)))
    return image


def _erased(rng: Random, image: RGB, chance: float) -> RGB:
    """Return an image with rectangles of its mean colour, one of each size."""
    image = image.copy()
    if rng.random() >= chance:
        return image
    height, width = image.shape[:2]
    colour = image.mean(axis=(0, 1))
    for low, high in ERASED:
        tall, wide = (max(1, round(float(rng.uniform(low, high)) * length)) for length in (height, width))
        y, x = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
        image[y : y + tall, x : x + wide] = colour
    return image
