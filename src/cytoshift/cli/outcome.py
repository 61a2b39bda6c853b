"""Waiting for a job in a terminal, and saying how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from cytoshift.cli.output import number, print_columns
from cytoshift.cli.progress import bar

if TYPE_CHECKING:
    from cytoshift.jobs import Job, JobResult
    from cytoshift.jobs.gain import Trust

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
    """Print the new model's numbers, beside its parent's where it has one, and what may be concluded from them."""
    names = [name for name, value in result.after.items() if isinstance(value, int | float)]
    if result.trust is not None:
        _print_trust(result.trust)
    elif result.before:
        rows = [(name, number(result.before.get(name, "")), number(result.after[name])) for name in names]
        print_columns([("", "before", "after"), *rows])
    elif names:
        print_columns([(name, number(result.after[name])) for name in names])


def _print_trust(trust: Trust) -> None:
    from cytoshift.jobs.verdict import forgotten, span, verdict

    rows = [("", "before", "", "after", "", "change", "")]
    for name, one in trust.gain.numbers.items():
        old, new, change = span(one.before_ends), span(one.after_ends), span(one.change_ends, "+.2f")
        rows.append((name, number(one.before), old, number(one.after), new, f"{one.change:+.2f}", change))
    print_columns(rows)
    typer.echo(f"In brackets: 95 % intervals, {trust.gain.units} {trust.gain.over} drawn again.")
    typer.echo(verdict(trust.gain))
    typer.echo(forgotten(trust))
