"""Cells that come in from a file: in one event, all or nothing, taken back as one."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from cytoshift.engine.outlines import Outlines
from cytoshift.errors import StudyError
from cytoshift.study import State, Study
from cytoshift.study.cells import Region
from cytoshift.study.formats.annotations import Annotations, stable
from cytoshift.study.imports import Names, packed, unpacked


def annotations(n=4, states=None, regions=(), classes=("HSIL", "Odd")) -> Annotations:
    """Return cells of 20 px in a row, with an outline for the second."""
    corners = np.stack([np.arange(n) * 50 + 500, np.full(n, 700)], axis=1).astype(np.float32)
    outlines = Outlines.of([[], [[550, 700], [570, 700], [560, 720]], *[[]] * (n - 2)][:n])
    return Annotations(
        tuple(stable(f"cell {at}") for at in range(n)),
        np.concatenate([corners, corners + 20], axis=1),
        np.linspace(0.2, 0.8, n, dtype=np.float32),
        (np.arange(n) % len(classes)).astype(np.int16),
        np.zeros(n, np.uint8) if states is None else np.array(states, np.uint8),
        np.zeros(n, np.bool_),
        classes,
        ((1, 2, 3), (4, 5, 6))[: len(classes)],
        outlines,
        {"area": np.arange(n, dtype=np.float32)},
        given=tuple(map(str, range(n))),
        regions=tuple(regions),
    )


def test_imported_cells_lie_beside_those_of_the_run(study, predict):
    run = study.add_findings(predict())
    added = study.add("a", (1, 2, 30, 40), "SCC")
    event = study.bring_in("a", annotations(states=[0, 4, 0, 3]), "cells.geojson")
    cells = study.cells("a", run)
    assert len(cells) == 15
    assert cells.ids[:] == [*(f"{run}:{at}" for at in range(10)), *(f"{event.id}:{at}" for at in range(4)), added.id]
    assert cells.classes == ("NILM", "LSIL", "HSIL", "Odd", "SCC")
    assert [cells.label(at) for at in range(10, 14)] == ["HSIL", "Odd", "HSIL", "Odd"]
    assert cells.states[10:].tolist() == [State.PREDICTED, State.ADDED, State.PREDICTED, State.UNSURE, State.ADDED]
    assert cells.boxes[11].tolist() == [550, 700, 570, 720]
    assert np.isnan(cells.measures["area"][[0, 9, 14]]).all()
    assert cells.measures["area"][10:14].tolist() == [0, 1, 2, 3]
    assert [cells.ids.position(name) for name in (f"{run}:3", f"{event.id}:2", added.id, f"{event.id}:9")] == [
        3, 12, 14, None,
    ]  # fmt: skip
    assert study.runs("a") == [run]  # an import is no search
    assert study.cells("a", "").ids[:] == [*(f"{event.id}:{at}" for at in range(4)), added.id]
    assert study.cells("a", run, 0.5).ids[5:] == [f"{event.id}:{at}" for at in (1, 2, 3)] + [added.id]


def test_imported_cells_are_corrected_and_taken_back(study):
    event = study.bring_in("a", annotations(), "cells.csv")
    study.reject("a", f"{event.id}:0")
    study.relabel("a", [f"{event.id}:1", f"{event.id}:2"], "NILM")
    cells = study.cells("a")
    assert cells.states.tolist() == [State.REJECTED, State.ACCEPTED, State.ACCEPTED, State.PREDICTED]
    assert [cells.label(at) for at in range(4)] == ["HSIL", "NILM", "NILM", "Odd"]
    for _ in range(3):
        study.undo("a")
    assert len(study.cells("a")) == 0
    with pytest.raises(StudyError, match="has no cell"):
        study.accept("a", f"{event.id}:0")
    with pytest.raises(StudyError, match="has no cell"):
        study.accept("b", f"{event.id}:0")
    study.redo("a")
    assert len(study.cells("a")) == 4
    study.accept("a", f"{event.id}:0")
    with pytest.raises(StudyError, match="has no cell"):
        study.accept("a", f"{event.id}:4")


def test_an_import_is_there_after_a_restart(study):
    brought = annotations(states=[0, 4, 0, 3])
    event = study.bring_in("a", brought, "cells.csv")
    before = study.cells("a")
    study.close()
    with Study.open(study.folder) as again:
        cells = again.cells("a")
        assert cells.ids[:] == before.ids[:]
        assert (cells.boxes == before.boxes).all()
        assert (cells.states == before.states).all()
        names, outlines = again.names(event.id)
        assert names == Names(brought.ids, brought.given)
        assert outlines.same(brought.outlines)
        assert again.events()[-1].payload["colors"] == {"HSIL": [1, 2, 3], "Odd": [4, 5, 6]}
        assert again.undo("a").target == event.id
    with Study.open(study.folder, read_only=True) as read, pytest.raises(StudyError, match="opened to be read"):
        read.bring_in("a", brought, "cells.csv")


def test_a_reader_sees_only_what_came_in_for_that_reader(study):
    study.bring_in("a", annotations(), "cells.csv")
    study.read_as("Second")
    assert len(study.cells("a")) == 0
    study.bring_in("a", annotations(2), "mine.csv")
    assert len(study.cells("a")) == 2
    study.read_as("")
    assert len(study.cells("a")) == 4


def test_regions_come_in_and_can_be_taken_away(study):
    region = Region(stable("field"), (0, 0, 400, 300), "", 0.25, {"HSIL": 0.5})
    event = study.bring_in("a", annotations(2, regions=[region]), "cells.geojson")
    (found,) = study.regions("a")
    assert (found.id, found.box, found.threshold, found.thresholds) == (region.id, region.box, 0.25, {"HSIL": 0.5})
    assert found.imports == (event.id,)
    study.reject("a", region.id)
    assert study.regions("a") == ()
    study.undo("a")
    assert len(study.regions("a")) == 1


def test_a_field_marked_before_an_import_does_not_vouch_for_it(study):
    first = study.bring_in("a", annotations(2), "one.csv")
    study.mark_complete("a", (400, 600, 900, 900))
    later = study.bring_in("a", annotations(4, states=[0, 4, 0, 0]), "two.csv")
    study.accept("a", f"{later.id}:2")
    (region,) = study.regions("a")
    cells = study.cells("a", region.run, region.threshold, region.thresholds, region.imports)
    assert cells.ids[:] == [f"{first.id}:0", f"{first.id}:1", f"{later.id}:1", f"{later.id}:2"]


def test_what_fails_half_way_leaves_nothing(study, monkeypatch):
    brought = annotations()
    seq = study.bring_in("a", brought, "cells.csv").seq
    study.undo("a")
    before = study.events()
    monkeypatch.setattr(study._log, "add_event", fail)
    with pytest.raises(StudyError, match="could not store this"):
        study.bring_in("a", brought, "cells.csv")
    monkeypatch.undo()
    study.close()
    with sqlite3.connect(study.folder / "study.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (1,)
    connection.close()
    with Study.open(study.folder) as again:
        assert again.events() == before
        assert again.bring_in("a", brought, "cells.csv").seq == seq + 2


def fail(*_):
    raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize("names", [Names((), ()), Names(("a", "b"), ()), Names(("a", "b"), ("1", ""))])
def test_names_are_kept(names):
    assert unpacked(packed(names)) == names


def test_a_full_disk_leaves_nothing_of_an_import(study):
    connection = study._log._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 20}")
    with pytest.raises(StudyError, match=r"full.*make room"):
        study.bring_in("a", annotations(20_000), "cells.csv")
    assert study.events() == []
    assert len(study.cells("a")) == 0
    assert study.check() == "ok"
    study.bring_in("a", annotations(), "cells.csv")
    assert len(study.cells("a")) == 4
