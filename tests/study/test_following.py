"""Cells that follow each correction are those that a fold of all corrections makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.study import Event, History, State, following
from cytoshift.study.cells import fold_cells
from cytoshift.study.following import FollowedCells

NUMBER = 4
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["accept", "reject", "unsure", "relabel", "move", "resize"]), st.integers(0, 7)),
        st.tuples(st.sampled_from(["several", "add", "undo", "redo", "note", "elsewhere", "edit"]), st.integers(0, 7)),
    ),
    max_size=30,
)
LABELS = ("NILM", "HSIL", "SCC", "odd")


def findings():
    corners = np.arange(NUMBER, dtype=np.float32)[:, None] * 50 + np.zeros(2, np.float32)
    return Findings(
        np.concatenate([corners, corners + 20], axis=1),
        np.linspace(0, 1, NUMBER, dtype=np.float32),
        np.array([0, 1, 0, 1], np.int16),
        LABELS[:2],
        Provenance("a", "m"),
        {"atypical": np.linspace(0, 1, NUMBER, dtype=np.float32)},
    )


def event(action, number, history, seq):
    """Make the next event; None where there is nothing to undo or redo."""
    added = [one.id for one in history.corrections("a") if one.kind == "add"]
    target = [*(f"r:{index}" for index in range(NUMBER)), *added][number % (NUMBER + len(added))]
    box = {"box": [float(number), 0.0, number + 10.0, 12.0]}
    if action in ("undo", "redo"):
        pointed = history.to_undo("a") if action == "undo" else history.to_redo("a")
        return None if pointed is None else Event("a", action, pointed.id, seq=seq)
    if action == "several":
        return Event("a", "unsure", "", {"targets": ["r:0", target]}, seq=seq)
    if action == "edit":
        edits = {"r:1": {"label": LABELS[number % 4]}, target: {**box, "label": "SCC"}}
        return Event("a", "import", "", {"cells": 0, "regions": [], "edits": edits}, seq=seq)
    if action == "elsewhere":
        return Event("a", "reject", "other:1", seq=seq)
    payload = {"relabel": {"label": LABELS[number % 4]}, "add": {**box, "label": LABELS[number % 4]}}
    payload |= dict.fromkeys(("move", "resize"), box)
    return Event("a", action, "" if action in ("add", "note") else target, payload.get(action, {}), seq=seq)


def told(cells):
    """Return cells as plain values, labels by name; classes that nobody has any more do not count."""
    labels = [cells.label(position) for position in range(len(cells))]
    measures = np.nan_to_num(cells.measures["atypical"], nan=-1).tolist()
    arrays = [values.tolist() for values in (cells.boxes, cells.scores, cells.states, cells.corrected)]
    return cells.ids[:], labels, measures, arrays


@pytest.mark.parametrize("room", [2, 100])
def test_what_follows_is_what_a_fold_makes(room, monkeypatch):
    monkeypatch.setattr(following, "ROOM", room)

    @settings(max_examples=100, deadline=None)
    @given(ACTIONS)
    def follow(actions):
        base, history, seen = findings(), History(), []
        cells = FollowedCells.of(base, "r", (), {})
        for action, number in actions:
            made = event(action, number, history, len(seen) + 1)
            if made is None:
                continue
            history.append(made)
            if not cells.follow(made, history):
                cells = FollowedCells.of(base, "r", history.corrections("a"), {})
            assert told(cells.cells) == told(fold_cells(base, "r", history.corrections("a")))
            for position, identifier in enumerate(cells.cells.ids[:]):
                assert cells.cells.ids.position(identifier) == position
            seen.append((cells.cells, told(cells.cells)))
        for handed_out, was in seen:
            assert told(handed_out) == was

    follow()


def test_a_study_hands_out_cells_that_follow(study, predict):
    run = study.add_findings(predict())
    first = study.cells("a")
    study.resize("a", f"{run}:3", (0, 0, 7, 9))
    added = study.add("a", (1, 2, 3, 4), "SCC")
    study.reject("a", [f"{run}:1", added.id])
    now = study.cells("a")
    assert now.boxes[3].tolist() == [0, 0, 7, 9]
    assert now.states[[1, 3, 10]].tolist() == [State.REJECTED, State.ACCEPTED, State.REJECTED]
    assert not first.states.any()
    study.undo("a")
    study.undo("a")
    assert told_plainly(study.cells("a")) == told_plainly(fold_cells(predict(), run, study.corrections("a")))


def told_plainly(cells):
    return cells.ids[:], cells.boxes.tolist(), cells.states.tolist()


def test_who_said_what_of_a_cell_is_told_in_order(study, predict):
    run = study.add_findings(predict())
    study.author = "ada"
    study.accept("a", f"{run}:2")
    study.reject("a", [f"{run}:2", f"{run}:3"])
    study.author = "bob"
    study.undo("a")
    study.note("a", f"{run}:2", "binucleate")
    study.accept("a", f"{run}:5")
    said = study.decisions("a", f"{run}:2")
    assert [(event.kind, event.author) for event in said] == [
        ("accept", "ada"),
        ("reject", "ada"),
        ("undo", "bob"),
        ("note", "bob"),
    ]
    assert study.decisions("b", f"{run}:2") == ()
