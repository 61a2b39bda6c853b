"""Our own stain methods, through the entry that everyone uses."""

from __future__ import annotations

from functools import partial
from itertools import count

import numpy as np
import numpy.typing as npt

from benchmarks.peers.worker import Calls
from cytoshift import stain
from cytoshift.slides.cache import TileCache
from cytoshift.slides.pyramid import FileSlide
from cytoshift.slides.readers.source import Facts
from cytoshift.slides.slide import Level, Slide, SlideInfo

RGB = npt.NDArray[np.uint8]

METHODS = ("macenko", "reinhard", "vahadane")

_numbers = count()


class Picture:
    """An image in memory, read like a file of one level."""

    def __init__(self, image: RGB) -> None:
        self._image = image
        self.levels = (Level(image.shape[0], image.shape[1], (1.0, 1.0)),)
        self.facts = Facts("memory")
        self.parts = ()

    def read(self, level: int, y: int, x: int, height: int, width: int) -> RGB:
        """Return a region of the image itself."""
        return self._image[y : y + height, x : x + width]

    def close(self) -> None:
        """Nothing to release."""


def slide(image: RGB) -> Slide:
    """Wrap an image as a slide that nobody has seen: no tile, no tissue of it is at hand."""
    name = f"image-{next(_numbers)}"
    info = SlideInfo(name=name, identity=name, reader="memory", mpp_yx=(0.25, 0.25))
    return FileSlide(Picture(image), info, cache=TileCache(1 << 30))


def load(image: RGB, target: RGB) -> tuple[Calls, Calls]:
    """Measure the target once."""
    runs: Calls = {}
    questions: Calls = {}
    for name in METHODS:
        unfitted = stain.method(name, slide(target))
        fitted = unfitted.prepare(slide(image))
        runs[f"{name}-fit-apply"] = partial(_fit_and_apply, unfitted, image)
        runs[f"{name}-apply"] = partial(fitted.apply, image[None])
        questions[name] = partial(_worst, fitted, image)
    return runs, questions


def _fit_and_apply(unfitted: stain.StainOperator, image: RGB) -> RGB:
    return unfitted.prepare(slide(image)).apply(image[None])


def _worst(fitted: stain.StainOperator, image: RGB) -> float:
    """Return how far any pixel is from the float64 formula, in grey levels."""
    packed = image.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    codes = np.unique(packed)
    colours = (codes[:, None] >> np.array([16, 8, 0], np.uint32)).astype(np.uint8) & 255
    return float(np.abs(fitted.apply(colours[None, None])[0, 0] - fitted.exact(colours)).max())
