"""What was acknowledged is there afterwards, whatever happens to the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine.journal import Journal
from cytoshift.errors import CytoshiftError

RUN = {"slide": "a", "operator": "b"}


def values(folder: Path, run: dict[str, str] = RUN) -> list[int]:
    with Journal(folder, run) as journal:
        return [int(record["value"]) for record in journal]


def test_records_come_back(tmp_path: Path) -> None:
    boxes = np.random.default_rng(0).random((5, 4), np.float32)
    with Journal(tmp_path / "j", RUN) as journal:
        journal.append({"boxes": boxes, "none": np.zeros((0, 4))})
        journal.append({"boxes": boxes[:0], "none": np.zeros((0, 4))})
    with Journal(tmp_path / "j", RUN) as journal:
        first, second = journal
        np.testing.assert_array_equal(first["boxes"], boxes)
        assert second["boxes"].shape == (0, 4)


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 2000), damage=st.integers(0, 255))
def test_a_torn_tail_is_ignored_and_overwritten(
    tmp_path_factory: pytest.TempPathFactory, cut: int, damage: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    ends = []
    with Journal(folder, RUN) as journal:
        for value in range(5):
            journal.append({"value": np.array(value)})
            ends.append((folder / "records.bin").stat().st_size)
    content = (folder / "records.bin").read_bytes()[:cut]
    (folder / "records.bin").write_bytes(content + bytes([damage]) * (damage % 40))
    whole = sum(end <= cut for end in ends)
    assert values(folder) == list(range(whole))
    with Journal(folder, RUN) as journal:
        journal.append({"value": np.array(99)})
    assert values(folder) == [*range(whole), 99]


def test_a_flipped_bit_ends_the_journal_there(tmp_path: Path) -> None:
    with Journal(tmp_path, RUN) as journal:
        for value in range(3):
            journal.append({"value": np.array(value)})
    content = bytearray((tmp_path / "records.bin").read_bytes())
    content[len(content) // 2] ^= 16
    (tmp_path / "records.bin").write_bytes(content)
    assert values(tmp_path) == [0]


def test_another_run_starts_anew(tmp_path: Path) -> None:
    with Journal(tmp_path, RUN) as journal:
        journal.append({"value": np.array(1)})
    assert values(tmp_path) == [1]
    assert values(tmp_path, {**RUN, "operator": "c"}) == []
    assert values(tmp_path) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CytoshiftError, match=r"journal .* cannot be written .*; choose another place"):
        Journal(tmp_path / "file" / "journal", RUN)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_acknowledged_records_survive_kill(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path; from cytoshift.engine.journal import Journal\n"
        f"journal = Journal(Path(sys.argv[1]), {RUN!r})\n"
        "for value in range(10**6):\n"
        "    journal.append({'value': np.array(value)}); print(value, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(20):
        acknowledged = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(line) for line in child.stdout if line.endswith("\n"))])
    child.wait()
    child.stdout.close()
    stored = values(tmp_path)
    assert stored == list(range(len(stored)))
    assert len(stored) > acknowledged
