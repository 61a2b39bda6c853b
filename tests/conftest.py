"""Fixtures for all rooms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real images; tests that need it are skipped, by name, where it is absent."""
    beside = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("CYTOSHIFT_DATA", beside)).resolve()
    if not (folder / "slides").is_dir():
        pytest.skip(f"real images are not here: set CYTOSHIFT_DATA (looked for {folder.name})")
    return folder
