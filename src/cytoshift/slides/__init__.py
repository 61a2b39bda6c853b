"""Slides: open, read, cache and describe pyramids of RGB pixels in a physical frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cytoshift.slides.cache import TileCache, shared_cache
from cytoshift.slides.coordinates import Frame
from cytoshift.slides.describe import describe
from cytoshift.slides.open import open_slide
from cytoshift.slides.pyramid import FileSlide
from cytoshift.slides.slide import TILE, Level, Slide, SlideInfo

if TYPE_CHECKING:
    from cytoshift.slides.tissue import Tissue, find_tissue

__all__ = [
    "TILE",
    "FileSlide",
    "Frame",
    "Level",
    "Slide",
    "SlideInfo",
    "TileCache",
    "Tissue",
    "describe",
    "find_tissue",
    "open_slide",
    "shared_cache",
]


def __getattr__(name: str) -> Any:
    """Import the tissue mask, and scipy with it, only when it is asked for."""
    if name in ("Tissue", "find_tissue"):
        from cytoshift.slides import tissue

        return getattr(tissue, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
