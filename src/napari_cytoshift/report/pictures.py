"""Pictures for a report: overviews with what was found on them, and single cells."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from cytoshift.engine.findings import Box, Findings
from cytoshift.slides.slide import Slide
from cytoshift.slides.tissue import Tissue
from cytoshift.study.palette import color_of

RGB = npt.NDArray[np.uint8]

QUALITY = 86
OVERVIEW = 900
DETAIL = 620
DOT = 6
CELL = 96
"""Side in pixels of the picture of one cell."""

CELL_UM = 32.0
"""Side in µm of what it shows, so that cells can be compared by eye."""

_CELL_PIXELS = 128
"""The same in level-0 pixels where µm/px are unknown."""


def embedded(picture: Image.Image) -> str:
    """Return a picture as a data address that a page can hold."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def embedded_file(path: Path, width: int) -> str:
    """Return a picture file, made no wider than this, as a data address."""
    with Image.open(path) as picture:
        smaller = picture.convert("RGB")
    smaller.thumbnail((width, width))
    return embedded(smaller)


def region(slide: Slide, box: Box, side: int) -> Image.Image:
    """Return a box of level-0 pixels with its longer side scaled to a number of pixels."""
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


def whole(slide: Slide, side: int = OVERVIEW) -> Image.Image:
    """Return the whole slide."""
    level = slide.levels[0]
    return region(slide, (0, 0, level.width, level.height), side)


def overview(slide: Slide, findings: Findings, searched: Box, side: int = OVERVIEW) -> Image.Image:
    """Return the whole slide with a dot in the class's colour on every cell, and a frame around what was searched."""
    picture = whole(slide, side)
    level = slide.levels[0]
    scale = picture.width / level.width
    draw = ImageDraw.Draw(picture)
    if searched != (0, 0, level.width, level.height):
        draw.rectangle([value * scale for value in searched], outline=(0, 0, 0), width=2)
    for box, label in zip(findings.boxes.tolist(), findings.labels.tolist(), strict=True):
        x, y = (box[0] + box[2]) / 2 * scale, (box[1] + box[3]) / 2 * scale
        color = color_of(findings.classes[label])
        draw.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=color, outline=(0, 0, 0))
    return picture


def with_boxes(slide: Slide, findings: Findings, box: Box, side: int = DETAIL) -> Image.Image:
    """Return a part of a slide with the boxes of its cells in their classes' colours."""
    picture = region(slide, box, side)
    scale = picture.width / (box[2] - box[0])
    draw = ImageDraw.Draw(picture)
    for found, label in zip(findings.boxes.tolist(), findings.labels.tolist(), strict=True):
        x0, y0, x1, y1 = ((value - box[k % 2]) * scale for k, value in enumerate(found))
        if x1 > 0 and y1 > 0 and x0 < picture.width and y0 < picture.height:
            draw.rectangle((x0, y0, x1, y1), outline=color_of(findings.classes[label]), width=3)
    return picture


def cell(slide: Slide, box: Box) -> Image.Image:
    """Return one cell in the middle of a square of fixed physical size."""
    half = CELL_UM / slide.mpp / 2 if slide.mpp else _CELL_PIXELS / 2
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return region(slide, (x - half, y - half, x + half, y + half), CELL)


def telling_part(slide: Slide, findings: Findings, tissue: Tissue, searched: Box) -> Box:
    """Return a square of the searched part that shows most: where the surest cells lie, else where tissue does."""
    side = min(1400.0, searched[2] - searched[0], searched[3] - searched[1])
    best, most = (searched[0], searched[1], searched[0] + side, searched[1] + side), -1.0
    centers = (findings.boxes[:, :2] + findings.boxes[:, 2:]) / 2
    for y in np.arange(searched[1], searched[3] - side + 1, max(side / 2, 1)):
        for x in np.arange(searched[0], searched[2] - side + 1, max(side / 2, 1)):
            inside = ((centers >= (x, y)) & (centers < (x + side, y + side))).all(axis=1)
            value = float(findings.scores[inside].sum()) + tissue.covered(x, y, x + side, y + side)
            if value > most:
                best, most = (float(x), float(y), float(x + side), float(y + side)), value
    return best
