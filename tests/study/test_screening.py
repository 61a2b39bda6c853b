"""The order of screening: every field of tissue comes up, in rows, until all of it was seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.errors import StudyError
from cytoshift.study.coverage import Coverage
from cytoshift.study.screening import next_unseen


def slide(tissue, width=None, height=None, field=100.0):
    tissue = np.asarray(tissue, np.uint8)
    rows, columns = tissue.shape
    return Coverage(
        width or int(columns * field), height or int(rows * field), field, 0.5, tissue, np.zeros((rows, columns), "f2")
    )


def around(x, y, width, height):
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def screened(coverage, view, shown_at, at):
    """Screen until nothing is left, and return the views that came up."""
    views = []
    while (found := next_unseen(coverage, view, shown_at, at)) is not None:
        assert len(views) < coverage.seen.size, "it goes round in circles"
        views.append(found)
        view, shown_at, coverage = found, at, coverage.marked(found, at)
    assert coverage.share(at) in (1, None)
    return views


@settings(max_examples=60)
@given(st.data())
def test_pressing_again_and_again_screens_the_whole_slide(data):
    rows, columns = data.draw(st.integers(1, 25)), data.draw(st.integers(1, 25))
    seed = data.draw(st.integers(0, 2**32 - 1))
    tissue = (np.random.default_rng(seed).random((rows, columns)) < 0.5) * 9
    width, height = (n * 100 - data.draw(st.integers(0, 99)) for n in (columns, rows))
    size = data.draw(st.floats(101, 900)), data.draw(st.floats(101, 900))
    start = data.draw(st.floats(-500, 3000)), data.draw(st.floats(-500, 3000))
    at, shown_at = data.draw(st.sampled_from([10.0, 40.0])), data.draw(st.floats(0.5, 50))
    scale = at / shown_at
    view = around(*start, size[0] * scale, size[1] * scale)
    coverage = slide(tissue, width, height)
    for x0, y0, x1, y1 in screened(coverage, view, shown_at, at):
        assert (x1 - x0, y1 - y0) == pytest.approx(size)


def test_rows_run_left_to_right_and_then_right_to_left_and_overlap_a_little():
    views = screened(slide(np.full((4, 9), 255)), around(0, 0, 330, 220), 10, 10)
    middles = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in views]
    assert middles == [(165, 110), (450, 110), (735, 110), (735, 290), (450, 290), (165, 290)]


def test_screening_starts_where_one_is_and_comes_back_to_what_was_passed_over():
    views = screened(slide(np.full((4, 9), 255)), around(500, 90, 1650, 1100), 2, 10)
    assert [(x0 + x1) / 2 for x0, _, x1, _ in views] == [450, 735, 735, 450, 165, 165]


def test_going_on_at_once_passes_a_view_over_and_glass_is_left_out():
    tissue = np.zeros((2, 40))
    tissue[0, 10], tissue[1, 30] = 1, 255
    coverage, view = slide(tissue), around(0, 0, 330, 330)
    first = next_unseen(coverage, view, 10)
    second = next_unseen(coverage, first, 10)
    assert first[0] < 1000 < 1100 < first[2]
    assert second[0] < 3000 < 3100 < second[2]
    assert next_unseen(coverage, second, 10) == first
    coverage = coverage.marked(second, 10)
    assert next_unseen(coverage, first, 10) == first, "the last one that is left"


def test_what_was_seen_at_less_is_not_screened():
    coverage = slide(np.full((3, 3), 255)).marked((0, 0, 300, 300), 10)
    assert next_unseen(coverage, (0, 0, 300, 300), 10, 10) is None
    assert next_unseen(coverage, (0, 0, 300, 300), 10, 20) is not None


def test_a_window_that_holds_no_field_is_said():
    with pytest.raises(StudyError, match="too small to screen at 40×"):
        next_unseen(slide(np.full((3, 3), 255)), (0, 0, 300, 300), 10, 40)
