"""The tissue mask: single pale cells stay, glass goes, and shares are exact."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.slides.cache import TileCache
from cytoshift.slides.coordinates import Frame
from cytoshift.slides.samples import STYLES, Scene, render_tile
from cytoshift.slides.slide import TILE, Level, Slide, SlideInfo
from cytoshift.slides.tissue import Tissue, find_tissue, tissue_mask

RGB = npt.NDArray[np.uint8]


class ArraySlide(Slide):
    """An image in memory as a slide of one level."""

    def __init__(self, image: RGB, key: str, *, brightfield: bool = True) -> None:
        self.image, self.reads = image, 0
        info = SlideInfo("cells", key, "numpy", mpp_yx=(1.0, 1.0), brightfield=brightfield)
        super().__init__(info, (Level(*image.shape[:2], (1.0, 1.0)),), cache=TileCache(1 << 24))

    @property
    def key(self) -> str:
        return self.info.identity

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        self.reads += 1
        return self.image[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE].copy()

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> Slide:
        return self


def glass(
    lamp: tuple[float, ...], shading: float = 0.0, noise: float = 1.5, side: int = 600
) -> npt.NDArray[np.float64]:
    """Return empty glass under a lamp that falls off towards the corners."""
    v, u = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    light = np.asarray(lamp) * (1 - shading * (u * u + v * v) / 2)[..., None]
    return light + np.random.default_rng(0).normal(0, noise, light.shape)


def finish(image: npt.NDArray[np.float64]) -> RGB:
    return np.clip(image + 0.5, 0, 255).astype(np.uint8)


def discs(places: list[tuple[int, int]], radius: int, side: int = 600) -> npt.NDArray[np.bool_]:
    y, x = np.mgrid[:side, :side]
    return np.any([(y - v) ** 2 + (x - u) ** 2 < radius**2 for v, u in places], axis=0)


CELLS = [(90, 100), (300, 450), (480, 160), (520, 540)]


@pytest.mark.parametrize("lamp", [(252, 253, 252), (176, 170, 156), (110, 104, 95)])
@pytest.mark.parametrize("shading", [0.0, 0.25])
def test_blank_glass_has_no_tissue(lamp, shading):
    assert tissue_mask(finish(glass(lamp, shading)), 1.0).mean() < 0.005


@pytest.mark.parametrize("lamp", [(252, 253, 252), (176, 170, 156), (110, 104, 95)])
@pytest.mark.parametrize("colour", [(0.83, 0.95, 0.94), (0.98, 0.92, 0.84), (0.94, 0.86, 0.90)])
def test_single_pale_cells_of_any_colour_stay(lamp, colour):
    cells = discs(CELLS, 20)
    image = glass(lamp, 0.15)
    image[cells] *= colour
    mask = tissue_mask(finish(image), 1.0)
    assert mask[cells].mean() > 0.98
    assert mask[~discs(CELLS, 32)].mean() < 0.01


def test_small_cells_of_a_coarse_level_stay():
    cells = discs(CELLS, 2)
    image = glass((250, 250, 250))
    image[cells] *= (0.6, 0.5, 0.6)
    mask = tissue_mask(finish(image), 16.0)
    assert mask[cells].all()


def test_pale_tissue_beside_dense_tissue_stays():
    dense, pale = discs([(300, 200)], 180), discs([(300, 460)], 90)
    image = glass((250, 250, 250))
    image[dense] *= (0.5, 0.2, 0.4)
    image[pale & ~dense] *= (0.95, 0.85, 0.88)
    assert tissue_mask(finish(image), 8.0)[dense | pale].mean() > 0.98


def test_tissue_without_any_glass_is_tissue():
    image = glass((215, 150, 190), noise=20)
    image[::40] *= 0.6
    assert tissue_mask(finish(image), 0.5).mean() > 0.9


def test_what_was_not_scanned_is_no_tissue_and_sets_no_white_point():
    image = glass((176, 170, 156))
    image[discs(CELLS, 20)] *= (0.7, 0.6, 0.6)
    image[:, 300:] = 255
    mask = tissue_mask(finish(image), 1.0)
    assert mask[discs(CELLS, 18)[:, :300].nonzero()].all()
    assert mask[:, 310:].mean() < 0.01
    assert mask.mean() < 0.05


def test_dust_is_dropped_and_small_holes_are_closed():
    image = glass((250, 250, 250), noise=0)
    image[100:102, 100:102] *= 0.5
    ring = discs([(300, 300)], 60) & ~discs([(300, 300)], 15)
    image[ring] *= (0.6, 0.7, 0.7)
    mask = tissue_mask(finish(image), 1.0)
    assert not mask[90:112, 90:112].any()
    assert mask[discs([(300, 300)], 60)].all()


@pytest.mark.parametrize("style", STYLES)
def test_no_known_cell_of_a_smear_is_lost(style):
    side = 1200
    image = render_tile(Scene(0), 2400, 0, side, side, style)
    small = image.reshape(side // 4, 4, side // 4, 4, 3).mean((1, 3))
    tissue = Tissue(tissue_mask(finish(small), 1.0), (4.0, 4.0))
    boxes = Scene(0).truth(4096, 4096).boxes - [0, 2400, 0, 2400]
    boxes = boxes[(boxes.min(1) > 0) & (boxes.max(1) < side)]
    assert len(boxes) > 15
    assert min(tissue.covered(*box) for box in boxes.tolist()) > 0.95
    assert tissue.fraction < 0.95


def test_fluorescence_is_bright_on_dark():
    image = np.full((600, 600, 3), 4.0)
    image[discs(CELLS, 30)] = (10, 20, 140)
    tissue = find_tissue(ArraySlide(finish(image), "dapi", brightfield=False))
    assert all(tissue.covered(x - 19, y - 19, x + 19, y + 19) == 1 for y, x in CELLS)
    assert tissue.fraction < 0.1


def test_the_mask_is_found_once_for_a_slide():
    slide = ArraySlide(finish(glass((250, 250, 250))), "once")
    first = find_tissue(slide)
    reads = slide.reads
    assert find_tissue(ArraySlide(slide.image, "once")) is first
    assert find_tissue(slide) is first
    assert slide.reads == reads
    assert find_tissue(ArraySlide(slide.image, "other")) is not first


corner = st.floats(-20, 60, allow_nan=False).map(lambda value: round(value, 3))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), st.lists(corner, min_size=4, max_size=4))
def test_the_share_of_a_box_is_that_of_counting(seed, sides):
    mask = np.random.default_rng(seed).random((9, 13)) < 0.4
    tissue = Tissue(mask, (3.0, 4.0))
    x0, x1 = sorted(sides[:2])
    y0, y1 = sorted(sides[2:])
    share = tissue.covered(x0, y0, x1, y1)
    rows = [max(0.0, min(y1, 3.0 * (k + 1)) - max(y0, 3.0 * k)) for k in range(9)]
    columns = [max(0.0, min(x1, 4.0 * (k + 1)) - max(x0, 4.0 * k)) for k in range(13)]
    area = np.outer(rows, columns)
    if area.sum() < 1e-6:
        assert 0 <= share <= 1
    else:
        assert share == pytest.approx(area[mask].sum() / area.sum(), abs=1e-6)


def test_a_box_on_glass_has_no_share_at_all():
    mask = np.ones((40, 40), bool)
    mask[10:20, 10:20] = False
    tissue = Tissue(mask, (3.3, 3.3))
    assert tissue.covered(33.0, 33.0, 66.0, 66.0) == 0
    assert tissue.covered(-50, -50, -1, -1) == 0
    assert tissue.covered(0, 0, 10, 10) == 1


def test_areas_are_in_square_millimetres():
    mask = np.zeros((100, 200), bool)
    mask[:50] = True
    tissue = Tissue(mask, (8.0, 4.0))
    assert tissue.fraction == 0.5
    assert tissue.area_mm2(Frame((0.25, 0.5))) == pytest.approx(100 * 100 * (8 * 0.25) * (4 * 0.5) / 1e6)
    assert tissue.area_mm2(Frame(None)) is None
