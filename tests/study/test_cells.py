"""Corrections folded into predictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.study import Event, State
from cytoshift.study.cells import fold_cells

CLASSES = ("NILM", "LSIL")


def test_the_last_decision_counts(study, predict):
    run = study.add_findings(predict())
    target = [f"{run}:{k}" for k in range(10)]
    study.reject("a", target[0])
    study.accept("a", target[0])
    study.accept("a", target[1])
    study.unsure("a", target[1])
    study.relabel("a", target[2], "carcinoma")
    study.move("a", target[3], (1, 2, 3, 4))
    study.unsure("a", target[4])
    study.move("a", target[4], (1, 2, 3, 5))
    cells = study.cells("a", run, threshold=0.5)
    where = {name: k for k, name in enumerate(cells.ids)}
    assert set(where) == set(target)  # five above the threshold, five that were decided on
    states = {name: State(cells.states[k]) for name, k in where.items()}
    assert [states[name] for name in target[:6]] == [
        State.ACCEPTED, State.UNSURE, State.ACCEPTED, State.ACCEPTED, State.UNSURE, State.PREDICTED,
    ]  # fmt: skip
    assert cells.classes == ("NILM", "LSIL", "HSIL", "carcinoma")
    assert cells.label(where[target[2]]) == "carcinoma"
    assert cells.boxes[where[target[3]]].tolist() == [1, 2, 3, 4]
    assert cells.corrected.tolist() == [k in (2, 3, 4) for k in range(10)]
    assert len(study.cells("a", run, threshold=0.99)) == 5


def test_added_cells_belong_to_the_slide_and_can_be_corrected(study, predict):
    added = study.add("a", (0, 0, 10, 10), "SCC")
    assert [State(s) for s in study.cells("a").states] == [State.ADDED]
    run = study.add_findings(predict(n=2))
    study.move("a", added.id, (5, 5, 15, 15))
    cells = study.cells("a")
    assert list(cells.ids) == [f"{run}:0", f"{run}:1", added.id]
    assert cells.ids[:2] == [f"{run}:0", f"{run}:1"]
    assert cells.ids[-1] == added.id
    assert cells.boxes[-1].tolist() == [5, 5, 15, 15]
    assert cells.scores[-1] == 1
    assert State(cells.states[-1]) is State.ADDED
    study.reject("a", added.id)
    assert State(study.cells("a", "").states[-1]) is State.REJECTED
    study.undo("a")
    assert State(study.cells("a", "").states[-1]) is State.ADDED
    for _ in range(2):
        study.undo("a")
    assert len(study.cells("a", "")) == 0


def test_ids_find_their_place_in_a_selection(study, predict):
    run = study.add_findings(predict())
    added = study.add("a", (0, 0, 10, 10), "SCC")
    cells = study.cells("a")
    few = cells.select(cells.scores > 0.5)
    assert [few.ids.position(name) for name in few.ids] == list(range(len(few)))
    assert few.ids.position(added.id) == len(few) - 1
    for absent in (f"{run}:0", "other:1", "nothing", f"{run}:99"):
        assert few.ids.position(absent) is None
    assert few.classes == cells.classes
    assert len(few.boxes) == len(few.states) == len(few.corrected) == len(few)


def test_a_region_can_be_taken_back_by_undo_or_by_rejecting_it(study, predict):
    run = study.add_findings(predict())
    first = study.mark_complete("a", (0, 0, 100, 100), run, 0.4)
    study.mark_complete("a", (0, 0, 50, 50))
    assert [(r.box, r.run, r.threshold) for r in study.regions("a")] == [
        ((0, 0, 100, 100), run, 0.4),
        ((0, 0, 50, 50), "", 0.0),
    ]
    study.undo("a")
    study.reject("a", first.id)
    assert study.regions("a") == ()
    study.undo("a")
    assert [region.id for region in study.regions("a")] == [first.id]


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "reject", "unsure", "relabel", "move"]), st.integers(0, 7), st.sampled_from("xyz")
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS, st.floats(0, 1))
def test_the_fold_agrees_with_one_cell_at_a_time(actions, threshold):
    boxes = np.arange(32, dtype=np.float32).reshape(8, 4)
    scores = np.linspace(0, 1, 8, dtype=np.float32)
    findings = Findings(boxes, scores, np.zeros(8, np.int16), CLASSES, Provenance("a", "m"))
    log = [
        Event("a", kind, f"run:{k}", {"label": label, "box": [0.0, 0.0, 1.0, float(ord(label))]})
        for kind, k, label in actions
    ]
    cells = fold_cells(findings, "run", log, threshold)
    for k in range(8):
        mine = [(kind, label) for kind, of, label in actions if of == k]
        position = cells.ids.position(f"run:{k}")
        assert (position is None) == (not mine and scores[k] < np.float32(threshold))
        if position is None:
            continue
        state = "predicted"
        for kind, _ in mine:
            if not (kind == "move" and state == "unsure"):
                state = {"reject": "rejected", "unsure": "unsure"}.get(kind, "accepted")
        assert State(cells.states[position]).name.lower() == state
        labels = [label for kind, label in mine if kind == "relabel"]
        assert cells.label(position) == (labels or [CLASSES[0]])[-1]
        moves = [label for kind, label in mine if kind == "move"]
        expected = [0, 0, 1, ord(moves[-1])] if moves else boxes[k].tolist()
        assert cells.boxes[position].tolist() == expected
        assert cells.corrected[position] == bool(labels or moves)


def test_added_cells_have_no_measures_and_the_others_keep_theirs():
    boxes, scores = np.zeros((3, 4), np.float32), np.array([0.9, 0.1, 0.8], np.float32)
    measures = {"atypical": np.array([0.25, 0.5, 0.75], np.float32)}
    findings = Findings(boxes, scores, np.zeros(3, np.int16), CLASSES, Provenance("a", "m"), measures)
    log = [Event("a", "add", "", {"label": CLASSES[0], "box": [0.0, 0.0, 9.0, 9.0]})]
    cells = fold_cells(findings, "run", log, 0.5)
    np.testing.assert_array_equal(cells.measures["atypical"], np.array([0.25, 0.75, np.nan], np.float32))
    np.testing.assert_array_equal(cells.select(np.array([2, 0])).measures["atypical"], np.array([np.nan, 0.25], "f4"))


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_million_predictions_fold_without_touching_the_stored_ones(threshold):
    n = 1_000_000
    findings = Findings(
        np.zeros((n, 4), np.float32),
        np.linspace(0, 1, n, dtype=np.float32),
        np.zeros(n, np.int16),
        CLASSES,
        Provenance("a", "m"),
    )
    cells = fold_cells(findings, "run", [Event("a", "move", "run:7", {"box": [1.0, 2.0, 3.0, 4.0]})], threshold)
    assert len(cells) == (n if threshold == 0 else n // 2 + 1)
    assert cells.boxes[cells.ids.position("run:7")].tolist() == [1, 2, 3, 4]
    assert findings.boxes.max() == 0
