"""Fixtures shared by the detector's tests."""

from pathlib import Path

import pytest
from fields import write_set


@pytest.fixture(scope="session")
def field_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO folder of six training and two validation fields."""
    return write_set(tmp_path_factory.mktemp("fields") / "set")
