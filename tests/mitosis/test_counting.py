"""Windows of a stated area: how large they are, where most mitoses lie, and what is counted in them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.errors import CytoshiftError, DataError
from cytoshift.mitosis import Counted, Figures, Window, count, densest, place
from cytoshift.mitosis.classes import ATYPICAL, CLASSES, DETECTED, LOOK_ALIKE, MITOSIS, NORMAL
from cytoshift.mitosis.counting import field_area
from cytoshift.mitosis.report import said_fields
from cytoshift.slides.coordinates import Frame
from cytoshift.study.cells import fold_cells
from cytoshift.study.events import Event
from cytoshift.study.mitoses import figures_of_cells

EXTENT = (0.0, 0.0, 100.0, 80.0)
QUARTER = Frame((0.25, 0.25))


def figures(points, names=None, classes=(*CLASSES, MITOSIS), **said):
    """Return figures of boxes of 10 pixels around points; normal mitoses where no names are given."""
    middles = np.asarray(points, np.float64).reshape(-1, 2)
    boxes = np.concatenate([middles - 5, middles + 5], axis=1).astype(np.float32)
    labels = np.array([classes.index(name) for name in names or [NORMAL] * len(middles)], np.int16)
    return Figures.of(boxes, labels, classes, **said)


# How large a window is


def test_ten_fields_of_field_number_22_are_the_usual_area():
    assert Window().area_mm2 == 2.37
    assert Window.of_fields(10, 22, 40).area_mm2 == pytest.approx(10 * math.pi * 0.275**2)
    assert round(Window.of_fields(10, 22).area_mm2, 2) == 2.38
    assert Window().fields == pytest.approx(9.975, abs=1e-3)
    assert field_area(20, 40) == pytest.approx(math.pi / 16)
    assert (said_fields(Window()), said_fields(Window(0.1))) == ("10.0", "0.42")
    assert Window.of_fields(7, 20, 20).fields == pytest.approx(7)


def test_a_window_has_its_area_and_shape_where_pixels_are_not_square():
    window = Window(1.2)
    width, height = window.size_mm
    assert (width * height, width / height) == (pytest.approx(1.2), pytest.approx(4 / 3))
    across, down = window.size(Frame((0.5, 0.25)))  # µm/px along y and x
    assert (across, down) == (pytest.approx(width * 4000), pytest.approx(height * 2000))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Window(0), "0 mm²"),
        (lambda: Window(math.nan), "nan mm²"),
        (lambda: Window(1, aspect=0), "wide"),
        (lambda: Window(1, field_number=0), "field number"),
        (lambda: Window.of_fields(-1), "fields"),
        (lambda: Window.of_fields(10, 500), "field number"),
        (lambda: Window.of_fields(10, 22, 0), "objective"),
    ],
)
def test_what_is_no_size_gets_a_sentence(make, words):
    with pytest.raises(CytoshiftError, match=words) as caught:
        make()
    assert str(caught.value).count(". ") == 0


# Where it goes


def brute_force(found, size, extent):
    """Return the most mitoses, and atypical ones among them, that any window holds."""
    which = found.mitoses & (found.points >= extent[:2]).all(axis=1) & (found.points <= extent[2:]).all(axis=1)
    points, atypical = found.points[which], found.atypical[which]
    sides = [min(size[k], extent[k + 2] - extent[k]) for k in (0, 1)]
    best = (0, 0)
    for x in {*points[:, 0], extent[2] - sides[0]}:
        for y in {*points[:, 1], extent[3] - sides[1]}:
            left, top = min(x, extent[2] - sides[0]), min(y, extent[3] - sides[1])
            inside = (points >= (left, top)).all(axis=1) & (points <= (left + sides[0], top + sides[1])).all(axis=1)
            best = max(best, (int(inside.sum()), int((inside & atypical).sum())))
    return best


coordinate = st.one_of(st.integers(0, 100).map(float), st.floats(0, 100, allow_nan=False, width=32))
side = st.one_of(st.integers(1, 120).map(float), st.floats(1, 120, width=32))


@settings(deadline=None, max_examples=300)
@given(
    cells=st.lists(st.tuples(coordinate, coordinate, st.sampled_from((*CLASSES, MITOSIS)), st.booleans()), max_size=25),
    size=st.tuples(side, side),
    extent=st.sampled_from([EXTENT, (10.0, 5.0, 60.0, 75.5)]),
)
def test_no_window_anywhere_holds_more(cells, size, extent):
    unsure = np.array([cell[3] for cell in cells], np.bool_)
    found = figures([cell[:2] for cell in cells], [cell[2] for cell in cells], unsure=unsure)
    box = densest(found, size, extent)
    assert extent[0] <= box[0] < box[2] <= extent[2]
    assert extent[1] <= box[1] < box[3] <= extent[3]
    sides = [min(size[k], extent[k + 2] - extent[k]) for k in (0, 1)]
    assert [box[2] - box[0], box[3] - box[1]] == pytest.approx(sides)
    held = found.within(box)
    mitoses = held[found.mitoses[held]]
    assert (len(mitoses), int(found.atypical[mitoses].sum())) == brute_force(found, size, extent)
    shuffled = np.random.default_rng(0).permutation(len(cells))
    again = figures([cells[k][:2] for k in shuffled], [cells[k][2] for k in shuffled], unsure=unsure[shuffled])
    assert densest(again, size, extent) == box


def test_more_atypical_ones_win_then_the_upper_then_the_left():
    pairs = [(20, 60), (22, 60), (80, 20), (82, 20), (20, 20), (22, 20), (80, 60), (82, 60)]
    size = (10.0, 8.0)
    assert densest(figures(pairs), size, EXTENT) == (16.0, 16.0, 26.0, 24.0)
    assert densest(figures(pairs[:4]), size, EXTENT) == (76.0, 16.0, 86.0, 24.0)
    names = [NORMAL] * 7 + [ATYPICAL]
    assert densest(figures(pairs, names), size, EXTENT) == (76.0, 56.0, 86.0, 64.0)


def test_many_mitoses_are_searched_like_few():
    points = np.random.default_rng(3).uniform((0, 0), (80_000, 60_000), (20_000, 2)).round()
    spot = np.array([50_000, 20_000]) + np.random.default_rng(4).uniform(-1000, 1000, (400, 2)).round()
    found = figures(np.concatenate([points, spot]))
    box = densest(found, (7110.0, 5333.0), (0.0, 0.0, 80_000.0, 60_000.0))
    assert box[0] < 49_000 < 51_000 < box[2]
    assert box[1] < 19_000 < 21_000 < box[3]


def test_without_mitoses_the_window_is_in_the_middle():
    assert densest(figures([(1, 1)], [LOOK_ALIKE]), (20.0, 20.0), EXTENT) == (40.0, 30.0, 60.0, 50.0)
    assert densest(figures([]), (20.0, 20.0), EXTENT) == (40.0, 30.0, 60.0, 50.0)


def test_a_window_stays_on_what_was_searched():
    assert place((20, 10), EXTENT, (50, 40)) == (40, 35, 60, 45)
    assert place((20, 10), EXTENT, (-50, 500)) == (0, 70, 20, 80)
    assert place((500, 10), EXTENT, (0, 40)) == (0, 35, 100, 45)
    assert place((30, 30), (10, 10, 20, 60), (0, 0)) == (10, 10, 20, 40)


# What is counted


def test_classes_are_counted_apart():
    names = [NORMAL, NORMAL, ATYPICAL, MITOSIS, LOOK_ALIKE, LOOK_ALIKE, ATYPICAL]
    points = [(10, 10), (20, 10), (30, 10), (40, 10), (50, 10), (60, 10), (900, 10)]
    unsure = np.array([False, True, *[False] * 5])
    reviewed = np.array([True, True, True, False, True, False, True])
    said = count(figures(points, names, unsure=unsure, reviewed=reviewed), Window(1e-2), (0, 0, 400, 400), QUARTER)
    assert (said.mitoses, said.atypical, said.undivided, said.look_alikes, said.unsure) == (3, 1, 1, 2, 1)
    assert said.reviewed == 2
    assert said.atypical_share == 0.5
    assert said.area_mm2 == pytest.approx(0.01)
    assert said.per_mm2 == pytest.approx(300)
    assert said.complete


def test_the_border_of_a_window_belongs_to_it():
    found = figures([(10, 10), (20, 30), (20.5, 20), (9.75, 20)])
    assert len(found.within((10, 10, 20, 30))) == 2


@settings(deadline=None)
@given(
    cells=st.lists(st.tuples(coordinate, coordinate, st.sampled_from((*CLASSES, MITOSIS))), max_size=30),
    corner=st.tuples(coordinate, coordinate),
    size=st.tuples(side, side),
)
def test_looking_up_is_looking_at_all(cells, corner, size):
    found = figures([cell[:2] for cell in cells], [cell[2] for cell in cells])
    box = (*corner, corner[0] + size[0], corner[1] + size[1])
    slow = (found.points >= box[:2]).all(axis=1) & (found.points <= box[2:]).all(axis=1)
    assert found.within(box).tolist() == np.flatnonzero(slow).tolist()


def test_other_classes_are_left_out_and_none_at_all_is_said():
    assert len(figures([(1, 1), (2, 2)], ["NILM", MITOSIS], classes=("NILM", MITOSIS))) == 1
    for classes in (("NILM", "HSIL"), (LOOK_ALIKE,), ()):
        with pytest.raises(DataError, match="no mitoses"):
            figures([], classes=classes)


def test_findings_and_cells_with_corrections_are_counted():
    boxes = np.array([[k, 0, k + 10, 10] for k in range(0, 60, 10)], np.float32)
    labels = np.array([0, 0, 1, 2, 0, 0], np.int16)
    findings = Findings(boxes, np.linspace(0.9, 0.4, 6, dtype=np.float32), labels, CLASSES, Provenance("a", "m"))
    everywhere = (0.0, 0.0, 100.0, 100.0)
    plain = count(Figures.of_findings(findings), Window(), everywhere, QUARTER)
    assert (plain.mitoses, plain.atypical, plain.look_alikes, plain.reviewed) == (5, 1, 1, 0)
    corrections = [
        Event("a", "reject", "run:0", {}, "me"),
        Event("a", "relabel", "run:1", {"label": ATYPICAL}, "me"),
        Event("a", "unsure", "run:2", {}, "me"),
        Event("a", "relabel", "run:3", {"label": NORMAL}, "me"),
        Event("a", "add", "", {"label": MITOSIS, "box": [0, 20, 10, 30]}, "me", id="added"),
    ]
    cells = fold_cells(findings, "run", corrections, threshold=0.45)  # the last one is too unsure to count
    said = count(figures_of_cells(cells), Window(), everywhere, QUARTER)
    assert (said.mitoses, said.atypical, said.undivided, said.look_alikes, said.unsure) == (4, 1, 1, 0, 1)
    assert said.reviewed == 3


# What a report needs


def counted(**changes):
    found = figures([(40, 40), (50, 40), (60, 40)], [NORMAL, ATYPICAL, LOOK_ALIKE])
    said = count(found, Window(0.01), (0, 0, 400, 400), QUARTER)
    return replace(Counted(said, "slide.svs", QUARTER, True, "finder", {NORMAL: 0.5, LOOK_ALIKE: 0.9}), **changes)


def test_the_lines_of_a_report():
    assert counted().lines() == [
        "Mitotic count of slide.svs",
        "Window: 0.01 mm² (0.115 × 0.0866 mm), 0.042 high-power fields of field number 22 at 40×",
        "Place: the densest spot, its middle at x 200, y 200 px (0.05 mm from the left, 0.05 mm from the top)",
        "Mitoses: 2 (200.0 per mm²)",
        "Atypical mitoses: 1 (50% of the mitoses, 100.0 per mm²)",
        "Look-alikes: 1, not counted",
        "Unsure: 0, not counted",
        "Reviewed by hand: 0 of the 2 mitoses",
        "Found by: finder, counted from score 0.50",
        "For research only: this count is not a diagnosis.",
    ]
    numbers = counted().to_json()
    assert (numbers["mitoses"], numbers["atypical_share"], numbers["thresholds"][LOOK_ALIKE]) == (2, 0.5, 0.9)


def test_a_report_says_what_is_not_known():
    found = figures([(40, 40)], [MITOSIS], classes=DETECTED)
    said = count(found, Window(), (0, 0, 400, 400), QUARTER)
    lines = counted(count=said, densest=False, thresholds={}).lines()
    assert "Covered: 0.01 mm² only, for no more of the slide was searched" in lines
    assert "Atypical mitoses: not told apart" in lines
    assert "Found by: finder" in lines
    assert lines[2].startswith("Place: chosen by hand")
    limits = {NORMAL: 0.5, ATYPICAL: 0.6}
    assert (
        "Found by: finder, counted from score 0.50 (normal mitosis), 0.60 (atypical mitosis)"
        in counted(thresholds=limits).lines()
    )
