"""A display for every process that runs tests, and fixtures for all rooms."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from cytoshift.errors import CytoshiftError
from napari_cytoshift.headless import ensure_display


def pytest_configure(config: pytest.Config) -> None:
    """Start a virtual display where there is none; the process that only hands tests out needs none."""
    hands_out = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    if not hands_out:
        try:
            ensure_display((1600, 900))
        except CytoshiftError:
            return  # tests of the window are skipped, by name


@pytest.fixture(scope="module", autouse=True)
def little_to_search() -> None:
    """Keep what lives already out of the garbage collector, which every test of a window calls several times."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real images; tests that need it are skipped, by name, where it is absent."""
    beside = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("CYTOSHIFT_DATA", beside)).resolve()
    if not (folder / "slides").is_dir():
        pytest.skip(f"real images are not here: set CYTOSHIFT_DATA (looked for {folder.name})")
    return folder
