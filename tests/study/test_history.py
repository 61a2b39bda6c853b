"""Undo and redo are what a plain list of corrections says they are."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.study import Event, fold

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("correct"), st.sampled_from(["a", "b", "c"])),
        st.tuples(st.sampled_from(["undo", "redo"]), st.sampled_from(["a", "b", "c", None])),
    ),
    max_size=40,
)


@dataclass
class Entry:
    """One correction in the oracle: where it belongs, when it was last put in force and last taken back."""

    event: Event
    placed: int
    taken: int = 0
    dropped: bool = False


class ListModel:
    """Every correction in one list, searched from end to end: slow, and plainly right."""

    def __init__(self):
        self.entries: list[Entry] = []
        self.clock = 0
        self.corrected = 0

    def on(self, slide):
        return [entry for entry in self.entries if slide in (None, entry.event.slide) and not entry.dropped]

    def correct(self, event):
        self.clock += 1
        for entry in self.on(event.slide):
            entry.dropped = entry.taken > 0
        self.entries.append(Entry(event, self.clock))
        self.corrected = self.clock

    def undo(self, slide):
        done = sorted((e for e in self.on(slide) if not e.taken), key=lambda e: e.placed)
        if not done:
            return None
        self.clock += 1
        done[-1].taken = self.clock
        return done[-1].event

    def redo(self, slide):
        undone = sorted((e for e in self.on(slide) if e.taken), key=lambda e: e.taken)
        if not undone or (slide is None and undone[-1].taken < self.corrected):
            return None
        self.clock += 1
        undone[-1].taken, undone[-1].placed = 0, self.clock
        return undone[-1].event

    def in_force(self, slide):
        return sorted((e for e in self.on(slide) if not e.taken), key=lambda e: e.placed)


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_the_fold_agrees_with_a_list(actions):
    model, log = ListModel(), []
    for action, slide in actions:
        seq = len(log) + 1
        if action == "correct":
            log.append(Event(slide, "note", seq=seq, payload={"text": str(seq)}))
            model.correct(log[-1])
            continue
        history = fold(log)
        expected = getattr(model, action)(slide)
        pointed = history.to_undo(slide) if action == "undo" else history.to_redo(slide)
        assert pointed == expected
        if pointed is not None:
            log.append(Event(pointed.slide, action, pointed.id, seq=seq))
    history = fold(log)
    for slide in "abc":
        assert history.corrections(slide) == tuple(entry.event for entry in model.in_force(slide))


def test_a_new_correction_drops_what_was_taken_back_and_nothing_else():
    log = [Event("a", "note", id=str(k), seq=k) for k in (1, 2)]
    log += [Event("a", "undo", "2", seq=3), Event("b", "note", id="4", seq=4)]
    history = fold(log)
    assert history.to_redo("a").id == "2"
    assert history.to_redo() is None
    history.append(Event("a", "note", id="5", seq=5))
    assert history.to_redo("a") is None
    assert [event.id for event in history.corrections("a")] == ["1", "5"]


@pytest.mark.parametrize("stray", ["1", "absent"])
def test_an_undo_that_points_elsewhere_changes_nothing(stray):
    log = [Event("a", "note", id=str(k), seq=k) for k in (1, 2)]
    for kind in ("undo", "redo"):
        log.append(Event("a", kind, stray, seq=len(log) + 1))
    assert [event.id for event in fold(log).corrections("a")] == ["1", "2"]


def test_undo_and_redo_go_on_after_reopening(study, predict):
    from cytoshift.study import Study

    run = study.add_findings(predict())
    for k in range(5):
        study.reject("a", f"{run}:{k}")
    assert [study.undo("a").kind for _ in range(3)] == ["undo"] * 3
    study.close()
    with Study.open(study.folder) as again:
        assert (again.cells("a").states == 2).sum() == 2
        assert again.can_redo("a")
        again.redo()
        again.redo("a")
        assert (again.cells("a").states == 2).sum() == 4
        again.undo("a")
        again.accept("a", f"{run}:9")
        assert again.redo("a") is None
        while again.undo() is not None:
            pass
        assert not again.can_undo()
        assert (again.cells("a").states == 0).all()
