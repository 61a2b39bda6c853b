"""A home of the benchmark's own: what a person has on this computer is neither read nor touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_home() -> Iterator[Path]:
    """Keep study, models and settings in a folder that is gone after the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        os.environ.update(
            CYTOSHIFT_HOME=str(home / "home"),
            CYTOSHIFT_MODELS=str(home / "models"),
            NAPARI_CONFIG=str(home / "napari.yaml"),
        )
        yield home
