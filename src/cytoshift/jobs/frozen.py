"""What a job measures with: settled before it learns, listed with checksums, and looked at again before use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cytoshift.jobs.folder import JobError, read_json, write_json

VALIDATION = "validation.json"
"""In a job's folder: what is held back, how it was split off, and the checksum of every file of it."""


def freeze(folder: Path, root: Path, files: Iterable[Path], about: Mapping[str, Any]) -> None:
    """Write down what is held back, or look that it is still what was written down.

    Parameters
    ----------
    folder : Path
        Of the job.
    root : Path
        Folder in which the files lie.
    files : iterable of Path
        Everything that measuring reads: pictures, and what says what is on them.
    about : mapping
        What a person may want to know of it.

    Raises
    ------
    JobError
        It is not what the job began with.
    """
    sums = {file.relative_to(root).as_posix(): _checksum(file) for file in sorted(set(files))}
    kept = read_json(folder / VALIDATION)
    if kept is None:
        write_json(folder / VALIDATION, {**about, "files": sums, "sha256": _together(sums)})
    elif kept.get("sha256") != _together(sums):
        was = kept.get("files", {})
        other = next((name for name in sorted({*sums, *was}) if sums.get(name) != was.get(name)), VALIDATION)
        raise JobError(
            f"What job {folder.name} measures with was changed since it began ({root / other}); start a new job."
        )


def _checksum(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise JobError(
            f"{file} cannot be read ({error.strerror}), and the job measures with it; start a new job."
        ) from error


def _together(sums: Mapping[str, str]) -> str:
    return hashlib.sha256("\n".join(f"{sums[name]}  {name}" for name in sorted(sums)).encode()).hexdigest()
