"""How a job ended."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cytoshift.jobs.folder import MODEL, RESULT, SAMPLES, WORK, write_text
from cytoshift.jobs.gain import Trust

EndState = Literal["done", "stopped", "paused", "failed", "cancelled"]
"""``stopped`` is done, only earlier: the best model so far was kept; ``paused`` and ``failed`` can go on."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the work of a job made: a model, its numbers beside its parent's on the same data, and their worth."""

    model: str
    folder: Path
    steps: int
    after: dict[str, Any]
    before: dict[str, Any] = field(default_factory=dict)
    trust: Trust | None = None


class JobResult(BaseModel):
    """The end of a job, or of a part of it: one that was paused or has failed may go on.

    ``model`` is the new model's id and ``model_folder`` where it lies; ``before`` and ``after`` are the parent's and
    the new model's numbers on the same data held back; ``trust`` is what may be concluded from them, where that was
    worked out; ``message`` is one sentence for a person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: EndState
    message: str = ""
    model: str = ""
    model_folder: str = ""
    before: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] = Field(default_factory=dict)
    trust: Trust | None = None
    steps: int = 0
    ended: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def write_result(result: JobResult, folder: Path) -> None:
    """Write a result into the job's folder."""
    write_text(folder / RESULT, result.model_dump_json(indent=1) + "\n")


def read_result(folder: Path) -> JobResult | None:
    """Read a job's result; None while there is none."""
    try:
        return JobResult.model_validate_json((folder / RESULT).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def discard(folder: Path) -> JobResult:
    """Remove a job's checkpoints, model and samples, and return the result to write; what it said stays."""
    for name in (WORK, MODEL, SAMPLES):
        shutil.rmtree(folder / name, ignore_errors=True)
    return JobResult(state="cancelled", message="Cancelled on request; no model was made.")
