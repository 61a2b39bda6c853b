"""The disk is full while a job runs: it says so, keeps its last checkpoint, and goes on with room."""

from __future__ import annotations

import os
import shutil
from types import SimpleNamespace

import pytest
from full_disk import FullDisk

from cytoshift import durable
from cytoshift.jobs import JobError, create, runner
from cytoshift.jobs.folder import RESULT
from cytoshift.jobs.runner import run
from cytoshift.models import load_model
from cytoshift.room import MARGIN


def test_a_job_stops_before_writing_and_can_be_resumed(tmp_path, small, monkeypatch):
    job = create(small(), tmp_path / "job")
    free = [10 * MARGIN, MARGIN + 5]  # room for the first checkpoint, not for the best model
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: SimpleNamespace(free=free.pop(0) if len(free) > 1 else free[0])
    )
    result = run(job.folder)
    assert (result.state, job.state) == ("failed", "failed")
    assert "lacks" in result.message
    assert result.message.count(". ") == 0
    free[0] = 10 * MARGIN
    assert run(job.folder).state == "done"
    events, _ = job.events()
    assert "resumed at step 2" in [event.get("text") for event in events]


@pytest.mark.parametrize("writes", [0, 14])
def test_a_disk_that_stays_full_leaves_a_job_that_goes_on(tmp_path, small, monkeypatch, writes):
    """Not even how it ended can be written down then."""
    job = create(small(), tmp_path / "job")
    monkeypatch.setattr(durable, "os", FullDisk(writes))
    with pytest.raises(JobError, match="No space left on device") as caught:
        run(job.folder)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(durable, "os", os)
    assert job.state in ("running", "interrupted")  # the first as long as this process lives
    assert not (job.folder / RESULT).exists()
    assert run(job.folder).state == "done"
    assert load_model(job.folder / "model").card.id == "tiny"
    assert not list(job.folder.rglob(".*"))


def test_what_was_trained_stays_until_the_result_is_there(tmp_path, small, monkeypatch):
    job = create(small(), tmp_path / "job")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(runner, "write_result", full)
        with pytest.raises(JobError, match="could not write down how it ended"):
            run(job.folder)
    before, _ = job.events()
    assert run(job.folder).state == "done"
    after = job.events()[0][len(before) :]
    assert [event for event in after if event["kind"] == "loss"] == []  # no step was done again
    assert not (job.folder / "work" / "training").exists()
