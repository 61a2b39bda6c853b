"""Reading a JPEG TIFF, against openslide-python: its aligned tiles, and regions anywhere with caches cold at first."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import openslide
import tifffile

from benchmarks.alternating import compare, timed
from cytoshift.slides import TileCache, open_slide
from cytoshift.slides.readers.tiff import TiffSource
from cytoshift.slides.samples import Scene, render_tile

SIDE, TILE, REGION = 4096, 256, 512


def main() -> None:
    """Write a slide, read it in both ways, compare."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "slide.tif")
        pixels = render_tile(Scene(0), 0, 0, SIDE, SIDE, "home")
        tifffile.imwrite(path, pixels, tile=(TILE, TILE), photometric="ycbcr", compression="jpeg", subsampling=(2, 2))
        aligned = [(y, x) for y in range(0, SIDE, TILE) for x in range(0, SIDE, TILE)]
        anywhere = np.random.default_rng(0).integers(0, SIDE - REGION, (200, 2)).tolist()
        source, slide = TiffSource(path), openslide.OpenSlide(path)
        slide.set_cache(openslide.OpenSlideCache(0))
        compare(
            "aligned-256",
            timed(lambda: [source.read(0, y, x, TILE, TILE) for y, x in aligned]),
            timed(lambda: [_rgb(slide, y, x, TILE) for y, x in aligned]),
            floor=5,
            ambition=8,
        )
        compare(
            "anywhere-512",
            timed(lambda: _ours(path, anywhere)),
            timed(lambda: _theirs(path, anywhere)),
            floor=3,
            ambition=5,
        )
        source.close()
        slide.close()


def _ours(path: Path, places: list[list[int]]) -> None:
    slide = open_slide(path, cache=TileCache(64 << 20))
    for y, x in places:
        slide.read(0, y, x, REGION, REGION)
    slide.close()


def _theirs(path: Path, places: list[list[int]]) -> None:
    with openslide.OpenSlide(path) as slide:
        slide.set_cache(openslide.OpenSlideCache(64 << 20))
        for y, x in places:
            _rgb(slide, y, x, REGION)


def _rgb(slide: openslide.OpenSlide, y: int, x: int, side: int) -> np.ndarray:
    return np.asarray(slide.read_region((x, y), 0, (side, side)).convert("RGB"))
