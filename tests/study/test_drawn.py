"""Cells that were drawn, and measures that were kept."""

from __future__ import annotations

import numpy as np
import pytest

from cytoshift.errors import StudyError
from cytoshift.study import Study
from cytoshift.study.exchange import outgoing

SLIDE = "a"
RING = [(10.0, 20.0), (30.123, 22.0), (28.0, 41.5)]


def test_a_drawn_outline_gives_the_box_and_leaves_with_the_cell(study: Study) -> None:
    event = study.outline(SLIDE, RING, "HSIL")
    assert event.box == (10.0, 20.0, 30.12, 41.5)
    study.add(SLIDE, (100, 100, 120, 120), "LSIL")
    out = outgoing(study, SLIDE, study.cells(SLIDE, ""))
    np.testing.assert_allclose(out.outlines[0], [(10, 20), (30.12, 22), (28, 41.5)], rtol=1e-6)
    assert len(out.outlines[1]) == 0
    study.move(SLIDE, event.id, (50, 50, 70, 71))
    assert len(outgoing(study, SLIDE, study.cells(SLIDE, "")).outlines[0]) == 0  # it would not fit its box any more


def test_undo_takes_the_cell_and_its_outline_in_one_step(study: Study) -> None:
    study.outline(SLIDE, RING, "HSIL")
    study.undo(SLIDE)
    assert len(study.cells(SLIDE, "")) == 0
    study.redo(SLIDE)
    cells = study.cells(SLIDE, "")
    assert len(study.outline_of(cells.ids[0])) == 3


def test_a_kept_measure_is_a_note_that_undo_takes_back(study: Study) -> None:
    study.note(SLIDE, "", "a note without a shape")
    kept = study.keep_measure(SLIDE, "Length 12.3 µm", [(0, 0), (49.2, 0)])
    assert study.measures(SLIDE) == (kept,)
    study.undo(SLIDE)
    assert study.measures(SLIDE) == ()


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(float("nan"), 0.0), (1.0, 1.0), (2.0, 0.0)]])
def test_what_has_no_shape_is_refused(study: Study, points: list[tuple[float, float]]) -> None:
    with pytest.raises(StudyError):
        study.outline(SLIDE, points, "HSIL")
    with pytest.raises(StudyError):
        study.keep_measure(SLIDE, "nothing", points)
    assert study.events() == []


def test_outlines_survive_a_restart(study: Study) -> None:
    event = study.outline(SLIDE, RING, "HSIL")
    study.close()
    with Study.open(study.folder, read_only=True) as again:
        assert len(again.outline_of(event.id)) == 3
