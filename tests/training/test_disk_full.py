"""The disk is full at any write of a training: nothing is torn, and with room it goes on as if nothing had been."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from full_disk import FullDisk
from torch import Tensor, nn

from cytoshift import durable
from cytoshift.errors import DiskFull
from cytoshift.room import MARGIN, check_room
from cytoshift.training import TrainingSettings, TrainingTask, fit
from cytoshift.training.checkpoint import read_tensors
from cytoshift.training.loop import BEST, CHECKPOINT

SETTINGS = TrainingSettings(steps=12, warmup=2, validate_every=6, checkpoint_every=3, device="cpu", ema_decay=0.9)


class Line(TrainingTask):
    """Fits y = 2 x + 1."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(1, 1)

    def batch(self, step: int) -> Tensor:
        return torch.rand(16, 1, generator=torch.Generator().manual_seed(step))

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        return {"error": ((self.network(batch) - 2 * batch - 1) ** 2).mean()}

    def validate(self, network: nn.Module) -> dict[str, float]:
        return {"score": -float(self.network(torch.ones(1, 1)))}


def train(folder: Path) -> dict[str, Tensor]:
    control = SimpleNamespace(state=lambda: "run")
    return fit(Line(), SETTINGS, folder, emit=lambda event: None, control=control).state


def step_of(path: Path) -> int:
    return int(read_tensors(path)[1]["step"]) if path.exists() else 0


def test_wherever_the_disk_ends(tmp_path, monkeypatch):
    whole = train(tmp_path / "whole")
    places, steps = 0, {CHECKPOINT: 0, BEST: 0}
    while True:
        folder = tmp_path / str(places)
        monkeypatch.setattr(durable, "os", disk := FullDisk(places))
        if disk_holds(folder):
            break
        monkeypatch.setattr(durable, "os", os)
        for name in steps:
            assert step_of(folder / name) >= steps[name]
            steps[name] = step_of(folder / name)
        assert not list(folder.glob(".*"))
        assert all(torch.equal(whole[name], tensor) for name, tensor in train(folder).items())
        places += 1
        assert disk.left < 0
    print(f"no room at {places} writes, one after the other: no file torn, the same weights with room again")
    assert places == 20  # four checkpoints and a best model, each written, synced, renamed, and its folder synced


def disk_holds(folder: Path) -> bool:
    """Return whether a training found room to its end."""
    try:
        train(folder)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True


def test_too_little_room_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    free = [MARGIN + 10**6] * 2 + [1000]
    usage = lambda path: SimpleNamespace(free=free.pop(0) if len(free) > 1 else free[0])  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(DiskFull, match=r"lacks \d+ MB to write checkpoint.*; free that much and go on") as caught:
        train(tmp_path / "job")
    assert str(caught.value).count(". ") == 0
    assert (step_of(tmp_path / "job" / CHECKPOINT), step_of(tmp_path / "job" / BEST)) == (3, 6)
    free[0] = 2 * MARGIN
    whole = train(tmp_path / "whole")
    assert all(torch.equal(whole[name], tensor) for name, tensor in train(tmp_path / "job").items())


def test_room_is_that_of_the_nearest_folder_that_is_there(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(path) or SimpleNamespace(free=MARGIN + 5))
    check_room(tmp_path / "a" / "b", 5, "it")
    assert asked == [tmp_path]
    with pytest.raises(DiskFull, match="lacks 1 MB to write it"):
        check_room(tmp_path, 6, "it")
