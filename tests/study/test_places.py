"""A view finds the boxes that a look at every one of them finds, also after some have moved and others were added."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cytoshift.study.places import Places

NONE = np.zeros(0, np.int64)
corners = st.integers(0, 60).map(float)
sizes = st.one_of(st.integers(1, 6), st.just(50)).map(float)
boxes = (
    st.integers(0, 30)
    .flatmap(
        lambda n: st.tuples(
            arrays.arrays(np.float32, (n, 2), elements=corners), arrays.arrays(np.float32, (n, 2), elements=sizes)
        )
    )
    .map(lambda both: np.concatenate([both[0], both[0] + both[1]], axis=1))
)
views = st.tuples(corners, corners, sizes, sizes).map(lambda v: (v[0] - 5, v[1] - 5, v[0] - 5 + v[2], v[1] - 5 + v[3]))


def overlapping(found, view):
    x0, y0, x1, y1 = view
    return [k for k, (a, b, c, d) in enumerate(found.tolist()) if c > x0 and a < x1 and d > y0 and b < y1]


@settings(max_examples=200, deadline=None)
@given(boxes, boxes, st.lists(st.integers(0, 1000), max_size=4), views)
def test_it_finds_what_overlaps(first, more, moved, view):
    places = Places(first, NONE)
    assert places.inside(view).tolist() == overlapping(first, view)
    now = first.copy()
    for number in moved if len(first) else ():
        now[number % len(first)] += number % 40 - 20
    now = np.concatenate([now, more])
    places.follow(now, np.array([number % len(first) for number in moved] if len(first) else [], np.int64))
    expected = overlapping(now, view)
    assert places.inside(view).tolist() == expected
    assert places.at_most(view) >= len(expected)


def test_a_box_that_had_moved_and_is_taken_back_is_found_where_it_was():
    plain = np.array([[0, 0, 2, 2], [9, 9, 11, 11], [20, 0, 22, 2]], np.float32)
    moved = plain.copy()
    moved[1] += 30
    places = Places(moved, np.array([1]))
    assert places.inside((38, 38, 45, 45)).tolist() == [1]
    places.follow(plain, NONE)
    assert places.inside((38, 38, 45, 45)).tolist() == []
    assert places.inside((8, 8, 12, 12)).tolist() == [1]
