"""Runs over a slide: region, tissue, resume, and seeing through another operator."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from same_bytes import ArraySlide, StopAfter, assert_equal_findings, level0, noise
from scipy import ndimage

from cytoshift.engine import (
    DerivedSlide,
    FindingOperator,
    Findings,
    ImageOperator,
    Needs,
    Progress,
    TileBoxes,
    run_findings,
    run_image,
)
from cytoshift.errors import Cancelled, SlideError
from cytoshift.slides.tissue import Tissue

RGB = npt.NDArray[np.uint8]


class Specks(FindingOperator):
    """Finds dark specks, and counts its calls."""

    key = "specks"
    title = "Specks"
    classes = ("speck", "dark speck")
    model = ("specks", "1")
    threshold = 0.2
    needs = Needs(mpp=0.5, tile=128, halo=32, batch=3)

    def __init__(self) -> None:
        self.calls = 0

    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        assert tiles.shape == (3, 192, 192, 3)
        self.calls += 1
        return [self._one(tile) for tile in tiles]

    def _one(self, tile: RGB) -> TileBoxes:
        marks, _ = ndimage.label(tile[..., 0] < 128)
        spans = ndimage.find_objects(marks)
        boxes = np.array([(x.start, y.start, x.stop, y.stop) for y, x in spans], np.float32).reshape(-1, 4)
        dark = np.array([tile[span][..., 0].min() < 50 for span in spans], np.int16)
        return TileBoxes(boxes, np.full(len(boxes), 0.75, np.float32), dark)


class Negative(ImageOperator):
    """Pointwise: what is light becomes dark."""

    key = "negative"
    title = "Negative"
    pointwise = True

    def apply(self, tiles: RGB) -> RGB:
        return 255 - tiles


class Shade(ImageOperator):
    """Not pointwise: half as bright, in tiles of its own."""

    key = "shade"
    title = "Shaded"
    needs = Needs(tile=256, batch=2)

    def apply(self, tiles: RGB) -> RGB:
        return tiles // 2


def specks(side: int = 900) -> tuple[RGB, npt.NDArray[np.float32]]:
    """Return an image with 12 px specks, seams included, and their boxes."""
    image = np.full((side, side + 100, 3), 255, np.uint8)
    boxes = []
    for y in range(20, side - 20, 47):
        for x in range(20, side + 80, 53):
            image[y : y + 12, x : x + 12] = 30 if (x + y) % 2 else 100
            boxes.append((x, y, x + 12, y + 12))
    return image, np.array(boxes, np.float32)


def in_order(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return boxes[np.lexsort((boxes[:, 0], boxes[:, 1]))]


@pytest.mark.parametrize("mpp", [0.5, 0.25], ids=["its own scale", "half its scale"])
def test_everything_is_found_once_in_level0_pixels(mpp: float) -> None:
    image, truth = specks()
    factor = round(0.5 / mpp)
    image = image.repeat(factor, 0).repeat(factor, 1)
    slide = ArraySlide(image, mpp=mpp)
    found = run_findings(slide, Specks())
    np.testing.assert_array_equal(in_order(found.boxes), in_order(truth * factor))
    assert found.classes == ("speck", "dark speck")
    assert found.provenance.slide == slide.info.identity
    assert (found.provenance.model, found.provenance.version, found.provenance.threshold) == ("specks", "1", 0.2)
    assert found.provenance.region is None
    assert found.provenance.through == ""


def test_a_region_gives_what_the_slide_gives_there() -> None:
    image, _ = specks()
    slide = ArraySlide(image, mpp=0.5)
    whole = run_findings(slide, Specks())
    region = (100.5, 210.0, 500.0, 505.25)
    found = run_findings(slide, Specks(), region=region)
    x, y = whole.boxes[:, ::2].mean(axis=1), whole.boxes[:, 1::2].mean(axis=1)
    inside = (x >= region[0]) & (x < region[2]) & (y >= region[1]) & (y < region[3])
    assert 10 < inside.sum() < len(whole)
    assert_equal_findings(found, whole.select(inside))
    assert found.provenance.region == region
    assert len(run_findings(slide, Specks(), region=(5000, 0, 6000, 10))) == 0


def test_glass_is_skipped() -> None:
    image, _ = specks()
    mask = np.zeros((9, 10), bool)
    mask[:, :4] = True
    operator, slide = Specks(), ArraySlide(image, mpp=0.5)
    found = run_findings(slide, operator, tissue=Tissue(mask, (100.0, 100.0)))
    assert found.boxes[:, 0].max() < 512
    everything = Specks()
    run_findings(slide, everything)
    assert operator.calls < everything.calls


def test_progress_counts_tiles_and_ends() -> None:
    reports: list[Progress] = []
    run_findings(ArraySlide(specks()[0], mpp=0.5), Specks(), report=reports.append)
    assert [report.total for report in reports] == [64] * len(reports)
    assert reports[0].done == 0
    assert reports[-1].done == 64
    assert reports[-1].remaining == 0


def test_found_cells_appear_as_tiles_are_done(tmp_path: Path) -> None:
    slide = ArraySlide(specks()[0], mpp=0.5)
    parts: list[Findings] = []
    found = run_findings(slide, Specks(), on_tile=parts.append)
    assert len(parts) == 64
    np.testing.assert_array_equal(in_order(np.concatenate([part.boxes for part in parts])), in_order(found.boxes))

    stop = StopAfter(20)
    with pytest.raises(Cancelled):
        run_findings(slide, Specks(), journal=tmp_path / "j", report=stop, cancel=stop.token)
    parts.clear()
    run_findings(slide, Specks(), journal=tmp_path / "j", on_tile=parts.append)
    assert sum(len(part) for part in parts) == len(found)


def test_an_interrupted_search_goes_on(tmp_path: Path) -> None:
    slide = ArraySlide(specks()[0], mpp=0.5)
    whole = run_findings(slide, Specks())
    first, second, third = Specks(), Specks(), Specks()
    stop = StopAfter(30)
    with pytest.raises(Cancelled):
        run_findings(slide, first, journal=tmp_path / "j", report=stop, cancel=stop.token)
    assert_equal_findings(run_findings(slide, second, journal=tmp_path / "j"), whole)
    assert second.calls == 22 - first.calls
    assert_equal_findings(run_findings(slide, third, journal=tmp_path / "j"), whole)
    assert third.calls == 0


def test_a_journal_of_another_slide_is_not_used(tmp_path: Path) -> None:
    run_findings(ArraySlide(specks()[0], mpp=0.5), Specks(), journal=tmp_path / "j")
    blank = ArraySlide(np.full((300, 300, 3), 255, np.uint8), mpp=0.5, name="blank")
    assert len(run_findings(blank, Specks(), journal=tmp_path / "j")) == 0


def test_searching_through_an_operator_keeps_the_originals_coordinates() -> None:
    image, truth = specks()
    slide = ArraySlide(255 - image, mpp=0.5)
    found = run_findings(slide, Specks(), through=Negative())
    np.testing.assert_array_equal(in_order(found.boxes), in_order(truth))
    assert found.provenance.through == "negative"
    assert found.provenance.slide == slide.info.identity


def test_a_slide_without_a_scale_is_refused() -> None:
    with pytest.raises(SlideError, match="set its µm/px"):
        run_findings(ArraySlide(specks()[0]), Specks())


def test_an_error_in_the_operator_leaves_no_thread() -> None:
    class Failing(Specks):
        def find(self, tiles: RGB) -> Sequence[TileBoxes]:
            raise RuntimeError("shapes differ")

    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="shapes differ"):
        run_findings(ArraySlide(specks()[0], mpp=0.5), Failing())
    assert set(threading.enumerate()) <= before


def test_an_image_run_writes_a_calibrated_pyramid(tmp_path: Path) -> None:
    image = noise(1300, 1500)
    slide = ArraySlide(image, mpp=0.25, levels=2)
    reports: list[Progress] = []
    out = run_image(slide, Negative(), tmp_path / "out.ome.zarr", report=reports.append)
    np.testing.assert_array_equal(level0(out), 255 - image)
    scales = zarr.open_group(str(out), mode="r").attrs["ome"]["multiscales"][0]["datasets"]
    assert scales[0]["coordinateTransformations"][0]["scale"][-1] == 0.25
    assert reports[-1].done == reports[-1].total
    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.zarr"]
    with pytest.raises(SlideError, match=r"out\.ome\.zarr exists already"):
        run_image(slide, Negative(), out)
    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.zarr"]


def test_tiles_without_tissue_are_left_alone(tmp_path: Path) -> None:
    image = noise(600, 1100)
    mask = np.zeros((6, 11), bool)
    mask[:3, :3] = True
    tissue = Tissue(mask, (100.0, 100.0))
    out = level0(run_image(ArraySlide(image), Shade(), tmp_path / "a.ome.zarr", tissue=tissue))
    expected = image.copy()
    expected[:512, :512] //= 2
    np.testing.assert_array_equal(out, expected)
    derived = DerivedSlide(ArraySlide(image), Shade(), tissue=tissue)
    np.testing.assert_array_equal(derived.read(0, 0, 0, 600, 1100), expected)
    assert derived.key != DerivedSlide(ArraySlide(image), Shade()).key


def test_leftovers_of_another_run_are_discarded(tmp_path: Path) -> None:
    image = noise(900, 900)
    stop = StopAfter(1)
    with pytest.raises(Cancelled):
        run_image(ArraySlide(image), Shade(), tmp_path / "a.ome.zarr", report=stop, cancel=stop.token)
    other = ArraySlide(image[::-1].copy(), name="other")
    np.testing.assert_array_equal(level0(run_image(other, Shade(), tmp_path / "a.ome.zarr")), image[::-1] // 2)
