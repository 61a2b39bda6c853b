"""Patches side by side: every mitosis where its box says, every patch often enough, nothing learnt from cut cells."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from drawn_patches import write_table
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cytoshift.errors import Cancelled, DataError
from cytoshift.mitosis import PatchSet, read_patches
from cytoshift.mitosis.mosaics import LEAST, ROUNDS, SIDE, _stretches, lay_mosaics, mitoses_within, mosaic_fields
from cytoshift.training.midog import LOOK_ALIKE, MITOSIS

EDGE, BOX, CUT = 64, 20.0, 10.0


class Wish:
    """Says what a person wants."""

    def __init__(self, wish: str = "run") -> None:
        self._wish = wish

    def state(self) -> str:
        return self._wish


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> PatchSet:
    """Return patches of three slides, drawn where they lie: each mitosis is a dark square whose grey is its number."""
    folder = tmp_path_factory.mktemp("patches")
    places = {"a": [(k * 500.0, 100.0) for k in range(7)], "b": [(100.0, 100.0), (125.0, 91.0)], "c": [(900.0, 900.0)]}
    rows, grey = [], 20
    for slide, centres in places.items():
        for k, (x, y) in enumerate(centres):
            pixels = np.full((EDGE, EDGE, 3), 230, np.uint8)
            for other, (ox, oy) in enumerate(centres):
                left, top = int(EDGE / 2 + ox - x - 6), int(EDGE / 2 + oy - y - 6)
                if left < EDGE and top < EDGE:
                    pixels[max(top, 0) : max(top + 12, 0), max(left, 0) : max(left + 12, 0)] = grey + other
            pixels[2:6, 2:12] = 200  # so that turns and mirrors show
            Image.fromarray(pixels).save(folder / f"{slide}{k}.png")
            rows.append({"file_name": f"{slide}{k}.png", "slide": slide, "x": x, "y": y, "label": k % 2})
        grey += 20
    rows[-1]["label"] = 1
    write_table(folder / "labels.csv", rows)
    return read_patches(folder)


def test_every_box_is_around_a_mitosis_and_every_mitosis_has_one(patches: PatchSet) -> None:
    mosaics = list(lay_mosaics(patches, box=BOX, cut=CUT, seed=3))
    assert [mosaic.slide for mosaic in mosaics] == ["a", "b", "c"]
    for mosaic in mosaics:
        assert mosaic.pixels.shape == (SIDE * EDGE, SIDE * EDGE, 3)
        dark = np.argwhere(mosaic.pixels[..., 0] < 100)
        owned = np.zeros(len(dark), bool)
        for x0, y0, x1, y1 in mosaic.boxes:
            assert (mosaic.pixels[int(y0) + 5 : int(y1) - 5, int(x0) + 5 : int(x1) - 5, 0] < 100).all()
            inside = (dark >= (y0, x0)).all(axis=1) & (dark < (y1, x1)).all(axis=1)
            owned |= inside
        for x0, y0, x1, y1 in mosaic.ignored:
            owned |= (dark >= (y0, x0)).all(axis=1) & (dark < (y1, x1)).all(axis=1)
        assert owned.all(), "a mitosis that is neither taught nor ignored would be taught as background"


def test_every_patch_is_laid_often_enough_in_other_turns(patches: PatchSet) -> None:
    mosaic = next(lay_mosaics(patches, box=BOX, cut=CUT, seed=3))
    greys, counts = np.unique(mosaic.pixels[..., 0], return_counts=True)
    assert set(greys[greys < 100]) == set(range(20, 27))
    assert (counts[greys < 100] > 12 * 12 * ROUNDS / 4).all()
    assert len(mosaic.boxes) > 7, "patches, and turns of them"


def test_mitoses_lie_anywhere_between_borders_not_in_a_lattice(patches: PatchSet) -> None:
    """Borders of whole patches would tell where the mitoses are."""
    mosaics = [mosaic for seed in range(20) for mosaic in lay_mosaics(patches, box=BOX, cut=CUT, seed=seed)]
    centres = np.concatenate([(mosaic.boxes[:, :2] + mosaic.boxes[:, 2:]) / 2 for mosaic in mosaics])
    places = centres % EDGE
    counts = np.histogram2d(places[:, 0], places[:, 1], bins=4, range=[[0, EDGE]] * 2)[0]
    assert counts.min() > 0.3 * counts.mean()
    assert {mosaic.pixels.shape for mosaic in mosaics} == {(SIDE * EDGE, SIDE * EDGE, 3)}


def test_neighbours_of_the_table_are_mitoses_and_cut_ones_are_ignored(patches: PatchSet) -> None:
    first = [k for k, slide in enumerate(patches.slides) if slide == "b"]
    boxes = mitoses_within(patches, first[0], EDGE, BOX)
    np.testing.assert_allclose(boxes, [[22, 22, 42, 42], [47, 13, 67, 33]])
    assert len(mitoses_within(patches, len(patches) - 1, EDGE, BOX)) == 1
    mosaic = list(lay_mosaics(patches, box=BOX, cut=CUT, seed=0))[1]
    sides = mosaic.boxes[:, 2:] - mosaic.boxes[:, :2]
    np.testing.assert_allclose(sides, BOX)  # whole ones alone are taught
    assert len(mosaic.ignored) > len(mosaic.boxes)


@settings(max_examples=50, deadline=None)
@given(st.integers(16, 300), st.integers(0, 10**6))
def test_stretches_fill_a_length_and_none_is_too_short_or_too_long(most: int, seed: int) -> None:
    stretches = _stretches(np.random.default_rng(seed), SIDE * most, most)
    assert (stretches[0][0], stretches[-1][1]) == (0, SIDE * most)
    assert all(first[1] == second[0] for first, second in pairwise(stretches))
    lengths = [stop - start for start, stop in stretches]
    assert min(lengths) >= LEAST * most
    assert max(lengths) <= most


def test_fields_are_written_once_and_are_the_same_for_a_seed(patches: PatchSet, tmp_path: Path) -> None:
    notes: list[str] = []
    how = {"box_um": 5.0, "mpp": 0.25, "emit": lambda event: notes.append(event["text"]), "control": Wish()}
    fields = mosaic_fields(patches, tmp_path / "m", seed=1, **how)
    assert fields.classes == (MITOSIS, LOOK_ALIKE)
    assert [field.slide for field in fields.fields] == ["a", "b", "c"]
    assert {field.mpp for field in fields.fields} == {0.25}
    again = mosaic_fields(patches, tmp_path / "m", seed=1, **how)
    other = mosaic_fields(patches, tmp_path / "n", seed=1, **how)
    assert notes == ["laying 10 patches side by side"] * 2
    for one, two, three in zip(fields.fields, again.fields, other.fields, strict=True):
        np.testing.assert_array_equal(one.boxes, two.boxes)
        np.testing.assert_array_equal(one.ignored, three.ignored)
        np.testing.assert_array_equal(one.read(), three.read())


def test_a_cancelled_laying_leaves_nothing(patches: PatchSet, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        mosaic_fields(patches, tmp_path / "m", box_um=5, mpp=0.25, seed=0, emit=lambda _: None, control=Wish("cancel"))
    assert not list(tmp_path.iterdir())


def test_patches_smaller_than_a_box_are_refused(patches: PatchSet) -> None:
    with pytest.raises(DataError, match="64 px wide, less than the box of 65 px"):
        next(lay_mosaics(patches, box=65, cut=CUT, seed=0))
