"""The slide of the tests is what it says: every patch where it is said to be, and nothing else on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_patches import draw_set, usual_rows
from patch_slide import APART, CORE, MPP, PatchSlide, write_patch_slide

from cytoshift.mitosis import read_patches
from cytoshift.slides import open_slide


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PatchSlide:
    folder = tmp_path_factory.mktemp("slide")
    patches = read_patches(draw_set(folder / "set", usual_rows(3, 4), side=128))
    return write_patch_slide(folder / "slide.tif", patches, side=1100, seed=1)


def test_patches_lie_where_they_are_said_to_be(made: PatchSlide) -> None:
    slide = open_slide(made.file)
    assert slide.mpp == pytest.approx(MPP)
    assert [level.width for level in slide.levels[:2]] == [1100, 550]
    for number, (x, y) in enumerate(made.centres.tolist()):
        seen = slide.read(0, y - CORE, x - CORE, 2 * CORE, 2 * CORE)
        np.testing.assert_array_equal(seen, made.patches.read(number)[64 - CORE : 64 + CORE, 64 - CORE : 64 + CORE])
    assert made.atypical.tolist() == (made.patches.labels == 1).tolist()


def test_none_touches_another_and_the_rest_is_smooth(made: PatchSlide) -> None:
    apart = np.hypot(*(made.centres[:, None] - made.centres[None]).transpose(2, 0, 1))
    assert (apart + 1e9 * np.eye(len(apart))).min() >= APART - 32
    image = open_slide(made.file).read(0, 0, 0, 1100, 1100)
    bare = np.ones((1100, 1100), bool)
    for x, y in made.centres.tolist():
        bare[y - 64 : y + 64, x - 64 : x + 64] = False
    assert image[bare].min() > 100


def test_a_seed_gives_the_same_slide(made: PatchSlide, tmp_path: Path) -> None:
    again = write_patch_slide(tmp_path / "again.tif", read_patches(made.file.parent / "set"), side=1100, seed=1)
    np.testing.assert_array_equal(again.centres, made.centres)
    assert again.patches.files == made.patches.files
