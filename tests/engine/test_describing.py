"""Cells are described by the pixels around them, wherever they lie, and like ones come first."""

from __future__ import annotations

import numpy as np
import pytest

from cytoshift.engine import CancelToken, describe_cells, unlikeness
from cytoshift.errors import Cancelled
from cytoshift.slides.slide import TILE, Level, Slide, SlideInfo


class Ramp(Slide):
    """A slide whose pixel at (y, x) is (x // 16, y // 16, 0)."""

    def __init__(self):
        info = SlideInfo("ramp", "ramp", "drawn", mpp_yx=(0.25, 0.25))
        super().__init__(info, (Level(2000, 3000, (1.0, 1.0)), Level(1000, 1500, (2.0, 2.0))))

    key = "ramp"

    def compute_tile(self, level, row, column):
        shape, step = self.levels[level], int(self.levels[level].downsample)
        ys = np.arange(row * TILE, min((row + 1) * TILE, shape.height)) * step // 16
        xs = np.arange(column * TILE, min((column + 1) * TILE, shape.width)) * step // 16
        y, x = np.meshgrid(ys, xs, indexing="ij")
        return np.stack([x, y, 0 * x], axis=-1).astype(np.uint8)

    def calibrated(self, mpp_yx, objective=None):
        raise NotImplementedError


class Middle:
    """Describes a crop by the colour in its middle."""

    mpp, side, model = 0.5, 32, ("middle", "1")

    def describe(self, crops):
        assert crops.shape[1:] == (32, 32, 3)
        return crops[:, 16, 16, :2].astype(np.float32)


def test_each_cell_is_described_by_the_crop_around_its_middle():
    rng = np.random.default_rng(0)
    centers = rng.integers(100, 1900, (200, 2)) * 1.0
    boxes = np.concatenate([centers - 20, centers + 20], axis=1).astype(np.float32)
    reports = []
    described = describe_cells(Ramp(), boxes, Middle(), report=reports.append)
    assert np.abs(described - centers // 16).max() <= 1
    assert reports[-1].done == 200
    assert describe_cells(Ramp(), boxes[:0], Middle()).shape[0] == 0


def test_it_stops_on_request():
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        describe_cells(Ramp(), np.array([[0, 0, 40, 40]], np.float32), Middle(), cancel=cancel)


def test_like_cells_come_first_whatever_the_size_of_a_channel():
    features = np.array([[1, 100], [1.1, 105], [5, 100], [1, 900], [np.nan, 0]], np.float32)
    unlike = unlikeness(features, features[0])
    assert unlike[0] == pytest.approx(0, abs=1e-6)
    assert np.argsort(unlike).tolist()[:2] == [0, 1]
    assert np.isnan(unlike[4])
    scaled = unlikeness(features * np.float32([1000, 1]), features[0] * np.float32([1000, 1]))
    assert scaled[:4] == pytest.approx(unlike[:4], abs=1e-4)
