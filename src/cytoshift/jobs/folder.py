"""A job's folder: the names of its files, and writing one so that a reader never sees half of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cytoshift.durable import new_file
from cytoshift.errors import CytoshiftError

JOBS = "jobs"
"""Folder, in the study's, of its jobs' folders."""
SPEC = "job.json"
EVENTS = "events.jsonl"
STOP = "stop"
CANCEL = "cancel"
PAUSE = "pause"
LAUNCHED = "launched.json"
RUNNER = "pid.json"
RESULT = "result.json"
LOG = "log.txt"
LOCK = "lock"
WORK = "work"
"""Checkpoints and the training set: what a resumed job goes on from, and what cancelling throws away."""
TRAINING = "training"
"""Within `WORK`: what the training loop goes on from; of no use once the model is written."""
MODEL = "model"
SAMPLES = "samples"
"""Pictures of what a training has learnt so far."""


class JobError(CytoshiftError):
    """A job cannot be started, read or controlled."""


def write_text(path: Path, text: str) -> None:
    """Write a file new and rename it into place."""
    with new_file(path) as file:
        file.write(text.encode())


def write_json(path: Path, data: Any) -> None:
    """Write JSON new, fsynced and renamed."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the dictionary in a JSON file; None where there is no file, or no dictionary in it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return data if isinstance(data, dict) else None
