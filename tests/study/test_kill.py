"""A process that writes corrections is killed at any moment: every correction it acknowledged is there afterwards."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from cytoshift.study import Study, schema

KILLS = int(os.environ.get("CYTOSHIFT_KILLS", "25"))
IMPORT_KILLS = int(os.environ.get("CYTOSHIFT_IMPORT_KILLS", "3"))
IMPORTED = 20_000
"""Cells of an import, so that writing them takes a while."""

WRITER = """
import sys
from cytoshift.study import Study, schema

if sys.argv[3] == "rollback":
    schema.on_network = lambda path: True
study = Study.open(sys.argv[1])
number = int(sys.argv[2])
run = study.runs("a")[0]
print("open" if not study.read_only else study.reason, flush=True)
while True:
    number += 1
    if number % 5 == 0:
        study.undo("a")
        study.redo("a")
    if number % 3 == 0:
        study.add("a", (number, 0, number + 1, 1), "LSIL")
    elif number % 3 == 1:
        study.accept("a", f"{run}:{number % 10}")
    else:
        study.relabel("a", f"{run}:{number % 10}", "HSIL")
    study.note("a", "", str(number))
    print(number, flush=True)
"""

IMPORTER = f"""
import sys
import numpy as np
from cytoshift.engine.outlines import Outlines
from cytoshift.study import Study, schema
from cytoshift.study.formats.annotations import Annotations, stable

if sys.argv[3] == "rollback":
    schema.on_network = lambda path: True
n = {IMPORTED}
corners = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
boxes = np.concatenate([corners, corners + 1], axis=1)
outlines = Outlines(np.repeat(corners, 3, axis=0), np.arange(n + 1) * 3)
nothing = np.zeros(n, np.uint8)
ids = tuple(stable(str(at)) for at in range(n))
study = Study.open(sys.argv[1])
number = int(sys.argv[2])
run = study.runs("a")[0]
print("open" if not study.read_only else study.reason, flush=True)
while True:
    number += 1
    cells = Annotations(
        ids, boxes, np.ones(n, np.float32), nothing.astype(np.int16), nothing, nothing > 0, (str(number),),
        ((0, 0, 0),), outlines,
    )
    study.bring_in("a", cells, "killed", {{f"{{run}}:{{at}}": {{"label": str(number)}} for at in range(10)}})
    print(number, flush=True)
"""


def run_until_killed(folder, start, mode, seconds, program=WRITER):
    """Return the numbers that a writer acknowledged before it was killed."""
    command = [sys.executable, "-c", program, folder, str(start), mode]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"  # the lock of the one killed before is free
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(seconds)
    child.send_signal(signal.SIGKILL)
    said, _ = child.communicate()
    assert child.returncode == -signal.SIGKILL
    return [int(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(("mode", "kills", "longest"), [("log", KILLS, 0.15), ("rollback", -(-KILLS // 5), 0.6)])
def test_no_acknowledged_correction_is_lost(study, predict, monkeypatch, mode, kills, longest):
    """In both ways in which a database stores corrections: that on disks, and that on network drives."""
    monkeypatch.setattr(schema, "on_network", lambda path: mode == "rollback")
    study.add_findings(predict())
    folder = study.folder
    study.close()
    chance = random.Random(kills)
    acknowledged: list[int] = []
    for _ in range(kills):
        start = acknowledged[-1] if acknowledged else 0
        acknowledged += run_until_killed(folder, start, mode, chance.uniform(0, longest))
        with Study.open(folder) as again:
            assert again.check() == "ok"
            stored = {int(event.payload["text"]) for event in again.events() if event.kind == "note"}
            assert set(acknowledged) <= stored
            assert [event.seq for event in again.events()] == list(range(1, len(again.events()) + 1))
            again.cells("a")
    print(f"{mode}: {kills} kills, {len(acknowledged)} corrections acknowledged, {len(stored)} stored, none lost")
    assert acknowledged


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(("mode", "kills"), [("log", IMPORT_KILLS), ("rollback", -(-IMPORT_KILLS // 3))])
def test_an_import_is_there_as_a_whole_or_not_at_all(study, predict, monkeypatch, mode, kills):
    """Its cells, their outlines and names, and the cells it corrects."""
    monkeypatch.setattr(schema, "on_network", lambda path: mode == "rollback")
    run = study.add_findings(predict())
    folder = study.folder
    study.close()
    chance = random.Random(kills)
    acknowledged, stored = 0, 0
    for _ in range(kills):
        said = run_until_killed(folder, stored, mode, chance.uniform(0, 0.4), IMPORTER)
        acknowledged += len(said)
        with Study.open(folder) as again:
            assert again.check() == "ok"
            new, stored = again.events()[stored:], len(again.events())
            assert stored >= max(said, default=0)
            cells = again.cells("a", run)
            assert len(cells) == 10 + stored * IMPORTED
            assert {cells.label(at) for at in range(10)} <= ({str(stored)} if stored else set(cells.classes))
            for number, event in enumerate(new, start=stored - len(new) + 1):
                names, outlines = again.names(event.id)
                assert again.findings(event.id).classes == (str(number),)
                assert len(names.ids) == len(outlines) == IMPORTED
                assert len(outlines.points) == 3 * IMPORTED
        with closing(sqlite3.connect(folder / "study.sqlite")) as file:
            rows = file.execute("SELECT count(*) FROM run WHERE names IS NOT NULL").fetchone()
        assert rows == (stored,)  # and no cells without their event
    print(f"{mode}: {kills} kills, {acknowledged} imports acknowledged, {stored} stored, each of them whole")
