"""What a slide is, as plain data: the output of ``cytoshift info --json``."""

from __future__ import annotations

from typing import Any

from cytoshift.slides.pyramid import FileSlide
from cytoshift.slides.slide import Slide


def describe(slide: Slide) -> dict[str, Any]:
    """Return what is known of a slide, ready for JSON.

    Returns
    -------
    dict
        name, path, reader, vendor, scanner, identity; levels as a list of height, width, downsample and whether the
        file stores them; mpp as ``{"x": µm, "y": µm}`` or None; objective or None; brightfield; origin ``{"x", "y"}``
        in level-0 pixels of the scanner's plane; problems as a list of sentences.
    """
    info = slide.info
    file = slide if isinstance(slide, FileSlide) else None
    stored = file.stored if file else (False,) * len(slide.levels)
    levels = [
        {"height": level.height, "width": level.width, "downsample": level.downsample, "stored": kept}
        for level, kept in zip(slide.levels, stored, strict=True)
    ]
    return {
        "name": info.name,
        "path": info.path,
        "reader": info.reader,
        "vendor": info.vendor,
        "scanner": info.scanner,
        "identity": info.identity,
        "levels": levels,
        "mpp": None if info.mpp_yx is None else {"x": info.mpp_yx[1], "y": info.mpp_yx[0]},
        "objective": info.objective,
        "brightfield": info.brightfield,
        "origin": {"x": info.origin[0], "y": info.origin[1]},
        "problems": list(file.problems) if file else [],
    }
