"""Slides: open, read, cache and describe pyramids of RGB pixels in a physical frame."""

from cytoshift.slides.cache import TileCache, shared_cache
from cytoshift.slides.coordinates import Frame
from cytoshift.slides.describe import describe
from cytoshift.slides.open import open_slide
from cytoshift.slides.pyramid import FileSlide
from cytoshift.slides.slide import TILE, Level, Slide, SlideInfo

__all__ = [
    "TILE",
    "FileSlide",
    "Frame",
    "Level",
    "Slide",
    "SlideInfo",
    "TileCache",
    "describe",
    "open_slide",
    "shared_cache",
]
