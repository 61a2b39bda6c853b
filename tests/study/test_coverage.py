"""What was looked at: fields, magnifications, tissue, and how it is kept in a study."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytoshift.errors import StudyError
from cytoshift.slides.tissue import Tissue
from cytoshift.study import Study, salvage
from cytoshift.study.coverage import Coverage, Look, coverage_share, fields_along, share_words


def blank(width=1000, height=700, field=100.0, mpp=0.5, tissue=255):
    shape = fields_along(height, field), fields_along(width, field)
    return Coverage(width, height, field, mpp, np.full(shape, tissue, np.uint8), np.zeros(shape, np.float16))


spans = st.tuples(st.floats(-300, 1300), st.floats(1, 900))
views = st.builds(lambda xs, ys: (xs[0], ys[0], xs[0] + xs[1], ys[0] + ys[1]), spans, spans)
powers = st.floats(0.1, 60)


@given(views, powers)
def test_just_the_fields_that_are_in_the_view_as_a_whole_are_marked(view, power):
    coverage = blank(width=950)
    seen = coverage.marked(view, power).seen
    for row in range(7):
        for column in range(10):
            x1, y1 = min(column * 100 + 100, 950), row * 100 + 100
            missing = max(view[0] - column * 100, view[1] - row * 100, x1 - view[2], y1 - view[3])
            if abs(missing - 1) > 1e-6:  # a hundredth of a field may be missing
                assert (seen[row, column] > 0) == (missing < 1)
    assert set(seen[seen > 0].tolist()) <= {float(np.float16(power))}
    assert not coverage.seen.any()


@given(st.lists(st.tuples(views, powers), max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_looking_does_not_matter_and_two_halves_merge_into_the_whole(looks, random):
    def all_of(some):
        coverage = blank()
        for view, power in some:
            coverage = coverage.marked(view, power)
        return coverage

    whole = all_of(looks)
    shuffled = random.sample(looks, len(looks))
    one, other = all_of(shuffled[::2]), all_of(shuffled[1::2])
    for merged in (one.merged(other), other.merged(one), whole.merged(one)):
        assert np.array_equal(merged.seen, whole.seen)
    assert whole.share(5) >= whole.share(20) >= 0


@given(st.lists(st.tuples(views, powers), max_size=4), st.integers(1, 2000), st.integers(1, 2000))
def test_a_row_of_the_table_keeps_everything(looks, width, height):
    coverage = blank(width, height)
    for view, power in looks:
        coverage = coverage.marked(view, power)
    again = Coverage.from_row(coverage.row())
    assert np.array_equal(again.seen, coverage.seen)
    assert np.array_equal(again.tissue, coverage.tissue)
    assert (again.width, again.height, again.field, again.mpp) == (width, height, 100.0, 0.5)


def test_a_torn_row_is_an_error():
    *numbers, tissue, seen = blank().row()
    with pytest.raises(ValueError, match="incomplete"):
        Coverage.from_row((*numbers, tissue[:-3], seen))
    with pytest.raises(ValueError, match="reshape"):
        Coverage.from_row((900, *numbers[1:], seen, tissue))


def test_the_share_weighs_fields_by_their_tissue_and_is_all_only_when_nothing_is_left():
    coverage = blank(width=300, height=100)
    tissue = np.array([[255, 0, 1]], np.uint8)
    coverage = Coverage(300, 100, 100.0, 0.5, tissue, coverage.seen)
    assert coverage.share() == 0
    coverage = coverage.marked((0, 0, 200, 100), 10.0)
    assert coverage.share() == pytest.approx(255 / 256)
    assert share_words(coverage.share()) == "99 %"
    assert coverage.unseen().tolist() == [[False, False, True]]
    assert coverage.looks().tolist() == [[Look.SCREENED, Look.GLASS, Look.UNSEEN]]
    assert coverage.looks(20).tolist() == [[Look.BELOW, Look.GLASS, Look.UNSEEN]]
    assert coverage.marked((0, 0, 300, 100), 1.2).looks()[0, 2] == Look.UNSEEN, "as a whole, on the screen"
    assert share_words(coverage.marked((200, 0, 300, 100), 10.0).share()) == "100 %"
    assert blank(tissue=0).share() is None


def test_what_the_wheel_shows_as_ten_times_counts_as_ten_times():
    assert blank().marked((0, 0, 1000, 700), 9.97).share(10) == 1
    assert blank().marked((0, 0, 1000, 700), 9.8).share(10) == 0
    assert blank().marked((0, 0, 1000, 700), 1e9).share(100) == 1


def test_a_scale_that_is_set_later_changes_how_closely_it_was_seen():
    seen = blank(mpp=0.25).marked((0, 0, 1000, 700), 20.0)
    assert seen.at_mpp(0.5).share(10) == 1
    assert seen.at_mpp(0.5).share(20) == 0
    both = seen.at_mpp(0.5).merged(seen)
    assert (both.mpp, both.share(20)) == (0.5, 0)


@given(st.integers(1, 60), st.integers(1, 60), st.floats(1.0, 40.0), st.integers(0, 2**32 - 1))
def test_the_tissue_of_fields_is_that_of_boxes(height, width, step, seed):
    tissue = Tissue(np.random.default_rng(seed).random((height, width)) < 0.4, (4.0, 3.0))
    xs = np.minimum(np.arange(fields_along(width * 3, step) + 1) * step, width * 3.0)
    ys = np.minimum(np.arange(fields_along(height * 4, step) + 1) * step, height * 4.0)
    areas = tissue.areas(xs, ys)
    assert areas.sum() == pytest.approx(tissue.mask.sum() * 12)
    row, column = (np.random.default_rng(seed).integers(0, size) for size in areas.shape)
    box = xs[column], ys[row], xs[column + 1], ys[row + 1]
    size = (box[2] - box[0]) * (box[3] - box[1])
    assert areas[row, column] == pytest.approx(tissue.covered(*box) * size, abs=1e-6 * size + 1e-9)


def test_a_slide_is_divided_into_fields_of_50_um(paint, monkeypatch):
    slide = paint("stained", mpp=0.5)
    mask = np.zeros((500, 500), bool)
    mask[:250] = True
    monkeypatch.setattr("cytoshift.slides.tissue.find_tissue", lambda slide: Tissue(mask, (2.0, 2.0)))
    coverage = Coverage.of(slide)
    assert (coverage.field, coverage.mpp, coverage.seen.shape) == (100.0, 0.5, (10, 10))
    assert coverage.tissue.tolist() == [[255] * 10] * 5 + [[0] * 10] * 5
    assert coverage.marked((0, 0, 1000, 250), 10.0).share() == pytest.approx(0.4)


def test_where_nobody_knows_the_scale_fields_are_of_pixels(paint):
    coverage = Coverage.of(paint("a"))
    assert (coverage.field, coverage.mpp, coverage.seen.shape) == (200.0, 0.25, (5, 5))


def test_a_study_merges_what_was_seen_and_keeps_it(study):
    assert study.coverage("a") is None
    assert coverage_share(study, "a") is None
    first, second = blank().marked((0, 0, 500, 700), 20.0), blank().marked((400, 0, 1000, 700), 10.0)
    study.add_coverage("a", first)
    both = study.add_coverage("a", second)
    study.close()
    with Study.open(study.folder, read_only=True) as again:
        assert np.array_equal(again.coverage("a").seen, both.seen)
        assert coverage_share(again, "a") == 1
        assert coverage_share(again, "a", at=20.0) == pytest.approx(0.5)
        assert again.coverage("b") is None
        assert again.events() == []
        with pytest.raises(StudyError, match="to be read"):
            again.add_coverage("a", second)


def test_a_second_reader_has_seen_nothing_of_what_the_first_has(study):
    study.add_coverage("a", blank().marked((0, 0, 1000, 700), 20.0))
    study.read_as("second")
    assert study.coverage("a") is None
    study.add_coverage("a", blank().marked((0, 0, 100, 100), 40.0))
    assert coverage_share(study, "a") == pytest.approx(1 / 70)
    study.read_as("")
    assert coverage_share(study, "a", at=40.0) == 0
    study.add_coverage("a", blank().marked((900, 0, 1000, 700), 40.0), reader="second")
    assert coverage_share(study, "a", at=40.0) == 0


def test_only_slides_of_the_study_have_coverage(study):
    with pytest.raises(StudyError, match="add the slide first"):
        study.add_coverage("c", blank())


def test_what_cannot_be_stored_takes_nothing_away(study):
    study.add_coverage("a", blank().marked((0, 0, 500, 700), 20.0))
    with pytest.raises(ValueError, match="different grids"):
        study.add_coverage("a", blank(field=50.0))
    assert coverage_share(study, "a") == pytest.approx(0.5)


def test_a_damaged_study_still_knows_what_was_seen(study):
    study.add_coverage("a", blank().marked((0, 0, 500, 700), 20.0))
    study.add("a", (1, 2, 30, 40), "HSIL")
    study.close()
    file = study.folder / "study.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert list(salvage.read(file).coverage) == [("a", "")]
    file.write_bytes(file.read_bytes()[:-4096])
    with Study.open(study.folder) as mended:
        assert "damaged" in mended.notice
        assert [event.kind for event in mended.events()] == ["add"]
        kept = mended.coverage("a")
        assert kept is None or kept.share() == pytest.approx(0.5)
