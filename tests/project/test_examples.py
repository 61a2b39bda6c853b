"""The examples run as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, example],
        cwd=tmp_path,
        env={
            **os.environ,
            "CYTOSHIFT_HOME": str(tmp_path / "home"),
            "CYTOSHIFT_MODELS": str(tmp_path / "models"),
            "CYTOSHIFT_DATA": str(tmp_path / "no-data"),
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()
