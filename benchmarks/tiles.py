"""Reading a JPEG TIFF, against openslide-python: aligned tiles of 256 px, and regions of 512 px anywhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import openslide
import tifffile

from benchmarks.alternating import compare
from cytoshift.slides.readers.tiff import TiffSource
from cytoshift.slides.samples import Scene, render_tile

SIDE, TILE = 4096, 256


def main() -> None:
    """Write a slide, read it in both ways, compare."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "slide.tif")
        pixels = render_tile(Scene(0), 0, 0, SIDE, SIDE, "home")
        tifffile.imwrite(path, pixels, tile=(TILE, TILE), photometric="ycbcr", compression="jpeg", subsampling=(2, 2))
        ours, peer = TiffSource(path), openslide.OpenSlide(path)
        peer.set_cache(openslide.OpenSlideCache(0))
        aligned = [(y, x, TILE) for y in range(0, SIDE, TILE) for x in range(0, SIDE, TILE)]
        corners = np.random.default_rng(0).integers(0, SIDE - 512, (64, 2)).tolist()
        anywhere = [(y, x, 512) for y, x in corners]
        for name, regions, floor, ambition in (("aligned-256", aligned, 5, 8), ("anywhere-512", anywhere, 3, 5)):
            compare(
                name,
                lambda places=regions: [ours.read(0, y, x, side, side) for y, x, side in places],
                lambda places=regions: [
                    np.asarray(peer.read_region((x, y), 0, (side, side)).convert("RGB")) for y, x, side in places
                ],
                floor=floor,
                ambition=ambition,
            )
        ours.close()
        peer.close()
