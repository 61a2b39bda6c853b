"""Mitoses of AMi-Br on real tissue of which no detector that ships has seen anything; for tests."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from patch_slide import MPP, PatchSlide, write_patch_slide

from cytoshift.engine.operator import Needs
from cytoshift.engine.view import View
from cytoshift.mitosis import read_patches
from cytoshift.slides import open_slide

SIDE, TOP = 2048, 3840
"""Pixels at `MPP`: of the slide, and above the place in the right half of the section with most tissue in it."""


SPOT = (650, 1100, 480)
"""Where on the slide mitoses are frequent: x, y and radius in its pixels."""


def write_tissue_slide(data: Path, file: Path) -> PatchSlide:
    """Write a slide of mitoses of split ``val`` on the right half of a section of skin, the left being learnt from."""
    with closing(open_slide(data / "slides" / "cmu-1-small-region.svs")) as section:
        view = View.of(section, Needs(mpp=MPP))
        ground = view.read(TOP, view.level.width // 2, SIDE, SIDE)
    patches = read_patches(data / "mitosis" / "ami-br", "val")
    return write_patch_slide(file, patches, ground=np.ascontiguousarray(ground), spot=SPOT, seed=0)
