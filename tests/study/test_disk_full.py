"""The disk is full at any write of a correction: one sentence, the study as it was, and on it goes with room."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cytoshift.errors import StudyError
from cytoshift.study import Study

STEP = int(os.environ.get("CYTOSHIFT_FULL_STEP", "2048"))
"""Bytes from one place at which the disk is full to the next; a write is at least 24 bytes."""

CORRECTOR = """
import resource, sys
from cytoshift.errors import StudyError
from cytoshift.study import Study, schema

folder, mode, step = sys.argv[1], sys.argv[2], int(sys.argv[3])
if mode == "rollback":
    schema.on_network = lambda path: True
study = Study.open(folder)
if mode == "checkpoint":
    study._log._connection.execute("PRAGMA wal_autocheckpoint=1")
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
stored, limit, refused = len(study.events()), 0, 0
while refused == limit // step:  # until there was room for all of a correction
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    try:
        study.add("a", (0, 0, 5, 5), "LSIL")
        stored += 1
    except StudyError as error:
        assert str(error).count(". ") == 0 and "what was stored before is safe" in str(error), error
        refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert study.check() == "ok"
    with Study.open(folder, read_only=True) as reader:
        assert len(study.events()) == len(reader.events()) == stored
    limit += step
study.note("a", "", "there is room again")
study.close()
print(refused)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of file sizes")
@pytest.mark.parametrize("mode", ["log", "checkpoint", "rollback"])
def test_the_study_stays_whole_wherever_the_disk_ends(study, mode):
    study.add("a", (0, 0, 5, 5), "LSIL")
    folder = study.folder
    study.close()
    child = [sys.executable, "-c", CORRECTOR, folder, mode, str(STEP)]
    refused = int(subprocess.check_output(child, text=True))
    print(f"{mode}: disk full at {refused} places {STEP} bytes apart, nothing lost")
    assert refused * STEP > 8192, "a correction writes several pages"
    with Study.open(folder) as again:
        assert again.check() == "ok"
        assert [event.kind for event in again.events()] == ["add"] * (len(again.events()) - 1) + ["note"]


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of 512 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("only root may mount a disk in memory")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="a disk in memory is Linux's")
def test_on_a_disk_that_is_really_full(small_disk, paint):
    filler = small_disk / "filler"
    with Study.create(small_disk / "study") as study:
        study.add_slide(paint("a"))
        study.add("a", (0, 0, 5, 5), "LSIL")
        for pages in range(6):
            room = os.statvfs(small_disk).f_bavail * 4096 - 4096 * pages
            filler.write_bytes(bytes(max(room, 0)))
            before = study.events()
            with pytest.raises(StudyError, match="what was stored before is safe"):
                fill(study)
            assert study.check() == "ok"
            assert study.events()[: len(before)] == before
            filler.unlink()
        stored = study.events()
        study.note("a", "", "there is room again")
    with Study.open(small_disk / "study") as again:
        assert again.events()[:-1] == stored


def fill(study):
    """Correct until there is no room."""
    for _ in range(200):
        study.note("a", "", "a long note " * 100)
