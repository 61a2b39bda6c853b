"""Fixtures shared by the detector's tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the drawing of the fields, beside this file

from fields import write_set


@pytest.fixture(scope="session")
def field_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO folder of six training and two validation fields."""
    return write_set(tmp_path_factory.mktemp("fields") / "set")
