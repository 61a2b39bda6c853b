"""The house: rooms import downward only, and torch stays out of the way until it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_rooms_import_downward_only() -> None:
    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    "module",
    [
        "cytoshift.cli",
        "cytoshift.engine",
        "cytoshift.jobs",
        "cytoshift.models",
        "cytoshift.report",
        "cytoshift.slides",
        "cytoshift.study",
        "napari_cytoshift.commands",
        "napari_cytoshift.demo.page",
    ],
)
def test_importing_does_not_load_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_core_loads_no_window() -> None:
    code = (
        "import sys, cytoshift.cli, cytoshift.jobs, cytoshift.engine, cytoshift.stain\n"
        "sys.exit(bool({'napari', 'qtpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
