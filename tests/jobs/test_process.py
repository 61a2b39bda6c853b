"""Jobs in processes of their own: they end as they should, whatever is done to them meanwhile."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cytoshift.jobs import JobError, attach, create, list_jobs, new_job_folder, read_events, start
from cytoshift.jobs.control import FolderControl
from cytoshift.jobs.folder import EVENTS, LAUNCHED, LOCK, RUNNER, WORK, read_json
from cytoshift.jobs.process import identify
from cytoshift.jobs.runner import run
from cytoshift.models import load_model
from cytoshift.study.lock import WriterLock


def losses(folder: Path) -> dict[int, float]:
    events, _ = read_events(folder / EVENTS)
    return {e["step"]: e["classification"] for e in events if e["kind"] == "loss"}


def wait_for_checkpoint(folder: Path, process: subprocess.Popen) -> None:
    """Block until a job has written its first checkpoint, watching its events."""
    position = 0
    while process.poll() is None:
        events, position = read_events(folder / EVENTS, position)
        if any(event["kind"] == "loss" and event["step"] >= 3 for event in events):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    pytest.fail("the job ended before it could be killed")


def weights(folder: Path) -> bytes:
    return (folder / "model" / "weights.safetensors").read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, small):
    folder = tmp_path_factory.mktemp("whole") / "job"
    job = start(small(steps=12), folder)
    assert job.wait(120) == "done", job.result
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(read_json(job.folder / LAUNCHED)["pid"]).wait(60)
    return job


def test_a_job_runs_detached_and_makes_a_model(uninterrupted):
    result = uninterrupted.result
    model = load_model(Path(result.model_folder))
    assert (result.model, model.card.id, result.steps) == ("tiny", "tiny", 12)
    assert model.card.classes == ("NILM", "HSIL")
    assert model.card.trained_on[0].images == 4
    assert not (uninterrupted.folder / WORK / "training").exists()
    events, _ = uninterrupted.events()
    assert [e["state"] for e in events if e["kind"] == "state"] == ["running", "done"]
    assert [e["step"] for e in events if e["kind"] == "loss"] == list(range(1, 13))


def test_killed_and_resumed_gives_the_same_model(tmp_path, small, uninterrupted):
    job = create(small(steps=12), tmp_path / "job")
    command = [sys.executable, "-m", "cytoshift.jobs", str(job.folder)]
    with subprocess.Popen(command, start_new_session=True) as process:
        wait_for_checkpoint(job.folder, process)
        os.kill(process.pid, signal.SIGKILL)
    assert job.state == "interrupted"
    before = losses(job.folder)
    job.resume()
    assert job.wait(120) == "done", job.result
    assert losses(job.folder) == losses(uninterrupted.folder)
    assert {**losses(job.folder), **before} == losses(uninterrupted.folder)
    assert weights(job.folder) == weights(uninterrupted.folder)


def test_stopping_early_keeps_the_best(tmp_path, small):
    job = create(small(steps=5000), tmp_path / "job")

    def stop(event):
        if event["kind"] == "loss" and event["step"] == 2:
            job.stop_early()

    result = run(job.folder, stop)
    assert (result.state, job.state) == ("stopped", "stopped")
    assert result.steps == 2
    assert load_model(Path(result.model_folder)).card.id == "tiny"


def test_cancelling_leaves_no_model(tmp_path, small):
    job = create(small(steps=5000), tmp_path / "job")

    def cancel(event):
        if event["kind"] == "loss" and event["step"] == 3:
            job.cancel()

    assert run(job.folder, cancel).state == "cancelled"
    assert job.state == "cancelled"
    assert not (job.folder / "model").exists()
    assert not (job.folder / WORK).exists()
    with pytest.raises(JobError, match="already over"):
        job.cancel()


def test_a_dead_job_can_be_cancelled_but_not_stopped(tmp_path, small):
    job = create(small(), tmp_path / "job")
    assert job.state == "interrupted"
    with pytest.raises(JobError, match="not running"):
        job.stop_early()
    job.cancel()
    assert job.state == "cancelled"
    with pytest.raises(JobError, match="only a paused, interrupted or failed"):
        job.resume()


def test_a_second_runner_is_refused(tmp_path, small):
    job = create(small(), tmp_path / "job")
    lock = WriterLock(job.folder / LOCK)
    assert lock.take()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cytoshift.jobs", str(job.folder)], capture_output=True, text=True, check=False
        )
    finally:
        lock.release()
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "already runs" in done.stderr
    assert job.events() == ([], 0)


def test_a_recycled_process_number_is_not_the_runner(tmp_path, small):
    job = create(small(), tmp_path / "job")
    me = {**identify(psutil.Process()), "state": "running"}
    (job.folder / RUNNER).write_text(json.dumps(me))
    assert job.state == "running"
    (job.folder / RUNNER).write_text(json.dumps({**me, "started": me["started"] - 60}))
    assert job.state == "interrupted"


def test_a_failure_is_one_sentence_and_can_be_put_right(tmp_path, small, cells):
    spec = small(steps=2)
    recipe = {**spec.recipe, "data": {**spec.recipe["data"], "path": str(tmp_path / "nowhere")}}
    job = create(spec.model_copy(update={"recipe": recipe}), tmp_path / "job")
    assert run(job.folder).state == "failed"
    assert "nowhere" in job.result.message
    assert "\n" not in job.result.message
    assert "Traceback" in (job.folder / "log.txt").read_text()
    shutil.copytree(cells, tmp_path / "nowhere")
    assert run(job.folder).state == "done"
    assert job.state == "done"


def test_asking_for_cancel_wins(tmp_path):
    control = FolderControl(tmp_path)
    assert control.state() == "run"
    control.ask("stop_early")
    assert control.state() == "stop_early"
    control.ask("cancel")
    assert control.state() == "cancel"
    control.clear()
    assert control.state() == "run"


def test_jobs_of_a_study_are_listed_in_order(tmp_path, small):
    folders = [new_job_folder(tmp_path, "learn") for _ in range(11)]
    assert [folder.name for folder in folders[-2:]] == ["learn-10", "learn-11"]
    for folder in folders:
        create(small(), folder)
    assert [job.name for job in list_jobs(tmp_path)] == [folder.name for folder in folders]


def test_a_folder_holds_one_job(tmp_path, small):
    create(small(), tmp_path / "job")
    with pytest.raises(JobError, match="already holds a job"):
        create(small(), tmp_path / "job")


@pytest.mark.parametrize(
    "text", ["", "{}", '{"kind": "dance"}', '{"kind": "train", "name": "x", "recipe": {}, "a": 1}']
)
def test_a_broken_specification_is_one_sentence(tmp_path, text):
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(JobError, match="not a valid job") as caught:
        attach(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_job_is_one_sentence(tmp_path):
    with pytest.raises(JobError, match="is not a job"):
        attach(tmp_path / "nothing")
    assert read_json(tmp_path / "nothing") is None
