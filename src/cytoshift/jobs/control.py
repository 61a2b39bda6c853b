"""Stop early, pause and cancel: empty files in the job's folder that the runner looks for at every step."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cytoshift.jobs.folder import CANCEL, PAUSE, STOP
from cytoshift.training.wishes import Wish

Asked = Literal["cancel", "pause", "stop_early"]

_FILES: dict[Asked, str] = {"cancel": CANCEL, "pause": PAUSE, "stop_early": STOP}
"""The file of each wish; the first one that is there counts."""


class FolderControl:
    """What the person wants of a running job, read from its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def state(self) -> Wish:
        """Return what is asked for now; cancelling wins over pausing, and that over stopping early."""
        return next((wish for wish, name in _FILES.items() if (self._folder / name).exists()), "run")

    def ask(self, wish: Asked) -> None:
        """Ask the runner for something."""
        (self._folder / _FILES[wish]).touch()

    def clear(self, *wishes: Asked) -> None:
        """Take back what was asked: these wishes, or all without."""
        for wish in wishes or _FILES:
            (self._folder / _FILES[wish]).unlink(missing_ok=True)
