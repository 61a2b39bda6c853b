"""The typeface of pages on paper and of words in pictures: DejaVu Sans, which matplotlib brings and is free to embed.

It has the µ, ², κ, × and umlauts that the faces built into every PDF reader lack.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import ImageFont

PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"


def font_file(name: str) -> Path:
    """Return the file of a face."""
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")


@cache
def drawn(size: int) -> ImageFont.FreeTypeFont:
    """Return the plain face for words that are drawn into a picture, so many pixels high."""
    return ImageFont.truetype(str(font_file(PLAIN)), size)
