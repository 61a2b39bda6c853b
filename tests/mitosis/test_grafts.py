"""Mitoses in other tissue: each where its box says, as many decoys, and the tissue's own stain or a slide's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_patches import write_table
from PIL import Image

from cytoshift.errors import DataError
from cytoshift.mitosis import PatchSet, read_patches
from cytoshift.mitosis.grafts import ROUNDS, lay_grafts, restained, with_grafts
from cytoshift.mitosis.mosaics import mosaic_fields
from cytoshift.training.coco import CocoSet, read_fields

EDGE, BOX = 64, 20.0


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> PatchSet:
    """Return patches of four slides, pink, with a black square in the middle."""
    folder = tmp_path_factory.mktemp("patches")
    rows = []
    for number in range(12):
        pixels = np.full((EDGE, EDGE, 3), (200, 120, 170), np.uint8)
        pixels[26:38, 26:38] = 0
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append({"file_name": f"{number}.png", "slide": f"s{number // 3}", "x": number * 500, "y": 0})
        rows[-1]["label"] = number % 2
    write_table(folder / "labels.csv", rows)
    return read_patches(folder)


@pytest.fixture(scope="module")
def tissue(tmp_path_factory: pytest.TempPathFactory) -> CocoSet:
    """Return two blue images with stripes of glass."""
    folder = tmp_path_factory.mktemp("tissue")
    for name in ("a", "b"):
        pixels = np.full((270, 340, 3), (120, 150, 220), np.uint8)
        pixels[:, ::4] = 255
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return read_fields(folder)


def test_every_box_is_around_a_mitosis_and_every_mitosis_in_one(patches: PatchSet, tissue: CocoSet) -> None:
    fields = list(lay_grafts(patches, tissue, box=BOX, seed=0))
    assert {field.slide for field in fields} == {"a.png", "b.png"}
    assert len(fields) >= 2 * ROUNDS
    assert any(not len(field.boxes) for field in fields)
    assert sum(len(field.boxes) for field in fields) > len(fields)
    for field in fields:
        dark = np.argwhere(field.pixels.max(axis=-1) < 40)
        owned = np.zeros(len(dark), bool)
        for x0, y0, x1, y1 in field.boxes:
            assert (field.pixels[int(y0 + 6) : int(y1 - 6), int(x0 + 6) : int(x1 - 6)] < 40).all()
            owned |= ((dark >= (y0, x0)) & (dark < (y1, x1))).all(axis=1)
        assert owned.all(), "what is taught as no mitosis holds none"


def test_glass_stays_glass_and_stains_are_the_tissues_or_the_slides(patches: PatchSet, tissue: CocoSet) -> None:
    stains = set()
    for field in lay_grafts(patches, tissue, box=BOX, seed=1):
        columns = np.median(field.pixels, axis=0)  # what is set in fades into a part of them
        colours, counts = np.unique(columns, axis=0, return_counts=True)
        glass, stain = sorted(map(tuple, colours[np.argsort(-counts)][:2].tolist()), reverse=True)
        assert glass == (255, 255, 255)
        stains.add(stain)
    assert (120, 150, 220) in stains
    assert len(stains) > 1


def test_densities_are_multiplied() -> None:
    pixels = np.array([[[255, 128, 63]]], np.uint8)
    np.testing.assert_array_equal(restained(pixels, np.ones(3, np.float32)), pixels)
    np.testing.assert_allclose(restained(pixels, np.full(3, 2, np.float32)), [[[255, 64, 15]]], atol=1)


def test_tissue_is_held_back_with_its_slides_and_fields_are_the_same_for_a_seed(
    patches: PatchSet, tissue: CocoSet, tmp_path: Path
) -> None:
    mosaics = mosaic_fields(patches, tmp_path / "mosaics", mpp=0.25, box_um=5)
    both = with_grafts(mosaics, patches, tissue, tmp_path / "one", mpp=0.25, box_um=5)
    other = with_grafts(mosaics, patches, tissue, tmp_path / "two", mpp=0.25, box_um=5)
    assert len(both.fields) > len(mosaics.fields)
    assert {field.slide for field in both.fields} == {"a.png", "b.png"}
    for one, two in zip(both.fields, other.fields, strict=True):
        np.testing.assert_array_equal(one.boxes, two.boxes)
        np.testing.assert_array_equal(one.read(), two.read())


def test_tissue_smaller_than_a_patch_is_refused(patches: PatchSet, tissue: CocoSet) -> None:
    small = replace(tissue, fields=(replace(tissue.fields[0], height=40),))
    with pytest.raises(DataError, match=r"a\.png is smaller than a patch of 64 px; take larger"):
        next(lay_grafts(patches, small, box=BOX, seed=0))
