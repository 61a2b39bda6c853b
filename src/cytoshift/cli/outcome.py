"""Waiting for a job in a terminal, and saying how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from cytoshift.cli.output import number, print_columns
from cytoshift.cli.progress import bar

if TYPE_CHECKING:
    from cytoshift.jobs import Job, JobResult

_POLL = 0.5


def follow_job(job: Job, *, quiet: bool = False) -> None:
    """Show the progress of a job that runs in its own process until nobody works on it any more."""
    position = 0
    with bar(job.name, quiet=quiet) as line:
        while job.state in ("queued", "running"):
            events, position = job.events(position)
            for event in events:
                line.event(event)
            time.sleep(_POLL)


def conclude(result: JobResult) -> None:
    """Say how a job ended; JobError for one that failed."""
    from cytoshift.jobs import JobError

    if result.state == "failed":
        raise JobError(result.message)
    typer.echo(result.message)
    if result.model_folder:
        typer.echo(f"It is in {result.model_folder}")
    print_gain(result)


def print_gain(result: JobResult) -> None:
    """Print the new model's numbers, beside its parent's where it has one."""
    names = [name for name, value in result.after.items() if isinstance(value, int | float)]
    if result.before:
        rows = [(name, number(result.before.get(name, "")), number(result.after[name])) for name in names]
        print_columns([("", "before", "after"), *rows])
    elif names:
        print_columns([(name, number(result.after[name])) for name in names])
