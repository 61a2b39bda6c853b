"""A process that writes corrections is killed at any moment: every correction it acknowledged is there afterwards."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys

import pytest

from cytoshift.study import Study, schema

KILLS = int(os.environ.get("CYTOSHIFT_KILLS", "25"))

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


def run_until_killed(folder, start, mode, seconds):
    """Return the numbers that a writer acknowledged before it was killed."""
    command = [sys.executable, "-c", WRITER, folder, str(start), mode]
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
