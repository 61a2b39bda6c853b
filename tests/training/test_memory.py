"""Memory runs out in a training: it goes on with half as many images at once, the same batch, and never more again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cytoshift.errors import CytoshiftError
from cytoshift.training import TrainingSettings, TrainingTask, fit
from cytoshift.training.checkpoint import read_tensors
from cytoshift.training.loop import CHECKPOINT

SETTINGS = TrainingSettings(
    steps=12, warmup=2, learning_rate=1e-2, validate_every=6, checkpoint_every=3, device="cpu", ema_decay=0.9
)

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 17.6 GB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    MemoryError(),
]


class Line(TrainingTask):
    """Fits y = 2 x + 1 on a device that holds so many numbers at a time; from a step on, of fewer."""

    divisible = True

    def __init__(self, most: int = 10, error: Exception = ERRORS[0], since: int = 0) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(1, 1)
        self.most, self.error, self.since = most, error, since
        self.seen: list[int] = []
        self.step = 0

    def batch(self, step: int) -> Tensor:
        return torch.rand(10, 1, generator=torch.Generator().manual_seed(step))

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        self.seen.append(len(batch))
        error = {"error": ((self.network(batch) - 2 * batch - 1) ** 2).mean()}
        if len(batch) > self.most and sum(self.seen) > 10 * self.since:
            error["error"].backward()  # some gradients are there already
            raise self.error
        return error

    def validate(self, network: nn.Module) -> dict[str, float]:
        return {"score": -float(network(torch.ones(1, 1)))}


def train(task: TrainingTask, folder: Path, settings: TrainingSettings = SETTINGS) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    fit(task, settings, folder, emit=events.append, control=SimpleNamespace(state=lambda: "run"))
    return events


def losses(events: list[dict[str, Any]]) -> list[float]:
    return [event["error"] for event in events if event["kind"] == "loss"]


def notes(events: list[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in events if event["kind"] == "note"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    return losses(train(Line(), tmp_path_factory.mktemp("whole")))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:12])
def test_the_batch_is_halved_until_it_fits_and_stays_the_same(tmp_path, whole, error):
    task = Line(most=3, error=error)
    events = train(task, tmp_path)
    assert notes(events) == [
        f"memory ran out: from now on {few} of 10 images at once, with the same batch" for few in (5, 2)
    ]
    assert task.seen[:3] == [10, 5, 2]
    assert max(task.seen[2:]) == 2  # never more again
    assert losses(events) == pytest.approx(whole, abs=1e-5)


def test_it_begins_when_it_begins(tmp_path, whole):
    task = Line(most=5, since=7)
    assert losses(train(task, tmp_path)) == pytest.approx(whole, abs=1e-5)
    assert task.seen[:7] == [10] * 7
    assert set(task.seen[8:]) == {5}


def test_a_resumed_training_does_not_try_again(tmp_path, whole):
    train(Line(most=3), tmp_path, SETTINGS.model_copy(update={"steps": 6, "warmup": 2}))
    assert read_tensors(tmp_path / CHECKPOINT)[1]["at_once"] == 2
    task = Line()
    train(task, tmp_path)
    assert set(task.seen) == {2}


def test_a_single_image_that_does_not_fit_is_one_sentence(tmp_path):
    with pytest.raises(CytoshiftError, match="over a single image; close other programs") as caught:
        train(Line(most=0), tmp_path)
    assert str(caught.value).count(". ") == 0


def test_a_task_that_cannot_be_split_says_so(tmp_path):
    class Whole(Line):
        divisible = False

    with pytest.raises(CytoshiftError, match="batch of 10 images, which this training cannot compute in parts"):
        train(Whole(most=5), tmp_path)


def test_other_errors_are_what_they_are(tmp_path):
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(Line(most=5, error=RuntimeError("shapes do not fit")), tmp_path)


def test_what_it_takes_is_said_at_every_step(tmp_path):
    said = [event["memory"] for event in train(Line(), tmp_path) if event["kind"] == "progress"]
    assert len(said) == SETTINGS.steps
    assert all(0 < used < total for used, total in said)
