"""What the demo is about: a slide, the model, and the part that is searched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cytoshift.errors import SlideError
from cytoshift.slides import open_slide, samples
from cytoshift.slides.tissue import find_tissue
from napari_cytoshift.demo.terminal import bar

if TYPE_CHECKING:
    from cytoshift.engine.findings import Box
    from cytoshift.models import Model
    from cytoshift.slides import Slide
    from cytoshift.slides.tissue import Tissue

METHOD = "reinhard"
"""How the slide is seen in other colours; its built-in reference is Papanicolaou-stained, as the model's slides are."""

SIDE_UM = 1024.0
"""Longest side of what is searched: a minute or two on two processor cores."""


@dataclass(frozen=True)
class Subject:
    """What the demo is about.

    Parameters
    ----------
    slide : Slide
        With µm/px.
    model : Model
        The detector.
    tissue : Tissue
        Where the slide holds tissue.
    region : tuple of float or None
        The part that is searched, in level-0 pixels; None for the whole slide.
    """

    slide: Slide
    model: Model
    tissue: Tissue
    region: Box | None


def subject(path: Path | None, mpp: float | None) -> Subject:
    """Open a slide, or draw the sample slide; find the model and the part to search.

    Parameters
    ----------
    path : Path or None
        A slide; None for the sample, as another scanner shows it.
    mpp : float or None
        µm/px, for slides that do not say.

    Raises
    ------
    SlideError, ModelError
        The slide cannot be opened, nobody knows its µm/px, or there is no model.
    """
    from cytoshift.models import Registry

    if path is None:
        with bar("Drawing the sample slide") as line:
            path = samples.cached("away", report=line.count)
    slide = open_slide(path)
    if mpp is not None:
        slide = slide.calibrated((mpp, mpp))
    if slide.mpp is None:
        raise SlideError(f"{slide.name} does not say its µm/px; add --mpp 0.25 for a 40x scan, --mpp 0.5 for 20x.")
    model = Registry().current("detector")
    with bar(f"Looking for tissue on {slide.name}"):
        tissue = find_tissue(slide)
    return Subject(slide, model, tissue, _most_tissue(slide, tissue, SIDE_UM / slide.mpp))


def _most_tissue(slide: Slide, tissue: Tissue, side: float) -> Box | None:
    """Return the square of a side that holds most tissue; None where the whole slide is no larger."""
    level = slide.levels[0]
    width, height = min(side, level.width), min(side, level.height)
    if (width, height) == (level.width, level.height):
        return None
    xs = np.append(np.arange(0, level.width - width, side / 4), level.width - width).tolist()
    ys = np.append(np.arange(0, level.height - height, side / 4), level.height - height).tolist()
    return max(((x, y, x + width, y + height) for y in ys for x in xs), key=lambda box: tissue.covered(*box))
