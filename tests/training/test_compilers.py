"""Networks load in a process that draws with Mesa, whose compiler clashes with triton's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MESA = sorted(Path("/usr/lib").glob("*/libLLVM*.so*"))

CODE = """
import ctypes, importlib, sys
ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)  # as Mesa loads it
importlib.import_module(sys.argv[2])
"""


@pytest.mark.skipif(not MESA, reason="no LLVM of Mesa on this machine")
@pytest.mark.parametrize("room", ["cytoshift.detection", "cytoshift.mitosis.networks", "cytoshift.stain.restyling"])
def test_networks_load_after_mesa(room: str) -> None:
    ran = subprocess.run([sys.executable, "-c", CODE, MESA[-1], room], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_triton_is_left_alone_elsewhere() -> None:
    code = "import sys, cytoshift.training.compilers; sys.exit(sys.modules.get('triton', 0) is None)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
