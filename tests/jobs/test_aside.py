"""A job stands back behind the window, and a computer without niceness does not stop it."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from cytoshift.jobs import aside

SAYS = """
import psutil
from pathlib import Path
from cytoshift.jobs.aside import GROUP, stand_aside
stand_aside()
print(psutil.Process().nice(), GROUP.read_text().split()[-1] if GROUP.exists() else 15)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has classes of priority")
def test_its_process_and_its_session_stand_back():
    said = subprocess.run(
        [sys.executable, "-c", SAYS], capture_output=True, text=True, check=True, start_new_session=True
    ).stdout.split()
    assert said == [str(aside.NICENESS), str(aside.NICENESS)]


def test_it_goes_on_where_that_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "nice", refuse)
    monkeypatch.setattr(aside, "GROUP", tmp_path / "none" / "autogroup")
    aside.stand_aside()
