"""The harness of the benchmarks: turns, ratios, processes and environments."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.alternating import ROUNDS, WARM_UP, compare, timed
from benchmarks.peers import environment
from benchmarks.peers.process import Contestant

from cytoshift.slides.samples import Scene, render_tile


def test_the_ratio_is_the_median_of_rounds_after_the_warm_up(capsys):
    turns = []

    def ours() -> float:
        turns.append("ours")
        return 100.0 if len(turns) < 2 * WARM_UP else 1.0

    def peer() -> float:
        turns.append("peer")
        return float(len(turns) // 2 - WARM_UP)  # 1 to 7 in the rounds that count

    compare("turns", ours, peer, floor=4.0, ambition=8.0)
    line = json.loads(capsys.readouterr().out)
    assert turns == ["ours", "peer"] * (WARM_UP + ROUNDS)
    assert line["name"] == "turns"
    assert (line["ours"], line["peer"], line["ratio"], line["holds"]) == (1.0, 4.0, 4.0, True)
    assert line["spread"] == 0.75


@pytest.mark.parametrize(("ratio", "worst", "holds"), [(3.9, None, False), (9.0, 1.0, True), (9.0, 1.01, False)])
def test_it_holds_only_when_fast_enough_and_right(capsys, ratio, worst, holds):
    compare("gate", lambda: 1.0, lambda: ratio, floor=4.0, ambition=8.0, worst=worst)
    assert json.loads(capsys.readouterr().out)["holds"] is holds


def test_a_function_is_timed_by_the_work_of_this_process():
    done = []
    assert timed(lambda: done.append(sum(range(100_000))))() > 0
    assert len(done) == 1


def test_a_contestant_works_in_a_process_of_its_own(tmp_path):
    image, target = tmp_path / "image.npy", tmp_path / "target.npy"
    np.save(image, render_tile(Scene(0), 0, 0, 512, 512, "away"))
    np.save(target, render_tile(Scene(1), 0, 0, 512, 512, "home"))
    with Contestant.ours() as ours:
        ours.load(image, target)
        assert ours.timing("reinhard-apply")() > 0
        assert ours.tell("reinhard") <= 1
        with pytest.raises(RuntimeError, match="ended at"):
            ours.timing("no such call")()


def test_an_environment_is_made_once(tmp_path, monkeypatch, capsys):
    commands = []

    def run(command: list[str], **_: object) -> None:
        commands.append(command)
        Path(tmp_path, "torchstain").mkdir(exist_ok=True)

    monkeypatch.setattr(subprocess, "run", run)
    python = environment.interpreter("torchstain", tmp_path)
    assert python.parent.parent == tmp_path / "torchstain"
    assert [command[:3] for command in commands] == [
        [sys.executable, "-m", "venv"],
        [str(python), "-m", "pip"],
    ]
    assert "torchstain" in capsys.readouterr().err
    assert environment.interpreter("torchstain", tmp_path) == python
    assert len(commands) == 2


def test_an_environment_that_failed_is_made_again(tmp_path, monkeypatch):
    def fail(command: list[str], **_: object) -> None:
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(SystemExit, match="cannot be made"):
        environment.interpreter("tiatoolbox", tmp_path)
    with pytest.raises(SystemExit, match="cannot be made"):
        environment.interpreter("tiatoolbox", tmp_path)
