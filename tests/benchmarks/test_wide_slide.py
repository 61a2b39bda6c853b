"""The slide of the benchmarks of the window: as large as it says, and a true pyramid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks.window.wide_slide import SIDE, write_wide_slide

from cytoshift.slides import open_slide
from cytoshift.slides.pyramid import halve
from cytoshift.slides.samples import Scene, render_tile


def test_it_repeats_a_field_on_every_level_and_costs_little(tmp_path: Path) -> None:
    field = render_tile(Scene(1), 0, 0, 512, 512)
    slide = open_slide(write_wide_slide(tmp_path / "wide.tif", field))
    assert (slide.levels[0].height, slide.levels[0].width) == (SIDE, SIDE)
    assert slide.info.mpp_yx == (0.25, 0.25)
    assert all(slide.stored)
    assert max(slide.levels[-1].shape) <= 1024
    assert (tmp_path / "wide.tif").stat().st_size < 2_000_000
    exact = np.tile(field, (2, 2, 1))
    at = 8 * 512
    for level in range(4):
        seen = slide.read(level, at, at, *exact.shape[:2]).astype(int)
        assert np.abs(seen - exact).mean() < 4, "JPEG alone"
        exact = np.tile(halve(exact), (2, 2, 1))
    last = slide.levels[0].height - 300
    assert slide.read(0, last, last, 400, 400)[300:].min() == 255
