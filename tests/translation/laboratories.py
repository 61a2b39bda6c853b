"""Drawn slides and fields of two laboratories, for tests that teach a translator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

RGB = npt.NDArray[np.uint8]

PINK, BLUE = (225, 170, 195), (185, 175, 225)
GLASS = 242


def draw_smear(seed: int, height: int, width: int, colour: tuple[int, int, int] = PINK, share: float = 0.5) -> RGB:
    """Draw glass whose left part is covered with tissue of a colour, with dark nuclei on it."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), GLASS, np.int16)
    edge = round(share * width)
    image[:, :edge] = colour
    rows, columns = np.mgrid[-4:5, -4:5]
    disc = rows**2 + columns**2 < 16
    for y, x in rng.integers(4, (height - 4, max(edge, 9) - 4), (height * edge // 900, 2)):
        image[y - 4 : y + 5, x - 4 : x + 5][disc] = np.array(colour) // 2
    noisy = image + rng.integers(-3, 4, image.shape, np.int16)
    return noisy.clip(0, 255).astype(np.uint8)


def write_slide(path: Path, image: RGB, mpp: float | None) -> str:
    """Write a pyramidal TIFF of one level that says its µm/px, or not; returns its path."""
    size = {} if mpp is None else {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, image, tile=(64, 64), photometric="rgb", compression="deflate", **size)
    return str(path)


def write_fields(folder: Path, count: int, size: int, colour: tuple[int, int, int], share: float = 1.0) -> str:
    """Write a plain folder of PNG fields; returns its path."""
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(draw_smear(number, size, size, colour, share)).save(folder / f"{folder.name}-{number}.png")
    return str(folder)
