"""Outlines of cells in one array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine.outlines import Outlines, area_of, in_one

POINT = st.tuples(st.floats(-1e5, 1e5, width=32), st.floats(-1e5, 1e5, width=32))
POLYGONS = st.lists(st.one_of(st.just([]), st.lists(POINT, min_size=3, max_size=6)), max_size=6)


@settings(max_examples=50, deadline=None)
@given(POLYGONS, st.data())
def test_what_is_selected_and_joined_is_what_single_polygons_say(polygons, data):
    outlines = Outlines.of(polygons)
    assert list(outlines.parts()) == [[[list(map(list, p))]] if p else [] for p in polygons]
    which = data.draw(st.lists(st.integers(0, len(polygons) - 1), max_size=8)) if polygons else []
    assert outlines.select(np.array(which, np.int64)).same(Outlines.of([polygons[at] for at in which]))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(polygons), max_size=len(polygons))), np.bool_)
    assert outlines.select(mask).same(Outlines.of([p for p, kept in zip(polygons, mask, strict=True) if kept]))
    assert Outlines.joined([outlines, Outlines.none(2), outlines]).same(Outlines.of([*polygons, [], [], *polygons]))
    assert bool(outlines) == any(polygons)


RING = st.lists(POINT, min_size=3, max_size=5).map(lambda ring: [list(point) for point in ring])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.lists(RING, min_size=1, max_size=3), max_size=3), max_size=4))
def test_holes_and_parts_stay_what_they_are(cells):
    """A cell is some parts, and a part the ring around it and its holes."""
    outlines = Outlines.of([np.reshape(in_one(parts), (-1, 2)) for parts in cells])
    assert list(outlines.parts()) == cells
    assert outlines.same(outlines.select(np.arange(len(cells))))


def test_holes_are_no_area():
    around, hole = [[0, 0], [10, 0], [10, 10], [0, 10]], [[2, 2], [2, 4], [4, 4], [4, 2]]
    far = [[9e4 + x, y] for x, y in around]
    assert area_of([[around]]) == 100
    assert area_of([[around, hole], [far]]) == 196


def test_points_and_starts_must_fit():
    with pytest.raises(ValueError, match="do not fit"):
        Outlines(np.zeros((3, 2), np.float32), np.array([0, 2]))
