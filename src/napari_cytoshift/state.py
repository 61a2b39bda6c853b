"""What the plugin remembers between sessions: places, calibrations, choices in the docks."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs


def home() -> Path:
    """Return the folder that holds the default study and the remembered state.

    The environment variable ``CYTOSHIFT_HOME`` wins over the user's data folder.
    """
    override = os.environ.get("CYTOSHIFT_HOME")
    return Path(override) if override else platformdirs.user_data_path("cytoshift", appauthor=False)


class State:
    """A small JSON file of remembered values; a damaged or unwritable file never stops anybody's work.

    Parameters
    ----------
    path : Path, optional
        Where it is kept; ``window.json`` in `home` by default.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = home() / "window.json" if path is None else path
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            values = {}
        self._values: dict[str, Any] = values if isinstance(values, dict) else {}

    def get(self, key: str, default: Any = None) -> Any:
        """Return a remembered value."""
        return self._values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Remember a value that JSON can hold; the file is replaced as a whole."""
        if self._values.get(key) == value:
            return
        self._values[key] = value
        partial = self._path.with_suffix(f".{os.getpid()}.partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8") as file:
                json.dump(self._values, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._path)
        except OSError:
            with suppress(OSError):
                partial.unlink()

    def calibration(self, identity: str) -> tuple[tuple[float, float], float | None] | None:
        """Return µm/px (y, x) and objective that a person gave a slide, by its identity."""
        kept = self.get("calibrations", {}).get(identity)
        return None if kept is None else ((kept["mpp"][0], kept["mpp"][1]), kept["objective"])

    def set_calibration(self, identity: str, mpp_yx: tuple[float, float], objective: float | None) -> None:
        """Remember µm/px (y, x) and objective of a slide."""
        kept = {"mpp": list(mpp_yx), "objective": objective}
        self.set("calibrations", {**self.get("calibrations", {}), identity: kept})
