"""The starter finds a cell once, wherever the borders of its tiles run through it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cytoshift.engine import FindingOperator, run_findings
from cytoshift.models import Registry, build_operator
from cytoshift.slides.cache import TileCache
from cytoshift.slides.pyramid import FileSlide
from cytoshift.slides.readers.source import Facts
from cytoshift.slides.samples import Scene, render_tile
from cytoshift.slides.slide import RGB, Level, SlideInfo

MPP = 0.25


class Cut:
    """A piece of the smear that begins somewhere."""

    parts = ()
    facts = Facts("memory")

    def __init__(self, y: int, x: int, side: int) -> None:
        self._y, self._x = y, x
        self.levels = (Level(side, side, (1.0, 1.0)),)

    def read(self, level: int, y: int, x: int, height: int, width: int) -> RGB:
        return render_tile(Scene(0), self._y + y, self._x + x, height, width, "home")

    def close(self) -> None:
        """Nothing to release."""


@pytest.fixture(scope="module")
def starter() -> FindingOperator:
    operator = build_operator(Registry().find("starter", "detector"))
    assert isinstance(operator, FindingOperator)
    return operator


@pytest.mark.parametrize("offset", [(0, 0), (-9, 13), (30, 200), (200, -30)], ids=str)
def test_a_cell_on_a_border_is_found_once(starter: FindingOperator, offset: tuple[int, int]) -> None:
    torch.set_num_threads(1)
    truth = Scene(0).truth(4096, 4096)
    x, y = ((truth.boxes[:, :2] + truth.boxes[:, 2:]) / 2).T
    tile = round(starter.needs.tile * (starter.needs.mpp or MPP) / MPP)
    apart = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(len(x))
    inside = (np.minimum(x, y) > tile + 300) & (np.maximum(x, y) < 3800)
    loneliest = int(np.argmax(np.where(inside, apart.min(axis=1), 0)))
    left, top = round(float(x[loneliest])) - tile - offset[0], round(float(y[loneliest])) - tile - offset[1]
    name = f"cut-{left}-{top}"
    info = SlideInfo(name=name, identity=name, reader="memory", mpp_yx=(MPP, MPP))
    slide = FileSlide(Cut(top, left, 3 * tile), info, cache=TileCache(1 << 28))
    at = tile + np.array(offset, float)
    region = (*(at - 20), *(at + 20))
    found = run_findings(slide, starter, region=region)  # type: ignore[arg-type]
    assert len(found) == 1
