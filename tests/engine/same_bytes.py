"""The same-bytes kit: a tile has the same pixels, and the same findings, wherever it was computed.

Every operator's test calls `assert_same_image` or `assert_same_findings` with a slide and the operator.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from scipy import ndimage

from cytoshift.engine.derived import DerivedSlide
from cytoshift.engine.findings import Findings
from cytoshift.engine.grid import Tile
from cytoshift.engine.operator import FindingOperator, ImageOperator, Needs, TileBoxes
from cytoshift.engine.pipeline import Pipeline
from cytoshift.engine.progress import CancelToken, Progress
from cytoshift.engine.runs import run_findings, run_image
from cytoshift.engine.view import View
from cytoshift.errors import Cancelled
from cytoshift.slides.cache import TileCache
from cytoshift.slides.slide import TILE, Level, Slide, SlideInfo

RGB = npt.NDArray[np.uint8]


class ArraySlide(Slide):
    """A slide of one image in memory, with levels of 2 x 2 means (or every second pixel where sides are odd)."""

    def __init__(
        self,
        image: RGB,
        *,
        mpp: float | None = None,
        levels: int = 1,
        name: str = "array",
        brightfield: bool = True,
        broken: Callable[[int, int, int], bool] | None = None,
    ) -> None:
        self._images = [image]
        for _ in range(levels - 1):
            fine = self._images[-1].astype(np.uint16)
            fine = np.pad(fine, ((0, fine.shape[0] % 2), (0, fine.shape[1] % 2), (0, 0)), mode="edge")
            mean = (fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2] + 2) // 4
            self._images.append(mean.astype(np.uint8))
        self._broken = broken
        info = SlideInfo(
            name=name,
            identity=f"{name}-{image.shape}-{zlib.crc32(image.tobytes()):08x}",
            reader="memory",
            mpp_yx=None if mpp is None else (mpp, mpp),
            brightfield=brightfield,
        )
        sizes = [Level(a.shape[0], a.shape[1], (2.0**k, 2.0**k)) for k, a in enumerate(self._images)]
        super().__init__(info, tuple(sizes), cache=TileCache(1 << 28))

    @property
    def key(self) -> str:
        return self.info.identity

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        if self._broken is not None and self._broken(level, row, column):
            raise OSError("the disk is gone")
        y, x = row * TILE, column * TILE
        return self._images[level][y : y + TILE, x : x + TILE].copy()

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> ArraySlide:
        return ArraySlide(self._images[0], mpp=mpp_yx[0], levels=len(self.levels), name=self.name)


def noise(height: int, width: int, seed: int = 0) -> RGB:
    """Return an image in which every pixel differs from its neighbours, so that a shifted tile shows."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def dotted(height: int, width: int, seed: int = 0) -> RGB:
    """Return a white image with 12 px squares of different darkness, none touching."""
    image = np.full((height, width, 3), 255, np.uint8)
    random = np.random.default_rng(seed)
    for y in range(5, height - 20, 40):
        for x in range(5, width - 20, 40):
            dy, dx = random.integers(0, 20, 2)
            image[y + dy : y + dy + 12, x + dx : x + dx + 12] = random.integers(0, 100)
    return image


class Dots(FindingOperator):
    """Finds dark squares; scores and measures depend on the pixels of the box alone."""

    key = "dots"
    title = "Dots"
    classes = ("dot",)
    model = ("dots", "1")
    threshold = 0.1
    measures = ("grey", "phase: light/dark")
    needs = Needs(tile=256, halo=32, batch=3)

    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        return [self._one(tile) for tile in tiles]

    def _one(self, tile: RGB) -> TileBoxes:
        marks, count = ndimage.label(tile[..., 0] < 100)
        spans = ndimage.find_objects(marks)
        boxes = [(x.start, y.start, x.stop, y.stop) for y, x in spans]
        grey = np.array([tile[y.start, x.start, 0] for y, x in spans], np.float32)
        return TileBoxes(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.float32(0.5) + grey / 250,
            np.zeros(count, np.int16),
            {"grey": grey, "phase: light/dark": (grey < 50).astype(np.float32)},
        )


class StopAfter:
    """A report that cancels the work when some units are done."""

    def __init__(self, units: int) -> None:
        self.token = CancelToken()
        self._units = units

    def __call__(self, progress: Progress) -> None:
        if progress.done >= self._units:
            self.token.cancel()


def level0(path: Path) -> RGB:
    """Read level 0 of an OME-Zarr as ``(y, x, 3)``."""
    array: Any = zarr.open_array(str(path / "0"), mode="r")
    return np.moveaxis(np.asarray(array[:]), 0, -1)


def assert_same_image(slide: Slide, operator: ImageOperator, folder: Path) -> RGB:
    """Check an image operator in all the ways a tile is computed; returns level 0 of the result."""
    whole = level0(run_image(slide, operator, folder / "whole.ome.zarr"))
    prepared = operator.prepare(slide)

    derived = DerivedSlide(slide, operator, cache=TileCache(1 << 28))
    tile = derived.tile(0, 0, 0)
    np.testing.assert_array_equal(tile, whole[:TILE, :TILE], err_msg="the view's tile")
    seen = derived.read(0, 0, 0, *whole.shape[:2])
    np.testing.assert_array_equal(seen, whole, err_msg="the view")

    for shift in (0, 1):
        shuffled = _mapped(slide, prepared, prepared.needs.batch, seed=shift)
        np.testing.assert_array_equal(shuffled, whole, err_msg="tiles in another order")

    for units in (1, 2 * prepared.needs.batch):
        out = folder / f"resumed{units}.ome.zarr"
        stop = StopAfter(units)
        try:
            run_image(slide, operator, out, report=stop, cancel=stop.token)
        except Cancelled:
            run_image(slide, operator, out)
        np.testing.assert_array_equal(level0(out), whole, err_msg="interrupted and resumed")
        assert sorted(path.name for path in folder.glob(f"{out.name}*")) == [out.name]

    other = _mapped(slide, prepared, prepared.needs.batch + 1, seed=2)
    worst = np.abs(other.astype(int) - whole.astype(int)).max()
    assert worst <= (0 if prepared.pointwise else 1), f"another batch size differs by {worst} grey levels"
    return whole


def _mapped(slide: Slide, operator: ImageOperator, batch: int, *, seed: int) -> RGB:
    view = View.of(slide, operator.needs)
    pipeline = Pipeline(view, view.grid(operator.needs), batch)
    out = np.zeros(view.level.shape, np.uint8)
    for tiles, cores in pipeline.map(operator, _shuffled(list(pipeline.grid), seed)):
        for tile, core in zip(tiles, cores, strict=True):
            out[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = core
    return out


def _shuffled(tiles: Sequence[Tile], seed: int) -> list[Tile]:
    order = np.random.default_rng(seed).permutation(len(tiles))
    return [tiles[k] for k in order]


def assert_same_findings(slide: Slide, operator: FindingOperator, folder: Path, *, tolerance: float = 0.01) -> Findings:
    """Check a finding operator in all the ways a tile is searched; returns what it finds.

    Another batch size may reorder sums: boxes (in px) and scores may then differ by `tolerance`, and boxes within
    `tolerance` of the threshold may come or go.
    """
    whole = run_findings(slide, operator)
    assert len(whole) > 0, "the operator must find something for the test to mean anything"

    stop = StopAfter(1)
    journal = folder / "journal"
    with suppress(Cancelled):
        run_findings(slide, operator, journal=journal, report=stop, cancel=stop.token)
    assert_equal_findings(run_findings(slide, operator, journal=journal), whole, "interrupted and resumed")
    assert_equal_findings(run_findings(slide, operator, journal=journal), whole, "from the journal alone")

    batch = operator.needs.batch
    once = found_by_tile(slide, operator, batch, seed=None)
    again = found_by_tile(slide, operator, batch, seed=1)
    assert once.keys() == again.keys()
    for index, boxes in once.items():
        for name in ("boxes", "scores", "labels"):
            expected, actual = getattr(boxes, name), getattr(again[index], name)
            np.testing.assert_array_equal(actual, expected, err_msg=f"{name} of tile {index} in another order")
        assert boxes.measures.keys() == set(operator.measures)
        for name, column in boxes.measures.items():
            message = f"{name} of tile {index} in another order"
            np.testing.assert_array_equal(again[index].measures[name], column, err_msg=message)

    other = found_by_tile(slide, operator, batch + 1, seed=None)
    for index, boxes in once.items():
        _assert_close(boxes, other[index], operator.threshold, tolerance)
    return whole


def found_by_tile(slide: Slide, operator: FindingOperator, batch: int, *, seed: int | None) -> dict[int, TileBoxes]:
    """Return what an operator finds in each tile, with the tiles in order or shuffled."""
    view = View.of(slide, operator.needs)
    pipeline = Pipeline(view, view.grid(operator.needs), batch)
    tiles = list(pipeline.grid) if seed is None else _shuffled(list(pipeline.grid), seed)
    return {
        tile.index: boxes
        for shard, found in pipeline.find(operator.prepare(slide), tiles)
        for tile, boxes in zip(shard, found, strict=True)
    }


def assert_equal_findings(actual: Findings, expected: Findings, message: str = "") -> None:
    """Check that findings are the same, byte by byte."""
    np.testing.assert_array_equal(actual.boxes, expected.boxes, err_msg=message)
    np.testing.assert_array_equal(actual.scores, expected.scores, err_msg=message)
    np.testing.assert_array_equal(actual.labels, expected.labels, err_msg=message)
    assert list(actual.measures) == list(expected.measures), message
    for name, column in expected.measures.items():
        np.testing.assert_array_equal(actual.measures[name], column, err_msg=f"{name}, {message}")


def _assert_close(one: TileBoxes, other: TileBoxes, threshold: float, tolerance: float) -> None:
    for here, there in ((one, other), (other, one)):
        for position, (box, score) in enumerate(zip(here.boxes, here.scores, strict=True)):
            if score < threshold + tolerance:
                continue
            assert len(there.boxes), "a box is missing with another batch size"
            distance = np.abs(there.boxes - box).max(axis=1) + np.abs(there.scores - score)
            for name, column in here.measures.items():
                gap = np.abs(there.measures[name] - column[position])
                unknown = np.isnan(there.measures[name]) & np.isnan(column[position])
                distance = distance + np.where(unknown, 0, gap)
            assert np.nanmin(distance) <= 2 * tolerance, "a box moved with another batch size"
