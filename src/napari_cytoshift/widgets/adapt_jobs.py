"""Looking at the jobs of a study from the window: in a thread, without ever waiting for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cytoshift.jobs import Job, JobError, JobResult, JobState, TrainSpec, jobs_folder, list_jobs
from cytoshift.jobs.control import FolderControl
from cytoshift.jobs.events import Sample, sample_of
from napari_cytoshift.widgets.find_history import when

ACTIVE: tuple[JobState, ...] = ("queued", "running")

OVER: tuple[JobState, ...] = ("done", "stopped", "cancelled")
"""States that no job leaves any more."""

WORDS: dict[JobState, str] = {
    "queued": "waits for its turn",
    "running": "runs",
    "done": "done",
    "stopped": "stopped early",
    "paused": "paused",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}

SCORES = ("mAP50", "balanced accuracy")
"""What validations measure, by which a person follows a training: of cells, and of mitoses."""

AVERAGED = 0.1
"""Share of the newest step in the smoothed loss."""


@dataclass(frozen=True, slots=True)
class JobLook:
    """A job as it was a moment ago; ``behind`` is the job that it waits for, ``pausing`` whether it was asked to."""

    job: Job
    name: str
    title: str
    made: str
    state: JobState
    result: JobResult | None
    task: str
    behind: str = ""
    pausing: bool = False

    @property
    def standing(self) -> str:
        """Where it stands, in words."""
        if self.pausing:
            return "about to pause"
        return f"waits for {self.behind}" if self.behind else WORDS[self.state]


@dataclass(frozen=True, slots=True)
class Look:
    """What a thread saw: the jobs of a study, newest first, and the events of one of them between two positions."""

    study: Path
    jobs: tuple[JobLook, ...]
    chosen: str
    since: int
    events: tuple[dict[str, Any], ...]
    position: int


def look(study: Path, chosen: str, position: int, known: tuple[JobLook, ...] = ()) -> Look:
    """Look at the jobs of a study and read what the chosen one (the newest without) said since a position.

    Those known to be over are not looked at again: a study may have hundreds.
    """
    over = {one.name: one for one in known if one.state in OVER and one.job.folder.parent == jobs_folder(study)}
    jobs = tuple(over.get(job.name) or _look(job) for job in reversed(list_jobs(study)))
    job = next((one for one in jobs if one.name == chosen), jobs[0] if jobs else None)
    if job is None:
        return Look(study, jobs, "", 0, (), 0)
    since = position if job.name == chosen else 0
    events, position = job.job.events(since)
    return Look(study, jobs, job.name, since, tuple(events), position)


def _look(job: Job) -> JobLook:
    try:
        spec = job.spec
    except JobError as error:  # its file is damaged: the others are still there
        damaged = JobResult(state="failed", message=str(error))
        return JobLook(job, job.name, job.name, "", "failed", damaged, "detector")
    task = str(spec.recipe.get("task", "detector")) if isinstance(spec, TrainSpec) else spec.task
    made, state = when(spec.made), job.state
    pausing = state in ACTIVE and FolderControl(job.folder).state() == "pause"
    return JobLook(job, job.name, spec.title, made, state, job.result, task, job.behind, pausing)


@dataclass(slots=True)
class Course:
    """How a job went so far, from its events.

    ``steps``, ``losses`` and ``smooth`` are one value a step; ``scores`` are step, name and value of each validation.
    ``memory`` is how many bytes of how many of its device's it holds. ``samples`` are the pictures that show what it
    had learnt, ``notes`` all it said, and ``lasting`` the last of them that holds until the end.
    """

    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    smooth: list[float] = field(default_factory=list)
    scores: list[tuple[int, str, float]] = field(default_factory=list)
    step: int = 0
    total: int = 0
    eta: float | None = None
    memory: tuple[int, int] | None = None
    note: str = ""
    notes: list[str] = field(default_factory=list)
    lasting: str = ""
    samples: list[Sample] = field(default_factory=list)
    _parts: set[str] = field(default_factory=set)

    def add(self, event: dict[str, Any], folder: Path | None = None) -> None:
        """Take one event of the job in a folder in."""
        kind = event.get("kind")
        if kind == "loss":
            self._add_loss(int(event["step"]), event)
        elif kind == "progress":
            self.step, self.total, self.eta, self.note = event["step"], event["total"], event.get("eta"), ""
            self.memory = event.get("memory")
        elif kind == "sample" and folder is not None:
            self._add_sample(sample_of(event, folder))
        elif kind == "validation":
            self.scores = [one for one in self.scores if one[0] < event["step"]]  # a resumed job measures some again
            self.scores += [(event["step"], name, event[name]) for name in SCORES if name in event]
        elif kind == "note":
            self.note = str(event.get("text", ""))
            self.notes.append(self.note)
            self.lasting = self.note if event.get("lasting") else self.lasting

    def _add_sample(self, sample: Sample | None) -> None:
        if sample is not None:  # a resumed job shows some steps again
            self.samples = [*(one for one in self.samples if one.step < sample.step), sample]

    def _add_loss(self, step: int, event: dict[str, Any]) -> None:
        parts = {name: value for name, value in event.items() if name not in ("kind", "step", "time")}
        loss = sum(parts.values())
        other = not parts.keys() & self._parts  # of other parts it is another number: the curve begins anew
        while self.steps and (other or self.steps[-1] >= step):  # a resumed job goes back to its last checkpoint
            for values in (self.steps, self.losses, self.smooth):
                values.pop()
        self._parts = set(parts) if other else self._parts | set(parts)
        before = self.smooth[-1] if self.smooth else loss
        self.steps.append(step)
        self.losses.append(loss)
        self.smooth.append(before + AVERAGED * (loss - before))
