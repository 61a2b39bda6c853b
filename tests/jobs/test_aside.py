"""A job stands back behind the window, and a computer without niceness does not stop it."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest
import torch

from cytoshift.engine import device
from cytoshift.hand import Hand
from cytoshift.jobs import aside, create, new_job_folder
from cytoshift.jobs.runner import run

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


@pytest.mark.parametrize(("kind", "in_study"), [("cpu", True), ("cpu", False), ("cuda", True)])
def test_only_a_job_of_a_study_on_a_cpu_waits_for_the_hand(tmp_path, small, monkeypatch, kind, in_study):
    asked = []
    monkeypatch.setattr(Hand, "wait", lambda hand: asked.append(hand))
    monkeypatch.setattr(device, "pick_device", lambda wanted: torch.device(kind))
    study = tmp_path / "study"
    spec = small(steps=2).model_copy(update={"study": str(study) if in_study else ""})
    assert run(create(spec, new_job_folder(study, "train")).folder).state == "done"
    assert bool(asked) == (kind == "cpu" and in_study)
