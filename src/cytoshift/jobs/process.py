"""Jobs from outside: start one in a process of its own, find it again, ask it to stop."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

import psutil

from cytoshift.jobs.control import FolderControl
from cytoshift.jobs.events import read_events
from cytoshift.jobs.folder import (
    CANCEL,
    EVENTS,
    JOBS,
    LAUNCHED,
    LOCK,
    LOG,
    RESULT,
    RUNNER,
    SPEC,
    JobError,
    read_json,
    write_json,
)
from cytoshift.jobs.result import EndState, JobResult, discard, read_result, write_result
from cytoshift.jobs.spec import JobSpec, LearnSpec, TrainSpec, read_spec, write_spec
from cytoshift.study.lock import WriterLock

JobState = Literal["queued", "running", "interrupted"] | EndState

GOES_ON: tuple[JobState, ...] = ("paused", "interrupted", "failed")
"""States from which a job can be resumed."""

_POLL = 0.1
_CLOCK_SLACK = 2.0
"""Seconds by which two readings of a process's start time may differ after the clock was set."""


class Job:
    """A job, known by its folder. Any number of processes may hold one and look at the same job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def spec(self) -> LearnSpec | TrainSpec:
        """What the job is to do."""
        return read_spec(self.folder)

    @property
    def result(self) -> JobResult | None:
        """How it ended; None while it has not."""
        return read_result(self.folder)

    @property
    def alive(self) -> bool:
        """Whether a process works on it, or is about to."""
        return self._runner() is not None or lives(read_json(self.folder / LAUNCHED))

    @property
    def state(self) -> JobState:
        """Where the job stands; ``interrupted`` when its process died before the end. `GOES_ON` can be resumed."""
        # The runner writes the result before it dies: looking at the process first leaves no gap between the two.
        runner = self._runner()
        launched = lives(read_json(self.folder / LAUNCHED))
        result = self.result
        if result is not None:
            return result.state
        if runner is not None:
            return "running" if runner.get("state") == "running" else "queued"
        if launched:
            return "queued"
        return "cancelled" if (self.folder / CANCEL).exists() else "interrupted"

    def _runner(self) -> dict[str, Any] | None:
        runner = read_json(self.folder / RUNNER)
        return runner if lives(runner) else None

    @property
    def behind(self) -> str:
        """The job whose end this one waits for; ``""`` where it does not wait, or does not know for which."""
        runner = self._runner()
        return "" if runner is None or runner.get("state") != "queued" else str(runner.get("behind", ""))

    def events(self, since: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return the events after a position, and the position to hand in next time; see `read_events`."""
        return read_events(self.folder / EVENTS, since)

    def stop_early(self) -> None:
        """Ask it to end now and keep the best model so far; JobError where nothing runs."""
        if not self.alive:
            raise JobError(f"Job {self.name} is not running but {self.state}; there is nothing to stop.")
        FolderControl(self.folder).ask("stop_early")

    def pause(self) -> None:
        """Ask it to leave its device after a checkpoint, until `resume`; JobError where nothing runs."""
        if not self.alive:
            raise JobError(f"Job {self.name} is not running but {self.state}; there is nothing to pause.")
        FolderControl(self.folder).ask("pause")

    def cancel(self) -> None:
        """Discard it: no model is made and its checkpoints are removed; JobError if it is over."""
        if self.result is not None and self.result.state != "paused":
            raise JobError(f"Job {self.name} is already over ({self.state}); there is nothing to cancel.")
        FolderControl(self.folder).ask("cancel")
        lock = WriterLock(self.folder / LOCK)
        # A job whose process has died cannot see the wish; nobody else holds its lock.
        if self.alive or not lock.take():
            return
        try:
            write_result(discard(self.folder), self.folder)
        finally:
            lock.release()

    def resume(self) -> None:
        """Start a process that goes on from the last checkpoint, after a pause, an interruption or a failure.

        A job that is only about to pause goes on as if it had not been asked to.
        """
        state, control = self.state, FolderControl(self.folder)
        if state in ("queued", "running") and control.state() == "pause":
            control.clear("pause")
            return
        if state not in GOES_ON:
            raise JobError(f"Job {self.name} is {state}; only a paused, interrupted or failed job can be resumed.")
        read_spec(self.folder)
        control.clear()
        (self.folder / RESULT).unlink(missing_ok=True)
        _launch(self.folder)

    def wait(self, timeout: float | None = None) -> JobState:
        """Wait until the job is over or nobody works on it any more, or for ``timeout`` seconds; return its state."""
        end = None if timeout is None else time.monotonic() + timeout
        while (state := self.state) in ("queued", "running"):
            if end is not None and time.monotonic() >= end:
                break
            time.sleep(_POLL)
        return state


def start(spec: JobSpec, folder: str | Path) -> Job:
    """Write a specification into a new folder and start a detached process that runs it.

    The process outlives this one. It returns as soon as the process was launched.

    Raises
    ------
    JobError
        If the folder already holds a job.
    """
    job = create(spec, folder)
    _launch(job.folder)
    return job


def create(spec: JobSpec, folder: str | Path) -> Job:
    """Write a specification into a new folder, for `start` or for `runner.run` in this process."""
    folder = Path(folder).absolute()
    if (folder / SPEC).exists():
        raise JobError(f"{folder} already holds a job; resume that one or give another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_spec(spec, folder)
    except OSError as error:
        raise JobError(f"{folder} cannot be written ({error.strerror}); give another folder.") from error
    return Job(folder)


def attach(folder: str | Path) -> Job:
    """Return the job in a folder; JobError if it holds none."""
    job = Job(Path(folder).absolute())
    read_spec(job.folder)
    return job


def jobs_folder(study_folder: str | Path) -> Path:
    """Where a study keeps its jobs."""
    return Path(study_folder).absolute() / JOBS


def new_job_folder(study_folder: str | Path, kind: str) -> Path:
    """Make and return an empty folder for the study's next job, e.g. ``jobs/learn-3``; JobError where it may not."""
    root = jobs_folder(study_folder)
    number = 1
    try:
        root.mkdir(parents=True, exist_ok=True)
        while True:
            folder = root / f"{kind}-{number}"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
            number += 1
    except OSError as error:
        raise JobError(
            f"{root} cannot be written ({error.strerror}); make room for the job there, or open another study."
        ) from error


def list_jobs(study_folder: str | Path) -> list[Job]:
    """Return the jobs of a study, oldest first."""
    found = [Job(path.parent) for path in jobs_folder(study_folder).glob(f"*/{SPEC}")]
    return sorted(found, key=lambda job: ((job.folder / SPEC).stat().st_mtime_ns, job.name))


def identify(process: psutil.Process) -> dict[str, Any]:
    """Return what tells a process from a later one with the same number."""
    return {"pid": process.pid, "started": process.create_time()}


def lives(identity: dict[str, Any] | None) -> bool:
    """Tell whether the process that `identify` described is still there."""
    if identity is None:
        return False
    try:
        process = psutil.Process(int(identity["pid"]))
        same = abs(process.create_time() - float(identity["started"])) < _CLOCK_SLACK
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, KeyError, ValueError):
        return False


def _launch(folder: Path) -> None:
    threads = str(read_spec(folder).threads)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, threads)}
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    # In any locale names of files are read as they are here.
    command = [sys.executable, "-X", "utf8", "-m", "cytoshift.jobs", str(folder)]
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            **detached,
        )
    with contextlib.suppress(psutil.NoSuchProcess):
        write_json(folder / LAUNCHED, identify(psutil.Process(process.pid)))
    # Reaps the child when it ends, so that it does not stay behind as a zombie of a long-lived window.
    threading.Thread(target=process.wait, name=f"job-{process.pid}", daemon=True).start()
