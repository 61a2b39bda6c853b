"""``cytoshift jobs``: what is refused starts nothing, and what stands in a study's folder is listed and controlled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cytoshift.jobs import LearnSpec, create, new_job_folder
from cytoshift.jobs.folder import RUNNER, SPEC, write_json
from cytoshift.jobs.process import identify
from cytoshift.jobs.result import JobResult, write_result
from cytoshift.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    Study.create(tmp_path / "ward").close()
    return tmp_path / "ward"


def test_what_cannot_be_learnt_from_is_said_and_nothing_starts(study: Path, complaint: Callable[..., str]) -> None:
    assert "mark a region in which every cell is right" in complaint("jobs", "start", study)
    assert "No jobs" not in complaint("jobs", "show", study, "learn-1")
    assert not list(study.glob("jobs/*"))


def test_jobs_are_listed_paused_and_taken_back(
    study: Path, cytoshift: Callable[..., str], complaint: Callable[..., str]
) -> None:
    running, waiting, over, damaged = (
        create(LearnSpec(study=str(study)), new_job_folder(study, "learn")) for _ in range(4)
    )
    here = identify(psutil.Process())
    write_json(running.folder / RUNNER, {**here, "state": "running"})
    write_json(waiting.folder / RUNNER, {**here, "state": "queued", "behind": "learn-1"})
    write_result(JobResult(state="paused", message="Paused."), over.folder)
    (damaged.folder / SPEC).write_text("{")
    lines = [line.split() for line in cytoshift("jobs", "list", study).splitlines()]
    assert lines[:3] == [
        ["learn-1", "running"],
        ["learn-2", "waits", "for", "learn-1"],
        ["learn-3", "paused", "Paused."],
    ]
    said = json.loads(cytoshift("jobs", "list", study, "--json"))
    assert [one["behind"] for one in said] == ["", "learn-1", "", ""]
    assert "not a valid job" in said[3]["job"]["error"]
    assert cytoshift("jobs", "pause", study, "learn-1") == "Asked learn-1 to pause.\n"
    assert (running.folder / "pause").exists()
    cytoshift("jobs", "resume", study, "learn-1")
    assert not (running.folder / "pause").exists()
    assert "nothing to pause" in complaint("jobs", "pause", study, "learn-3")
