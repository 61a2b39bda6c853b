"""Whose turn it is: of a study's jobs one works on a device at a time, in the order in which they came."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil

from cytoshift.jobs.folder import RUNNER, read_json, write_json
from cytoshift.jobs.process import identify, jobs_folder, lives
from cytoshift.study.lock import WriterLock


class Turn:
    """A job's place among the jobs of its study that want the same device.

    Parameters
    ----------
    folder : Path
        The job's.
    study : str
        The study's folder.
    device : str
        As torch calls it, so that ``auto`` and what it stands for are one.
    """

    def __init__(self, folder: Path, study: str, device: str) -> None:
        self._folder, self._device, self._jobs = folder, device, jobs_folder(study)
        self._jobs.mkdir(exist_ok=True)
        self._lock = WriterLock(self._jobs / f"{device.replace(':', '-')}.lock")
        self._came = time.time()
        self._behind: str | None = None

    def take(self) -> bool:
        """Take the device if nobody is before this job; `behind` says who is otherwise."""
        if self._behind is None:
            self._stand("")  # whoever comes now sees this one
        ahead = self._ahead()
        if not ahead and self._lock.take():
            return True
        self._stand(ahead)
        return False

    @property
    def behind(self) -> str:
        """The job that this one waits for; ``""`` where it is not known."""
        return self._behind or ""

    def release(self) -> None:
        """Let the next one take the device."""
        self._lock.release()

    def _stand(self, behind: str) -> None:
        """Say that this job waits, and for which one."""
        if behind != self._behind:
            self._behind = behind
            place = {"state": "queued", "device": self._device, "came": self._came, "behind": behind}
            write_json(self._folder / RUNNER, {**identify(psutil.Process()), **place})

    def _ahead(self) -> str:
        """Return the last of the jobs before this one: of those that wait, else the one that works."""
        working, waiting = "", []
        for path in self._jobs.glob(f"*/{RUNNER}"):
            other = read_json(path)
            if path.parent == self._folder or other is None or other.get("device") != self._device or not lives(other):
                continue
            if other.get("state") == "running":
                working = path.parent.name
            elif _place(other, path) < (self._came, self._folder.name):
                waiting.append((_place(other, path), path.parent.name))
        return max(waiting)[1] if waiting else working


def _place(job: dict[str, Any], path: Path) -> tuple[float, str]:
    return float(job.get("came", 0)), path.parent.name
