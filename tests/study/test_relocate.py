"""Slides are known by what they are: those that moved are found, and none is taken for another."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cytoshift.slides import open_slide
from cytoshift.study import Study
from cytoshift.study.relocate import lies_at, relocate


def draw(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def two(tmp_path):
    """Return a study with two slides in folders of one disk."""
    with Study.create(tmp_path / "work" / "study") as made:
        for seed, name in enumerate(("clinic/one.png", "clinic/deep/two.png")):
            made.add_slide(open_slide(draw(tmp_path / "disk" / name, seed)))
        yield made


def paths(study):
    return {record.name: lies_at(record) for record in study.slides()}


def test_what_did_not_move_is_where_it_was(two):
    assert relocate(two) == {}
    assert all(paths(two).values())


def test_slides_are_found_beside_the_study(two, tmp_path):
    (tmp_path / "disk" / "clinic").rename(tmp_path / "work" / "clinic")
    assert paths(two) == {"one.png": None, "two.png": None}
    found = relocate(two)
    assert sorted(path.name for path in found.values()) == ["one.png", "two.png"]
    assert paths(two) == {
        "one.png": tmp_path / "work/clinic/one.png",
        "two.png": tmp_path / "work/clinic/deep/two.png",
    }


def test_one_slide_that_was_shown_again_leads_to_the_others(two, tmp_path):
    (tmp_path / "disk").rename(tmp_path / "archive")
    assert relocate(two) == {}
    two.add_slide(open_slide(tmp_path / "archive/clinic/one.png"))
    assert list(relocate(two).values()) == [tmp_path / "archive/clinic/deep/two.png"]


def test_another_slide_of_that_name_is_not_taken(two, tmp_path):
    (tmp_path / "disk").rename(tmp_path / "archive")
    draw(tmp_path / "work" / "one.png", 7)
    assert relocate(two) == {}
    assert paths(two)["one.png"] is None


def test_a_study_that_is_only_read_tells_and_stores_nothing(two, tmp_path):
    (tmp_path / "disk" / "clinic").rename(tmp_path / "work" / "clinic")
    with Study.open(two.folder, read_only=True) as reader:
        assert len(relocate(reader)) == 2
    assert paths(two) == {"one.png": None, "two.png": None}
