"""Images whose stains are known, because they were mixed here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.stain.colours import STAINED, Colours, optical_density

RGB = npt.NDArray[np.uint8]

H, E = np.array([0.65, 0.70, 0.29]), np.array([0.17, 0.90, 0.40])
H, E = H / np.linalg.norm(H), E / np.linalg.norm(E)
GLASS = (228.0, 232.0, 240.0)
PLAIN = (255.0, 255.0, 255.0)
EVERY = np.stack(np.meshgrid(*[np.r_[0:256:5, 254, 255]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
COLOURS = EVERY.astype(np.uint8)


def mixture(strength: float = 1.0, seed: int = 0, side: int = 500) -> RGB:
    """Return tissue of two stains in smooth patches on clear glass."""
    random = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(random.normal(size=(side, side)), 6) for _ in range(2)]
    h, e = (np.clip(field / field.std() + 0.4, 0, 2.5) * strength for field in fields)
    inside = np.zeros((side, side))
    inside[side // 8 : -side // 8, side // 8 : -side // 8] = 1
    density = (h * inside)[..., None] * H + (e * inside)[..., None] * E
    return np.rint((np.array(GLASS) + 1) * np.exp(-density) - 1).clip(0, 255).astype(np.uint8)


def orange_and_green(side: int = 500) -> RGB:
    """Return patches of a smear's colours: orange, green and blue-black on glass."""
    random = np.random.default_rng(3)
    field = ndimage.gaussian_filter(random.normal(size=(side, side)), 12)
    ranks = np.digitize(field, np.quantile(field, [0.5, 0.7, 0.9]))
    palette = np.array([GLASS, (225, 150, 110), (130, 175, 170), (70, 60, 110)])
    return (palette[ranks] + random.normal(0, 3, (side, side, 1))).clip(0, 255).astype(np.uint8)


def one_stain(vector: npt.ArrayLike, side: int = 300) -> RGB:
    """Return a single stain of varied strength, with a rim of clear glass."""
    strength = np.random.default_rng(0).uniform(0.2, 2, (side, side, 1))
    strength[:30] = 0
    return np.rint(256 * np.exp(-strength * np.asarray(vector)) - 1).clip(0, 255).astype(np.uint8)


def stained(name: str, image: RGB, white: tuple[float, float, float]) -> Colours:
    """Return the stained pixels of an image."""
    return Colours(name, image[optical_density(image, white).max(axis=-1) > STAINED], white)


def angle(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Degrees between two directions."""
    cosine = np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other)
    return float(np.degrees(np.arccos(min(cosine, 1.0))))
