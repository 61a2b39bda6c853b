"""Two readers of one study: what they agree about, what is left to settle, and that settling changes no kappa."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from cytoshift.cli.app import app
from cytoshift.errors import StudyError
from cytoshift.study import State
from cytoshift.study.agreement import NO_CELL, NOT_MARKED, UNSURE, agreement, blinded_readers, settle
from cytoshift.study.formats.annotations import Annotations


@pytest.fixture
def twice(study, predict):
    """Return the study, read by two; and the run. They agree about 0 (HSIL), 1 (no cell) and 2, not about 3 and 4."""
    run = study.add_findings(predict(n=8))
    study.relabel("a", f"{run}:0", "HSIL")
    study.reject("a", [f"{run}:1", f"{run}:3"])
    study.accept("a", f"{run}:2")
    study.accept("a", [f"{run}:4", f"{run}:5"])
    study.unsure("a", f"{run}:6")
    study.read_as("Dr B")
    for index in (0, 2, 3):
        study.relabel("a", f"{run}:{index}", "HSIL")
    study.reject("a", f"{run}:1")
    study.relabel("a", f"{run}:4", "SCC")
    study.accept("a", [f"{run}:6", f"{run}:7"])
    study.read_as("")
    return study, run


def says(cell):
    return tuple(opinion.says for opinion in cell.opinions)


def test_what_both_said_is_counted_and_what_one_said_is_not(twice):
    study, run = twice
    found = agreement(study)
    assert found.readers == ("", "Dr B")
    assert found.only == (1, 1)
    assert found.unsure == 1
    assert found.classes == ("LSIL", "HSIL", "SCC", NO_CELL)
    assert found.table.tolist() == [[0, 0, 1, 0], [0, 2, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]]
    assert found.kappa.observed == pytest.approx(3 / 5)
    assert found.kappa.value == pytest.approx((3 / 5 - 8 / 25) / (1 - 8 / 25))  # chance: (2 × 3 + 2 × 1) / 25
    assert found.kappa_of("HSIL").observed == pytest.approx(4 / 5)
    left = {cell.target: says(cell) for cell in found.disagreements}
    assert left == {f"{run}:3": (NO_CELL, "HSIL"), f"{run}:4": ("LSIL", "SCC"), f"{run}:6": (UNSURE, "NILM")}


def test_settling_names_both_changes_the_common_reading_and_no_kappa(twice):
    study, run = twice
    before = agreement(study)
    cells = {cell.target: cell for cell in before.disagreements}
    event = settle(study, cells[f"{run}:3"], before.readers, "HSIL")
    assert set(event.payload["settles"]) == {"", "Dr B"}
    settle(study, cells[f"{run}:4"], before.readers, NO_CELL)
    after = agreement(study)
    assert after.table.tolist() == before.table.tolist()
    assert [cell.target for cell in after.disagreements] == [f"{run}:6"]
    now = study.cells("a", run)
    assert [State(now.states[i]).name for i in (3, 4)] == ["ACCEPTED", "REJECTED"]
    assert now.label(3) == "HSIL"
    study.undo("a")
    assert [cell.target for cell in agreement(study).disagreements] == [f"{run}:4", f"{run}:6"]
    study.read_as("Dr B")
    study.reject("a", f"{run}:3")
    study.read_as("")
    assert f"{run}:3" not in {cell.target for cell in agreement(study).disagreements}  # they agree by now


def test_a_change_of_mind_after_settling_is_to_be_settled_again(twice):
    study, run = twice
    before = agreement(study)
    settle(study, before.disagreements[0], before.readers, "HSIL")
    assert f"{run}:3" not in {cell.target for cell in agreement(study).disagreements}
    study.read_as("Dr B")
    study.relabel("a", f"{run}:3", "SCC")
    study.read_as("")
    assert f"{run}:3" in {cell.target for cell in agreement(study).disagreements}


def test_cells_that_both_added_at_one_place_are_one_cell(study):
    study.add("a", (10, 10, 50, 50), "LSIL")
    gone = study.add("a", (300, 300, 350, 350), "LSIL")
    study.reject("a", gone.id)
    study.read_as("Dr B")
    study.add("a", (12, 11, 51, 52), "HSIL")
    alone = study.add("a", (100, 100, 140, 140), "HSIL")
    study.read_as("")
    found = agreement(study)
    assert [says(cell) for cell in found.read] == [("LSIL", "HSIL"), (NOT_MARKED, "HSIL")]
    assert found.table.sum() == 1
    cell = found.disagreements[1]
    assert cell.target == alone.id
    settle(study, cell, found.readers, "SCC")
    cells = study.cells("a", "")
    assert cells.label(len(cells) - 1) == "SCC"
    np.testing.assert_array_equal(cells.boxes[-1], (100, 100, 140, 140))
    (left,) = agreement(study).disagreements
    settle(study, left, found.readers, "HSIL")
    assert study.cells("a", "").label(0) == "HSIL"
    assert agreement(study).disagreements == ()
    study.undo("a")
    study.undo("a")
    settle(study, cell, found.readers, NO_CELL)
    assert len(agreement(study).disagreements) == 1
    assert study.events()[-1].kind == "note"


def test_cells_from_a_file_count_as_what_its_reader_says(study, predict):
    """Wherever they were drawn: those that both have at one place are one."""
    study.add("a", (8, 9, 30, 31), "HSIL")
    study.add("a", (104, 10, 118, 33), "LSIL")
    study.read_as("Dr B")
    drawn = Annotations.of(predict(n=4))  # at x 10, 100, 190 and 280; NILM, LSIL, HSIL, NILM
    states = np.uint8([State.ADDED, State.PREDICTED, State.UNSURE, State.PREDICTED])
    event = study.bring_in("a", replace(drawn, states=states), "qupath.geojson")
    study.reject("a", f"{event.id}:2")
    study.accept("a", f"{event.id}:1")
    study.read_as("")
    found = agreement(study)
    assert [says(cell) for cell in found.read] == [("HSIL", "NILM"), ("LSIL", "LSIL")]
    assert found.table.sum() == 2
    study.read_as("Dr B")
    study.relabel("a", f"{event.id}:3", "SCC")  # which the common reading has not
    study.read_as("")
    alone = agreement(study).disagreements[1]
    assert (alone.target, says(alone)) == (f"{event.id}:3", (NOT_MARKED, "SCC"))
    settle(study, alone, found.readers, "HSIL")
    assert study.cells("a", "").label(2) == "HSIL"
    settle(study, found.disagreements[0], found.readers, "HSIL")
    assert agreement(study).disagreements == ()


def test_two_readers_must_be_known(study, predict):
    run = study.add_findings(predict(n=2))
    with pytest.raises(StudyError, match="has no second reader yet"):
        agreement(study)
    for name in ("Dr B", "Dr C"):
        study.read_as(name)
        study.accept("a", f"{run}:0")
    assert blinded_readers(study) == ["Dr B", "Dr C"]
    with pytest.raises(StudyError, match="2 blinded readers"):
        agreement(study)
    with pytest.raises(StudyError, match="Nobody read"):
        agreement(study, ("", "Dr D"))
    with pytest.raises(StudyError, match="agrees with himself"):
        agreement(study, ("Dr B", "Dr B"))
    found = agreement(study, ("Dr B", "Dr C"))
    assert found.kappa.cells == 1
    assert found.to_json()["kappa"]["kappa"] is None


def test_the_terminal_prints_the_table_and_json(twice):
    study, _ = twice
    run = CliRunner().invoke
    printed = run(app, ["study", "agreement", str(study.folder)]).stdout
    assert printed.splitlines()[0] == "common reading and Dr B"
    assert "all classes  5      0.41" in printed
    assert "3 disagreements to settle, 0 settled, 1 left out because one was unsure." in printed
    data = json.loads(run(app, ["study", "agreement", str(study.folder), "--reader", "Dr B", "--json"]).stdout)
    assert data["kappa"]["cells"] == 5
    assert data["disagreements"] == 3
    status = json.loads(run(app, ["study", "status", str(study.folder), "--reader", "Dr B", "--json"]).stdout)
    assert status["blinded_readers"] == ["Dr B"]
    assert status["slides"][0]["accepted"] == 6
