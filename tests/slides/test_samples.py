"""The drawn Pap smears: the same everywhere, two styles of one scene, and a truth that holds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.errors import SlideError
from cytoshift.slides.samples import CLASSES, Scene, cached, draw, render_tile, truth
from cytoshift.slides.samples.scene import FIELD, layout

WHOLE = 1200


@pytest.fixture(scope="module")
def pictures():
    return {style: render_tile(Scene(3), 0, 0, WHOLE, WHOLE, style) for style in ("home", "away")}


@settings(max_examples=12, deadline=None)
@given(st.data(), st.sampled_from(["home", "away"]))
def test_a_window_drawn_alone_is_a_window_of_the_whole(pictures, data, style):
    y, x = data.draw(st.integers(0, WHOLE - 1)), data.draw(st.integers(0, WHOLE - 1))
    height, width = data.draw(st.integers(1, min(300, WHOLE - y))), data.draw(st.integers(1, min(300, WHOLE - x)))
    alone = render_tile(Scene(3), y, x, height, width, style)
    np.testing.assert_array_equal(alone, pictures[style][y : y + height, x : x + width])


def test_windows_meet_across_scanner_fields():
    whole = render_tile(Scene(1), FIELD - 40, FIELD - 40, 80, 80)
    parts = [[render_tile(Scene(1), FIELD + y, FIELD + x, 40, 40) for x in (-40, 0)] for y in (-40, 0)]
    np.testing.assert_array_equal(whole, np.block([[[part] for part in row] for row in parts]))


def test_another_seed_is_another_patient():
    assert layout(0, 1, 1) != layout(1, 1, 1)
    assert layout(0, 1, 1) == layout.__wrapped__(0, 1, 1)


def test_two_styles_show_the_same_cells_in_other_colours(pictures):
    home, away = (picture.astype(float) for picture in pictures.values())
    glass = [np.percentile(picture.reshape(-1, 3), 80, axis=0) for picture in (home, away)]
    assert glass[0].min() > 235
    assert glass[1].max() < 200
    shade = [picture.mean(-1).ravel() for picture in (home, away)]
    assert np.corrcoef(*shade)[0, 1] > 0.9


def test_every_box_holds_a_nucleus_darker_than_what_is_around(pictures):
    cells = Scene(3).truth(WHOLE, WHOLE)
    assert len(cells.boxes) > 10
    for picture in pictures.values():
        dark = picture.astype(float).sum(-1)
        for x0, y0, x1, y1 in cells.boxes.astype(int):
            if min(x0, y0) > 0 and max(x1, y1) < WHOLE:
                y, x = (y0 + y1) // 2, (x0 + x1) // 2
                box = dark[y0:y1, x0:x1]
                rim = np.concatenate([box[0], box[-1], box[:, 0], box[:, -1]])
                assert dark[y - 5 : y + 6, x - 5 : x + 6].mean() < 0.75 * rim.mean()


def test_all_kinds_of_cells_occur_and_most_are_normal():
    labels = np.concatenate([Scene(seed).truth(4096, 4096).labels for seed in range(3)])
    counts = np.bincount(labels, minlength=len(CLASSES))
    assert (counts > 0).all()
    assert 0.5 < counts[0] / counts.sum() < 0.95
    standard = np.bincount(Scene(0).truth(4096, 4096).labels, minlength=len(CLASSES))
    assert all(standard[CLASSES.index(name)] >= 5 for name in ("NILM", "LSIL", "HSIL"))


def test_boxes_lie_on_the_slide_and_depend_on_place_alone():
    small, large = Scene(0).truth(1500, 2000), Scene(0).truth(4096, 4096)
    assert (small.boxes >= 0).all()
    assert (small.boxes <= [2000, 1500, 2000, 1500]).all()
    inside = (small.boxes[:, 2] < 2000) & (small.boxes[:, 3] < 1500)
    assert {tuple(box) for box in small.boxes[inside]} <= {tuple(box) for box in large.boxes}


def test_much_of_a_large_slide_is_not_scanned_and_the_corner_is():
    scanned = np.array([[Scene(0).scanned(row, column) for column in range(98)] for row in range(98)])
    assert scanned[:4, :4].all()
    assert 0.05 < scanned.mean() < 0.5


def test_a_slide_is_drawn_with_its_truth(tmp_path):
    reports: list[tuple[int, int]] = []
    path = draw(
        tmp_path / "pap.ome.zarr",
        width=1100,
        height=700,
        seed=3,
        report=lambda done, total: reports.append((done, total)),
    )
    written = np.moveaxis(np.asarray(zarr.open_group(str(path), mode="r")["0"]), 0, -1)
    np.testing.assert_array_equal(written, render_tile(Scene(3), 0, 0, 700, 1100))
    for known, expected in zip(truth(path), Scene(3).truth(700, 1100), strict=True):
        np.testing.assert_array_equal(known, expected)
    assert reports == [(k + 1, len(reports)) for k in range(len(reports))]
    feature = json.loads((path / "cells.geojson").read_text())["features"][0]
    assert feature["properties"]["classification"]["name"] in CLASSES


def test_what_is_not_scanned_is_white():
    row = next(row for row in range(4, 90) if not Scene(0).scanned(row, 0))
    assert (render_tile(Scene(0), row * FIELD + 100, 100, 50, 50) == 255).all()


def test_the_cached_sample_is_drawn_once(tmp_path, monkeypatch):
    monkeypatch.setattr("cytoshift.slides.samples.files.user_cache_path", lambda *_, **__: tmp_path / "cache")
    first = cached("away", 300)
    stamp = (first / "zarr.json").stat().st_mtime_ns
    assert cached("away", 300) == first
    assert (first / "zarr.json").stat().st_mtime_ns == stamp
    assert cached("home", 300) != first
    assert len(list((tmp_path / "cache" / "samples").iterdir())) == 2


def test_two_that_draw_the_same_sample_at_once_both_have_it(tmp_path, monkeypatch):
    monkeypatch.setattr("cytoshift.slides.samples.files.user_cache_path", lambda *_, **__: tmp_path)
    other = draw(tmp_path / "other.ome.zarr", width=300, height=300)

    def meanwhile(path: Path, **how: object) -> Path:
        shutil.copytree(other, tmp_path / "samples" / path.name.split("-", 1)[1])
        return draw(path, **how)

    monkeypatch.setattr("cytoshift.slides.samples.files.draw", meanwhile)
    path = cached("home", 300)
    assert len(truth(path).boxes) == len(truth(other).boxes)
    assert list((tmp_path / "samples").iterdir()) == [path]


@pytest.mark.parametrize(("size", "style"), [((0, 10), "home"), ((10, 200_000), "home"), ((10, 10), "mine")])
def test_what_cannot_be_drawn_is_one_sentence(tmp_path, size, style):
    with pytest.raises(SlideError, match=r"; (ask|choose)"):
        draw(tmp_path / "a.ome.zarr", height=size[0], width=size[1], style=style)
    assert not list(tmp_path.iterdir())


def test_a_slide_without_truth_says_so(tmp_path: Path):
    with pytest.raises(SlideError, match="no known cells"):
        truth(tmp_path)
