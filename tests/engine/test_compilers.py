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
    code = "import sys, cytoshift.engine.compilers; sys.exit(sys.modules.get('triton', 0) is None)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


BUILT = """
import ctypes, sys
ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
from cytoshift.engine.loading import load_network
from cytoshift.translation import Generator, GeneratorPlan
plan = GeneratorPlan(width=4, blocks=1)
load_network(lambda: Generator(plan), Generator(plan).state_dict())
"""


@pytest.mark.skipif(not MESA, reason="no LLVM of Mesa on this machine")
def test_a_model_loads_after_mesa() -> None:
    ran = subprocess.run([sys.executable, "-c", BUILT, MESA[-1]], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
