"""Pausing a job and going on, and waiting for other jobs in the order of coming."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from cytoshift.jobs import JobError, create, jobs_folder, list_jobs, new_job_folder
from cytoshift.jobs.folder import RUNNER, read_json, write_json
from cytoshift.jobs.queue import Turn
from cytoshift.jobs.runner import run


def pausing(job, step):
    """Return a listener that asks a job to pause after a step."""

    def listen(event):
        if event["kind"] == "loss" and event["step"] == step:
            job.pause()

    return listen


def losses(job):
    return [(event["step"], event["classification"]) for event in job.events()[0] if event["kind"] == "loss"]


def weights(job):
    return (job.folder / "model" / "weights.safetensors").read_bytes()


def test_a_paused_job_goes_on_where_it_was(tmp_path, small):
    whole, job = (create(small(checkpoint_every=100), tmp_path / name) for name in ("whole", "job"))
    run(whole.folder)
    result = run(job.folder, pausing(job, 3))
    assert (result.state, job.state, job.alive) == ("paused", "paused", False)
    assert "resume" in result.message
    assert not (job.folder / RUNNER).exists()
    with pytest.raises(JobError, match="not running but paused; there is nothing to pause"):
        job.pause()
    assert run(job.folder).state == "done"
    assert losses(job) == losses(whole)  # no step twice
    assert weights(job) == weights(whole)


def test_a_paused_job_can_be_cancelled(tmp_path, small):
    job = create(small(), tmp_path / "job")
    run(job.folder, pausing(job, 2))
    job.cancel()
    assert job.state == "cancelled"
    assert not (job.folder / "work").exists()


def test_a_pause_can_be_taken_back(tmp_path, small):
    job = create(small(), tmp_path / "job")

    def hesitate(event):
        if event["kind"] == "validation":
            job.pause()
            job.resume()

    assert run(job.folder, hesitate).state == "done"


def test_a_job_that_waits_can_be_paused(tmp_path, small):
    spec = small().model_copy(update={"study": str(tmp_path)})
    folder = new_job_folder(tmp_path, "train")
    job = create(spec, folder)
    other = Turn(new_job_folder(tmp_path, "train"), str(tmp_path), "cpu")
    assert other.take()
    said = []

    def listen(event):
        said.append(event.get("behind"))
        if event["state"] == "queued":
            assert (job.state, job.behind) == ("queued", "train-2")
            job.pause()

    write_json(jobs_folder(tmp_path) / "train-2" / RUNNER, {**mine(other), "state": "running"})
    assert run(folder, listen).state == "paused"
    other.release()
    (jobs_folder(tmp_path) / "train-2" / RUNNER).unlink()
    assert said[0] == "train-2"
    assert run(folder).state == "done"


def mine(turn):
    return read_json(turn._folder / RUNNER)


def test_jobs_wait_in_the_order_of_coming_and_say_for_which(tmp_path):
    folders = [new_job_folder(tmp_path, "learn") for _ in range(4)]
    first, second, third, elsewhere = (
        Turn(folder, str(tmp_path), device)
        for folder, device in zip(folders, ("cpu", "cpu", "cpu", "cuda:0"), strict=True)
    )
    assert first.take()
    write_json(folders[0] / RUNNER, {**mine(first), "state": "running"})
    assert (second.take(), second.behind) == (False, "learn-1")
    assert (third.take(), third.behind) == (False, "learn-2")
    assert elsewhere.take()
    first.release()
    (folders[0] / RUNNER).unlink()
    assert (third.take(), third.behind) == (False, "learn-2")
    write_json(folders[1] / RUNNER, {**mine(second), "started": 0.0})  # its process has died
    assert third.take()
    third.release()
    elsewhere.release()


STARTER = """
import sys
from cytoshift.jobs import TrainSpec, start
start(TrainSpec.model_validate_json(sys.stdin.read()), sys.argv[1])
print("started", flush=True)
sys.stdin.close()
import threading
threading.Event().wait()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_job_survives_the_window_that_started_it_and_is_found_and_paused(tmp_path, small):
    folder = new_job_folder(tmp_path, "train")
    spec = small(steps=5000).model_copy(update={"study": str(tmp_path)})
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, folder], stdin=-1, stdout=-1, text=True, start_new_session=True
    ) as window:
        assert window.stdin is not None
        assert window.stdout is not None
        window.stdin.write(spec.model_dump_json())
        window.stdin.close()
        assert window.stdout.readline() == "started\n"
        os.killpg(window.pid, signal.SIGKILL)
    (job,) = list_jobs(tmp_path)
    position, learns = 0, False
    while not learns:
        assert job.wait(0.1) in ("queued", "running"), job.result
        events, position = job.events(position)
        learns = any(event["kind"] == "loss" for event in events)
    job.pause()
    assert job.wait(120) == "paused"
