"""JPEG, PNG, WebP and other plain pictures through Pillow: one level, decoded whole when first read."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError

from cytoshift.errors import SlideError
from cytoshift.slides.brightfield import looks_brightfield
from cytoshift.slides.readers.source import RGB, Declined, Facts, on_white
from cytoshift.slides.slide import Level

READER = f"pillow {PIL.__version__}"

MAX_PIXELS = 178_956_970
"""Twice Pillow's own limit, where Pillow itself refuses a picture as a decompression bomb."""

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "MPO")
_SMALL = 4_000_000
_EIGHT_BIT = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}


class ImageSource:
    """A picture as a slide of one stored level."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._pixels: RGB | None = None
        with Image.open(path, formats=_FORMATS) as picture:
            if picture.mode not in _EIGHT_BIT:
                raise Declined("does not have 8 bits per sample; export it as 8-bit RGB")
            width, height = picture.size
            self.levels: tuple[Level, ...] = (Level(height, width, (1.0, 1.0)),)
            # A large JPEG is decoded at an eighth of its size: enough to see that it is whole, and brightfield.
            drafted = width * height > _SMALL and picture.draft("RGB", (width // 8, height // 8)) is not None
            pixels = _rgb(picture)
            if not drafted:
                self._pixels = pixels
            step = max(1, min(pixels.shape[:2]) // 256)
            bright = looks_brightfield(pixels[::step, ::step])
            self.facts = Facts(READER, vendor=str(picture.format), brightfield=bright)
        self.parts: tuple[tuple[str, Path], ...] = (("", path),)

    def read(self, level: int, y: int, x: int, height: int, width: int) -> RGB:
        """Read a region of the picture."""
        with self._lock:
            if self._pixels is None:
                with Image.open(self._path, formats=_FORMATS) as picture:
                    self._pixels = _rgb(picture)
            pixels = self._pixels
        return pixels[y : y + height, x : x + width].copy()

    def close(self) -> None:
        """Forget the pixels."""
        self._pixels = None


def _rgb(picture: Image.Image) -> RGB:
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA"):
        return on_white(np.asarray(picture.convert("RGBA")))
    return np.asarray(picture.convert("RGB"))


def open_image(path: Path) -> ImageSource:
    """Open a plain picture.

    Raises
    ------
    Declined
        Not a picture that Pillow knows, or not 8 bits per sample.
    SlideError
        A damaged picture, or one too large to be decoded whole.
    """
    try:
        return ImageSource(path)
    except UnidentifiedImageError as error:
        raise Declined from error
    except Image.DecompressionBombError as error:
        raise SlideError(
            f"{path.name} has more than {MAX_PIXELS // 1_000_000} million pixels in one piece; "
            "convert it to a tiled pyramidal TIFF first."
        ) from error
    except (Declined, FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        raise SlideError(f"{path.name} is a damaged or incomplete picture ({error}); copy it again.") from error
