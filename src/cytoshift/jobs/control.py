"""Stop early and cancel: empty files in the job's folder that the runner looks for at every step."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cytoshift.jobs.folder import CANCEL, STOP

Wish = Literal["run", "stop_early", "cancel"]


class FolderControl:
    """What the person wants of a running job, read from its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def state(self) -> Wish:
        """Return what is asked for now; cancelling wins over stopping early."""
        if (self._folder / CANCEL).exists():
            return "cancel"
        return "stop_early" if (self._folder / STOP).exists() else "run"

    def ask(self, wish: Literal["stop_early", "cancel"]) -> None:
        """Ask the runner to stop early or to cancel."""
        (self._folder / (CANCEL if wish == "cancel" else STOP)).touch()

    def clear(self) -> None:
        """Take back what was asked."""
        for name in (STOP, CANCEL):
            (self._folder / name).unlink(missing_ok=True)
