"""Looking at the jobs of a study from the window: in a thread, without ever waiting for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cytoshift.jobs import Job, JobResult, JobState, list_jobs

ACTIVE: tuple[JobState, ...] = ("queued", "running")
ENDED: tuple[JobState, ...] = ("done", "stopped", "failed", "cancelled", "interrupted")

WORDS: dict[JobState, str] = {
    "queued": "waits for its turn",
    "running": "runs",
    "done": "done",
    "stopped": "stopped early",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}

AVERAGED = 0.1
"""Share of the newest step in the smoothed loss."""


@dataclass(frozen=True, slots=True)
class JobLook:
    """A job as it was a moment ago."""

    job: Job
    name: str
    title: str
    made: str
    state: JobState
    result: JobResult | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a thread saw: the jobs of a study, newest first, and the new events of one of them."""

    study: Path
    jobs: tuple[JobLook, ...]
    chosen: str
    events: tuple[dict[str, Any], ...]
    position: int


def look(study: Path, chosen: str, position: int) -> Look:
    """Look at the jobs of a study and read what the chosen one (the newest without) said since a position."""
    jobs = tuple(_look(job) for job in reversed(list_jobs(study)))
    job = next((one for one in jobs if one.name == chosen), jobs[0] if jobs else None)
    if job is None:
        return Look(study, jobs, "", (), 0)
    events, position = job.job.events(position if job.name == chosen else 0)
    return Look(study, jobs, job.name, tuple(events), position)


def _look(job: Job) -> JobLook:
    spec = job.spec
    return JobLook(job, job.name, spec.title, spec.made[:16].replace("T", " "), job.state, job.result)


@dataclass(slots=True)
class Course:
    """How a job went so far, from its events.

    ``steps``, ``losses`` and ``smooth`` are one value a step; ``scores`` are the step and mAP50 of each validation.
    """

    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    smooth: list[float] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)
    step: int = 0
    total: int = 0
    eta: float | None = None
    note: str = ""

    def add(self, event: dict[str, Any]) -> None:
        """Take one event in."""
        kind = event.get("kind")
        if kind == "loss":
            self._add_loss(int(event["step"]), event)
        elif kind == "progress":
            self.step, self.total, self.eta, self.note = event["step"], event["total"], event.get("eta"), ""
        elif kind == "validation":
            self.scores.append((event["step"], event.get("mAP50", 0.0)))
        elif kind == "note":
            self.note = str(event.get("text", ""))

    def _add_loss(self, step: int, event: dict[str, Any]) -> None:
        loss = sum(value for name, value in event.items() if name not in ("kind", "step", "time"))
        while self.steps and self.steps[-1] >= step:  # a resumed job goes back to its last checkpoint
            for values in (self.steps, self.losses, self.smooth):
                values.pop()
        before = self.smooth[-1] if self.smooth else loss
        self.steps.append(step)
        self.losses.append(loss)
        self.smooth.append(before + AVERAGED * (loss - before))
