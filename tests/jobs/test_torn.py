"""Files of a job that were cut off: a clean sentence, or the job goes on; and many jobs, none of which costs much."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import psutil
import pytest

from cytoshift.errors import ModelError
from cytoshift.jobs import Job, JobError, attach, create, jobs_folder, list_jobs, new_job_folder, process, read_events
from cytoshift.jobs.folder import EVENTS, RESULT, RUNNER, SPEC, TRAINING, WORK, write_json
from cytoshift.jobs.process import identify
from cytoshift.jobs.result import JobResult, write_result
from cytoshift.jobs.runner import run
from cytoshift.training.checkpoint import read_tensors
from cytoshift.training.loop import BEST, CHECKPOINT
from napari_cytoshift.widgets import adapt_jobs
from napari_cytoshift.widgets.adapt_jobs import look

PLACES = 100
"""Offsets at which each file is cut off."""


@pytest.fixture(scope="module")
def paused(tmp_path_factory, small) -> Path:
    """Return the folder of a job that was paused after four steps, with a validation at the third."""
    study = tmp_path_factory.mktemp("study")
    job = create(small(), new_job_folder(study, "train"))

    def pause(event):
        if event["kind"] == "loss" and event["step"] == 4:
            job.pause()

    assert run(job.folder, pause).state == "paused"
    write_json(job.folder / RUNNER, {**identify(psutil.Process()), "state": "running", "device": "cpu"})
    return job.folder


@pytest.fixture
def folder(paused, tmp_path) -> Path:
    return Path(shutil.copytree(paused, jobs_folder(tmp_path) / "train-1"))


def cuts(path: Path):
    """Cut a file off at a hundred places, one after the other; yields how much of it is left."""
    whole = path.read_bytes()
    for size in sorted(set(np.linspace(0, len(whole) - 2, PLACES, dtype=int).tolist())):
        path.write_bytes(whole[:size])
        yield size
    path.write_bytes(whole)


def one_sentence(error: BaseException) -> bool:
    return "\n" not in str(error) and str(error).endswith(".")


def test_a_torn_specification_spoils_no_list(folder, small):
    other = create(small(), folder.parent / "train-2")
    for _ in cuts(folder / SPEC):
        with pytest.raises(JobError, match="not a valid job") as caught:
            attach(folder)
        assert one_sentence(caught.value)
        seen = look(folder.parents[1], "train-1", 0).jobs
        assert {one.name: one.state for one in seen} == {"train-1": "failed", "train-2": other.state}
    assert attach(folder).state == "paused"


def test_a_torn_result_is_a_job_that_goes_on(folder):
    (folder / RUNNER).unlink()
    for size in cuts(folder / RESULT):
        assert Job(folder).state in ("interrupted", "paused"), size


def test_a_torn_process_file_is_a_process_that_is_gone(folder):
    (folder / RESULT).unlink()
    assert Job(folder).state == "running"
    for size in cuts(folder / RUNNER):
        assert Job(folder).state == "interrupted", size


def test_torn_events_are_those_before(folder):
    events, _ = read_events(folder / EVENTS)
    counts = []
    for _ in cuts(folder / EVENTS):
        some, _ = read_events(folder / EVENTS)
        assert some == events[: len(some)]
        counts.append(len(some))
    assert counts == sorted(counts)
    assert counts[-1] == len(events) - 1


@pytest.mark.parametrize("name", [CHECKPOINT, BEST])
def test_torn_weights_are_one_sentence(folder, name):
    path = folder / WORK / TRAINING / name
    for _ in cuts(path):
        with pytest.raises(ModelError, match=f"{name} is damaged .*; delete it") as caught:
            read_tensors(path)
        assert one_sentence(caught.value)


def test_a_job_says_which_checkpoint_is_torn_and_begins_anew_without_it(folder):
    path = folder / WORK / TRAINING / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-1])
    result = run(folder)
    assert result.state == "failed"
    assert str(path) in result.message
    path.unlink()
    assert run(folder).state == "done"


def test_a_job_goes_on_without_its_best_weights(folder):
    path = folder / WORK / TRAINING / BEST
    path.write_bytes(path.read_bytes()[:100])
    assert run(folder).state == "done"
    notes = [event["text"] for event in Job(folder).events()[0] if event["kind"] == "note"]
    assert any("the next validation counts as the first" in note for note in notes)


def test_five_hundred_jobs_are_looked_at_once(tmp_path, small, monkeypatch):
    one = create(small(), jobs_folder(tmp_path) / "train-0").folder
    write_result(JobResult(state="done", model="tiny"), one)
    for number in range(1, 500):
        shutil.copytree(one, one.parent / f"train-{number}")
    first = look(tmp_path, "", 0)
    assert len(first.jobs) == len(list_jobs(tmp_path)) == 500
    read = []
    monkeypatch.setattr(adapt_jobs, "_look", read.append)
    monkeypatch.setattr(process, "read_spec", read.append)
    assert look(tmp_path, first.chosen, first.position, first.jobs).jobs == first.jobs
    assert read == []


def test_neither_running_jobs_nor_looking_at_them_leaves_files_open(tmp_path, small):
    here = psutil.Process()
    counts = []
    for _ in range(3):
        folder = new_job_folder(tmp_path, "train")
        create(small(steps=2).model_copy(update={"study": str(tmp_path)}), folder)
        assert run(folder).state == "done"
        for _ in range(20):
            look(tmp_path, folder.name, 0)
        counts.append((len(here.open_files()), here.num_fds() if hasattr(here, "num_fds") else 0))
    assert counts[1] == counts[-1]
    assert json.loads((tmp_path / "jobs" / "train-1" / RESULT).read_text())["state"] == "done"
