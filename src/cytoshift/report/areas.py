"""Which part of a slide was searched, and how much tissue there is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cytoshift.engine.findings import Box
    from cytoshift.slides.slide import Slide
    from cytoshift.slides.tissue import Tissue


def whole(slide: Slide) -> Box:
    """Return all of a slide: x0, y0, x1, y1 in level-0 pixels."""
    level = slide.levels[0]
    return 0.0, 0.0, float(level.width), float(level.height)


def within(slide: Slide, region: Box | None) -> Box:
    """Return the part of a region, None for all of the slide, that lies on it."""
    x0, y0, x1, y1 = region or whole(slide)
    _, _, width, height = whole(slide)
    return max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)


def tissue_mm2(slide: Slide, tissue: Tissue, box: Box) -> float | None:
    """Return the mm² of tissue in a part of a slide, level-0 pixels; None while nobody knows µm/px."""
    mpp_yx = slide.info.mpp_yx
    if mpp_yx is None:
        return None
    x0, y0, x1, y1 = box
    if x0 >= x1 or y0 >= y1:
        return 0.0
    return (x1 - x0) * mpp_yx[1] * (y1 - y0) * mpp_yx[0] / 1e6 * tissue.covered(x0, y0, x1, y1)
