"""A blinded reader sees predictions and his own corrections; nobody undoes another's; several cells are one event."""

from __future__ import annotations

import pytest

from cytoshift.errors import StudyError
from cytoshift.study import State, Study


def states(study, run):
    return [State(state).name for state in study.cells("a", run).states]


def test_a_blinded_reader_sees_predictions_and_none_of_the_first_readers_work(study, predict):
    run = study.add_findings(predict(n=3))
    study.relabel("a", f"{run}:0", "a class of the first reader")
    study.reject("a", f"{run}:1")
    study.add("a", (1, 2, 30, 40), "SCC")
    study.mark_complete("a", (0, 0, 500, 500), run)
    study.calibrate("a", (0.25, 0.25))
    study.read_as("Dr B")
    cells = study.cells("a", run)
    assert states(study, run) == ["PREDICTED"] * 3
    assert "a class of the first reader" not in cells.classes
    assert study.regions("a") == ()
    assert study.corrections("a") == ()
    assert not study.can_undo("a")
    assert not study.can_undo()
    assert study.slide("a").mpp_yx == (0.25, 0.25)
    with pytest.raises(StudyError, match="has no cell"):
        study.accept("a", study.events()[2].id)


def test_each_reader_undoes_his_own_work_and_it_is_there_after_a_restart(study, predict, tmp_path):
    run = study.add_findings(predict(n=3))
    study.accept("a", f"{run}:0")
    study.read_as("Dr B")
    study.reject("a", f"{run}:0")
    study.unsure("a", f"{run}:1")
    assert study.events()[-1].author == "Dr B"
    study.undo("a")
    study.close()
    with Study.open(tmp_path / "study") as again:
        assert states(again, run) == ["ACCEPTED", "PREDICTED", "PREDICTED"]
        assert not again.can_redo()
        assert again.undo().target == again.events()[0].id
        assert not again.can_undo()
        again.read_as("Dr B")
        assert states(again, run) == ["REJECTED", "PREDICTED", "PREDICTED"]
        assert again.redo("a") is not None
        assert states(again, run) == ["REJECTED", "UNSURE", "PREDICTED"]
        again.read_as("")
        assert states(again, run) == ["PREDICTED"] * 3


def test_several_cells_are_corrected_and_taken_back_together(study, predict):
    run = study.add_findings(predict(n=4))
    added = study.add("a", (1, 2, 30, 40), "SCC")
    region = study.mark_complete("a", (0, 0, 50, 50))
    event = study.relabel("a", [f"{run}:1", f"{run}:3", added.id], "HSIL")
    assert event.targets == (f"{run}:1", f"{run}:3", added.id)
    cells = study.cells("a", run)
    assert [cells.label(position) for position in (1, 3, 4)] == ["HSIL"] * 3
    assert study.undo().target == event.id
    assert states(study, run) == ["PREDICTED"] * 4 + ["ADDED"]
    study.redo()
    assert study.accept("a", [f"{run}:0"]).target == f"{run}:0"
    study.reject("a", [region.id, f"{run}:2"])
    assert study.regions("a") == ()
    assert states(study, run)[2] == "REJECTED"
    events = len(study.events())
    for refused in ([], [f"{run}:0", f"{run}:4"], [f"{run}:0", "nonsense"]):
        with pytest.raises(StudyError):
            study.accept("a", refused)
    assert len(study.events()) == events


def test_what_readers_disagreed_about_is_settled_in_the_common_reading_only(study, predict):
    run = study.add_findings(predict(n=2))
    first = study.accept("a", f"{run}:0")
    study.read_as("Dr B")
    second = study.reject("a", f"{run}:0")
    said = {"": first.id, "Dr B": second.id}
    with pytest.raises(StudyError, match="Dr B reads blinded"):
        study.settle("a", "reject", f"{run}:0", said)
    study.read_as("")
    event = study.settle("a", "reject", f"{run}:0", said)
    assert event.payload["settles"] == said
    assert states(study, run) == ["REJECTED", "PREDICTED"]
