"""A cell is found exactly once at every place that it can have on the grid of tiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from same_bytes import ArraySlide
from scipy import ndimage

from cytoshift.engine import Distance, Doubles, FindingOperator, Needs, Overlap, TileBoxes, run_findings

RGB = npt.NDArray[np.uint8]

TILE, HALO, SIDE = 64, 32, 24


class Squares(FindingOperator):
    """Finds what is dark, to the pixel, or up to some pixels beside it, elsewhere in every tile."""

    title = "Squares"
    classes = ("square",)
    model = ("squares", "1")
    threshold = 0.2
    needs = Needs(mpp=0.5, tile=TILE, halo=HALO, batch=8)

    def __init__(self, jitter: float, doubles: Doubles) -> None:
        self._jitter = jitter
        self._doubles = doubles

    @property
    def key(self) -> str:
        return f"squares-{self._jitter}"

    @property
    def doubles(self) -> Doubles:
        return self._doubles

    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        return [self._one(tile[..., 0]) for tile in tiles]

    def _one(self, tile: RGB) -> TileBoxes:
        marks, _ = ndimage.label(tile < 128)
        spans = ndimage.find_objects(marks)
        boxes = np.array([(x.start, y.start, x.stop, y.stop) for y, x in spans], np.float32).reshape(-1, 4)
        random = np.random.default_rng(np.flatnonzero(tile < 128)[:1])
        moved = random.uniform(-self._jitter, self._jitter, (len(boxes), 2)).astype(np.float32)
        scores = random.uniform(0.3, 1, len(boxes)).astype(np.float32)
        return TileBoxes(boxes + np.tile(moved, 2), scores, np.zeros(len(boxes), np.int16))


BESIDE = [
    pytest.param(0.0, Overlap(), id="exact, by overlap"),
    pytest.param(2.0, Overlap(), id="two pixels beside, by overlap"),
    pytest.param(0.0, Distance(6.0), id="exact, by distance"),
    pytest.param(4.2, Distance(12.0), id="four pixels beside, by distance"),  # 2 * 4.2 * sqrt 2 = 11.9 apart at most
]


@pytest.mark.parametrize(("jitter", "doubles"), BESIDE)
def test_a_cell_is_found_once_at_every_offset(jitter: float, doubles: Doubles) -> None:
    """As many tiles as a tile has pixels: the cell of each begins at another one, so all seams and corners are met."""
    side = (TILE + 1) * TILE
    y, x = np.mgrid[:TILE, :TILE].reshape(2, -1) * (TILE + 1)
    image = np.full((side, side, 3), 255, np.uint8)
    for top, left in zip(y, x, strict=True):
        image[top : top + SIDE, left : left + SIDE] = 40
    found = run_findings(ArraySlide(image, mpp=0.5), Squares(jitter, doubles)).boxes
    assert len(found) == TILE**2
    truth = np.stack([x, y, x + SIDE, y + SIDE], axis=1)
    place = np.round(found[:, :2] / (TILE + 1)).astype(int)
    cell = place[:, 1] * TILE + place[:, 0]
    assert sorted(cell) == list(range(TILE**2)), "each exactly once"
    assert np.abs(found - truth[cell]).max() <= jitter + 1e-3


def test_overlap_alone_would_find_some_of_them_twice() -> None:
    """The distance is worth its while where boxes lie further beside than half a cell's overlap allows."""
    image = np.full((TILE * (TILE + 1),) * 2 + (3,), 255, np.uint8)
    for start in range(TILE):
        image[start * (TILE + 1) :, start * (TILE + 1) :][:SIDE, :SIDE] = 40
    doubled = run_findings(ArraySlide(image, mpp=0.5), Squares(4.2, Overlap(0.9)))
    assert len(doubled) > TILE
    assert len(run_findings(ArraySlide(image, mpp=0.5), Squares(4.2, Distance(12.0)))) == TILE
