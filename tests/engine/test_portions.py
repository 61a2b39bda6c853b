"""When memory runs out, batches become smaller, stay so, and change nothing; a single tile too many is one sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from same_bytes import ArraySlide, assert_equal_findings, level0, noise

from cytoshift.engine import DerivedSlide, FindingOperator, ImageOperator, Needs, TileBoxes, run_findings, run_image
from cytoshift.engine.portions import out_of_memory
from cytoshift.errors import CytoshiftError
from cytoshift.slides.cache import TileCache

RGB = npt.NDArray[np.uint8]
Error = Callable[[], Exception]

ERRORS: dict[str, Error] = {
    "CUDA": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "MPS": lambda: RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
    "CPU": lambda: RuntimeError(
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    ),
    "library": lambda: RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
    "numpy": lambda: MemoryError("Unable to allocate 9 GiB"),
}


class Limited:
    """Memory that holds so many tiles; remembers how many it was asked for each time."""

    def __init__(self, holds: int, error: Error = MemoryError) -> None:
        self.asked: list[int] = []
        self._holds, self._error = holds, error

    def hold(self, tiles: RGB) -> None:
        self.asked.append(len(tiles))
        if len(tiles) > self._holds:
            raise self._error()


class Bright(FindingOperator):
    """Finds the brightest pixel of each tile."""

    key = "bright"
    title = "Bright"
    classes = ("bright",)
    model = ("bright", "1")
    threshold = 0.0

    def __init__(self, memory: Limited, batch: int) -> None:
        self._memory, self._batch = memory, batch

    @property
    def needs(self) -> Needs:
        return Needs(tile=64, halo=16, batch=self._batch)

    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        self._memory.hold(tiles)
        return [self._one(tile[..., 0]) for tile in tiles]

    def _one(self, tile: RGB) -> TileBoxes:
        y, x = divmod(int(tile[16:-16, 16:-16].argmax()), 64)
        box = np.array([[x + 12, y + 12, x + 20, y + 20]], np.float32)
        return TileBoxes(box, np.array([tile.mean() / 255], np.float32), np.zeros(1, np.int16))


class Mirrored(ImageOperator):
    """Not pointwise: every tile is mirrored in itself, and darkened by its place on the grid."""

    key = "mirrored"
    title = "Mirrored"

    def __init__(self, memory: Limited, batch: int) -> None:
        self._memory, self._batch = memory, batch

    @property
    def needs(self) -> Needs:
        return Needs(tile=64, halo=16, batch=self._batch)

    def apply(self, tiles: RGB) -> RGB:
        self._memory.hold(tiles)
        return tiles[:, ::-1] // 2

    def render(self, tiles: Sequence[object], windows: RGB) -> RGB:
        out = self.apply(windows)
        for place, tile in enumerate(tiles):
            out[place] += np.uint8(tile.index % 100)  # type: ignore[attr-defined]
        return out


class Dark(ImageOperator):
    """Pointwise: one tile at a time."""

    key = "dark"
    title = "Dark"
    pointwise = True
    needs = Needs(tile=64)

    def __init__(self, memory: Limited) -> None:
        self._memory = memory

    def apply(self, tiles: RGB) -> RGB:
        self._memory.hold(tiles)
        return tiles // 2


SLIDE = ArraySlide(noise(300, 460), mpp=0.5)
"""40 tiles of 64 px: five batches of eight, or six of seven of which the last is short."""


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_finding_goes_on_in_smaller_batches(error: Error) -> None:
    memory, enough = Limited(2, error), Limited(1)
    found = run_findings(SLIDE, Bright(memory, 8))
    assert_equal_findings(found, run_findings(SLIDE, Bright(enough, 1)))
    assert len(found) > 20
    assert memory.asked == [8, 4] + [2] * 20, "once halved, it stays halved"


def test_a_batch_that_halves_unevenly_is_filled_up() -> None:
    memory = Limited(3)
    found = run_findings(SLIDE, Bright(memory, 7))
    assert_equal_findings(found, run_findings(SLIDE, Bright(Limited(1), 1)))
    # Five batches of seven as three, three and one with filling; then five tiles as three and two with filling.
    assert memory.asked == [7] + [3] * 17


def test_images_are_written_in_smaller_batches(tmp_path: Path) -> None:
    memory = Limited(3)
    written = level0(run_image(SLIDE, Mirrored(memory, 8), tmp_path / "few.ome.zarr"))
    expected = level0(run_image(SLIDE, Mirrored(Limited(1), 1), tmp_path / "one.ome.zarr"))
    np.testing.assert_array_equal(written, expected)
    assert memory.asked == [8, 4] + [2] * 20


def test_a_slide_seen_through_an_operator_is_computed_in_smaller_batches() -> None:
    memory = Limited(1)
    seen = DerivedSlide(SLIDE, Mirrored(memory, 4), cache=TileCache(1 << 26))
    alone = DerivedSlide(SLIDE, Mirrored(Limited(1), 1), cache=TileCache(1 << 26))
    np.testing.assert_array_equal(seen.read(0, 0, 0, 300, 460), alone.read(0, 0, 0, 300, 460))
    assert memory.asked[:3] == [4, 2, 1]
    assert set(memory.asked[3:]) == {1}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_one_tile_too_many_is_one_sentence(error: Error, tmp_path: Path) -> None:
    said = "Memory runs out over one tile of {}; close other programs, or choose another device."
    memory = Limited(0, error)
    with pytest.raises(CytoshiftError) as raised:
        run_findings(SLIDE, Bright(memory, 4))
    assert str(raised.value) == said.format("Bright")
    assert memory.asked == [4, 2, 1]
    with pytest.raises(CytoshiftError) as raised:
        run_image(SLIDE, Mirrored(Limited(0, error), 4), tmp_path / "a.ome.zarr")
    assert str(raised.value) == said.format("Mirrored")
    with pytest.raises(CytoshiftError) as raised:
        run_image(SLIDE, Dark(Limited(0, error)), tmp_path / "b.ome.zarr")
    assert str(raised.value) == said.format("Dark")


def test_other_errors_stay_what_they_are() -> None:
    memory = Limited(0, lambda: RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        run_findings(SLIDE, Bright(memory, 4))
    assert memory.asked == [4]


def test_what_torch_itself_says_is_recognized() -> None:
    """Not what this test thinks that it says: the allocator is asked for more than there can be."""
    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 62, dtype=torch.uint8)
    assert out_of_memory(raised.value)
