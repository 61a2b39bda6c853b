"""The colour of one stain, picked where the slide shows it alone."""

from __future__ import annotations

import numpy as np

from cytoshift.slides.slide import Slide
from cytoshift.stain.colours import STAINED, StainError, White, optical_density

SIDE = 7
"""Side of the patch that is read, in level-0 pixels: large enough for the noise of one pixel not to matter."""

Vector = tuple[float, float, float]


def stain_at(slide: Slide, x: float, y: float, white: White) -> Vector:
    """Return the direction in which a place of a slide absorbs: the median optical density of 7 x 7 pixels.

    Parameters
    ----------
    slide : Slide
    x, y : float
        The middle of the patch, in level-0 pixels; the patch is moved into the slide where it reaches beyond.
    white : tuple of float
        RGB of the slide's glass.

    Returns
    -------
    tuple of float
        Unit vector: how much red, green and blue are absorbed.

    Raises
    ------
    StainError
        When the place is not on the slide, or nothing is stained there.
    """
    level = slide.levels[0]
    if not (0 <= x < level.width and 0 <= y < level.height):
        raise StainError(f"That place is not on {slide.name}; click on its tissue.")
    height, width = min(SIDE, level.height), min(SIDE, level.width)
    top = min(max(int(y) - height // 2, 0), level.height - height)
    left = min(max(int(x) - width // 2, 0), level.width - width)
    patch = slide.read(0, top, left, height, width)
    density = np.median(optical_density(patch, white).reshape(-1, 3), axis=0)
    if density.max() <= STAINED:
        raise StainError("Almost nothing is stained there; click where one stain is strong and alone.")
    red, green, blue = (density / np.linalg.norm(density)).tolist()
    return (red, green, blue)
