"""A slide drawn in memory, and studies that hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.slides.slide import RGB, TILE, Level, Slide, SlideInfo
from cytoshift.study import Study

CLASSES = ("NILM", "LSIL", "HSIL")


class PaintedSlide(Slide):
    """A slide whose pixel at (y, x) of level 0 is (x % 256, y % 256, (x // 256) % 256)."""

    def __init__(self, identity: str, side: int = 1000, mpp: float | None = None) -> None:
        levels = tuple(Level(side >> k, side >> k, (side / (side >> k),) * 2) for k in range(3))
        calibration = None if mpp is None else (mpp, mpp)
        super().__init__(
            SlideInfo(f"{identity}.tif", identity, "painted", mpp_yx=calibration, path=f"/s/{identity}"), levels
        )

    @property
    def key(self) -> str:
        return f"{self.info.identity}-{self.levels[0].width}"

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        shape = self.levels[level]
        ys = np.arange(row * TILE, min((row + 1) * TILE, shape.height)) * shape.downsample_yx[0]
        xs = np.arange(column * TILE, min((column + 1) * TILE, shape.width)) * shape.downsample_yx[1]
        y, x = np.meshgrid(ys.astype(int), xs.astype(int), indexing="ij")
        return np.stack([x % 256, y % 256, (x // 256) % 256], axis=-1).astype(np.uint8)

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> Slide:
        return PaintedSlide(self.info.identity, self.levels[0].width, mpp_yx[0])


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    with Study.create(tmp_path / "study") as made:
        made.add_slide(PaintedSlide("a"))
        made.add_slide(PaintedSlide("b"))
        yield made


@pytest.fixture(scope="session")
def paint() -> type[PaintedSlide]:
    return PaintedSlide


@pytest.fixture(scope="session")
def predict() -> Callable[..., Findings]:
    """Return a maker of findings: cells of 20 px on a grid, with scores from 0.05 upwards in equal steps."""

    def make(slide: str = "a", n: int = 10, classes: tuple[str, ...] = CLASSES) -> Findings:
        corners = np.stack([np.arange(n) % 10 * 90 + 10, np.arange(n) // 10 * 90 + 10], axis=1)
        return Findings(
            np.concatenate([corners, corners + 20], axis=1).astype(np.float32),
            np.linspace(0.05, 0.95, n, dtype=np.float32),
            (np.arange(n) % len(classes)).astype(np.int16),
            classes,
            Provenance(slide, "detector", "v1", 0.05),
        )

    return make
