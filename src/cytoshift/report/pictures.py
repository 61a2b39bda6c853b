"""Pictures for a report: overviews with what was found on them, single cells at one scale, bars that say the scale."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from cytoshift.engine.findings import Box
from cytoshift.report.areas import whole
from cytoshift.report.fonts import drawn
from cytoshift.slides.slide import Slide
from cytoshift.study.palette import RGBColor

Points = npt.NDArray[np.floating]

QUALITY = 86
OVERVIEW = 900
DETAIL = 620

DARK, LIGHT = (0, 0, 0), (255, 255, 255)

_RADII = ((300, 6), (3_000, 4), (30_000, 2))
"""Dots up to which number are how large, in pixels to each side; more dots are the least that can be seen."""

_RIMMED = 4  # smaller dots would be nothing but rim
_BAR_SHARE = 0.3  # of the picture's width, at most
_BAR_MARGIN = 0.03


def jpeg(picture: Image.Image) -> bytes:
    """Return a picture as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()


def from_file(path: Path, width: int) -> Image.Image:
    """Return a picture file, made no wider than this."""
    with Image.open(path) as picture:
        smaller = picture.convert("RGB")
    smaller.thumbnail((width, width))
    return smaller


def part(slide: Slide, box: Box, side: int) -> Image.Image:
    """Return a box of level-0 pixels with its longer side scaled to a number of pixels.

    Raises
    ------
    SlideError
        The slide cannot be read.
    """
    x0, y0, x1, y1 = box
    scale = max(x1 - x0, y1 - y0) / side
    number = slide.best_level(scale)
    level = slide.levels[number]
    down_y, down_x = level.downsample_yx
    top, left = round(y0 / down_y), round(x0 / down_x)
    height, width = max(1, round((y1 - y0) / down_y)), max(1, round((x1 - x0) / down_x))
    pixels = slide.read(number, top, left, height, width)
    size = (max(1, round((x1 - x0) / scale)), max(1, round((y1 - y0) / scale)))
    return Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)


def overview(slide: Slide, side: int = OVERVIEW) -> Image.Image:
    """Return the whole slide."""
    return part(slide, whole(slide), side)


def around(slide: Slide, box: Box, extent: float, side: int) -> Image.Image:
    """Return a square of level-0 pixels around the middle of a box, as so many pixels to a side."""
    x, y, half = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, extent / 2
    return part(slide, (x - half, y - half, x + half, y + half), side)


def with_frame(picture: Image.Image, box: Box, color: RGBColor, width: int) -> Image.Image:
    """Return a picture with a frame around a box of its own pixels; thinner than a pixel it is still seen."""
    framed = picture.copy()
    x0, y0, x1, y1 = box
    ImageDraw.Draw(framed).rectangle((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)), outline=color, width=width)
    return framed


def with_dots(picture: Image.Image, groups: Sequence[tuple[Points, RGBColor]]) -> Image.Image:
    """Return a picture with a dot in its group's colour at every point ``(n, 2)``, x, y in the picture's own pixels.

    Later groups lie above earlier ones. A million dots take a moment: those of one pixel are drawn once.
    """
    canvas = np.array(picture)
    number = sum(len(points) for points, _ in groups)
    radius = next((radius for most, radius in _RADII if number <= most), 1)
    for points, color in groups:
        pixels = np.unique(np.floor(points).astype(np.int64), axis=0)
        if radius >= _RIMMED:
            _stamp(canvas, pixels, radius + 1, DARK)
        _stamp(canvas, pixels, radius, color)
    return Image.fromarray(canvas)


def _stamp(canvas: npt.NDArray[np.uint8], pixels: npt.NDArray[np.int64], radius: int, color: RGBColor) -> None:
    height, width, _ = canvas.shape
    reach = range(-radius, radius + 1)
    for dy, dx in ((dy, dx) for dy in reach for dx in reach if dy * dy + dx * dx <= radius * radius + 0.5):
        x, y = pixels[:, 0] + dx, pixels[:, 1] + dy
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        canvas[y[inside], x[inside]] = color


def with_boxes(picture: Image.Image, box: Box, found: Iterable[tuple[Box, RGBColor]]) -> Image.Image:
    """Return the picture of a part of a slide with boxes, in level-0 pixels, in their colours."""
    drawn_on = picture.copy()
    scale = picture.width / (box[2] - box[0])
    draw = ImageDraw.Draw(drawn_on)
    for cell, color in found:
        x0, y0, x1, y1 = ((value - box[k % 2]) * scale for k, value in enumerate(cell))
        if x1 > 0 and y1 > 0 and x0 < picture.width and y0 < picture.height:
            draw.rectangle((x0, y0, x1, y1), outline=color, width=3)
    return drawn_on


def round_length(most: float) -> float:
    """Return the longest of 1, 2, 5, 10, 20 … that is at most this."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most * (1 + 1e-9))


def with_bar(picture: Image.Image, um_per_pixel: float, length: float | None = None) -> Image.Image:
    """Return a picture with a scale bar: of a round length that is written beside it, or of this many µm, unwritten."""
    barred = picture.copy()
    draw = ImageDraw.Draw(barred)
    um = round_length(_BAR_SHARE * picture.width * um_per_pixel) if length is None else length
    margin, thick = max(10, round(_BAR_MARGIN * picture.width)), max(4, picture.width // 120)
    right, bottom = picture.width - margin, picture.height - margin
    left = right - um / um_per_pixel
    draw.rectangle((left - 2, bottom - thick - 2, right + 2, bottom + 2), fill=DARK)
    draw.rectangle((left, bottom - thick, right, bottom), fill=LIGHT)
    if length is None:
        words, font = said_length(um), drawn(max(12, picture.width // 36))
        middle = ((left + right) / 2, bottom - thick - 6)
        draw.text(middle, words, font=font, fill=LIGHT, anchor="mb", stroke_width=3, stroke_fill=DARK)
    return barred


def said_length(um: float) -> str:
    """Return a length as people read it: ``"50 µm"``, ``"2 mm"``."""
    return f"{um:g} µm" if um < 1000 else f"{um / 1000:g} mm"
