"""A detector's batch in parts: the gradients of the whole batch, whatever each image holds."""

from __future__ import annotations

import torch

from cytoshift.detection import Architecture, build_network
from cytoshift.detection.learning import Batch, DetectorLearning


class Views(DetectorLearning):
    """A detector's training of which only the loss is wanted."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = build_network(Architecture(channels=32, tile=128, halo=32), 2)


def target(*boxes: tuple[float, float, float, float]) -> dict[str, torch.Tensor]:
    return {
        "boxes": torch.tensor(boxes).reshape(-1, 4),
        "labels": torch.zeros(len(boxes), dtype=torch.int64),
        "ignored": torch.zeros(0, 4),
    }


def gradients(task: Views, batch: Batch, at_once: int | None) -> list[torch.Tensor]:
    task.network.train()
    task.network.zero_grad()
    for part, share in task.parts(batch, at_once):
        (sum(task.loss(part).values()) * share).backward()
    return [weight.grad.clone() for weight in task.network.parameters() if weight.grad is not None]


def test_parts_add_up_to_the_batch():
    images = torch.randint(0, 255, (3, 3, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    targets = [target((10, 10, 40, 40), (60, 60, 90, 95)), target(), target((30, 50, 60, 80))]
    task, batch = Views(), Batch(images, targets)
    assert [len(part.targets) for part, _ in task.parts(batch, 2)] == [2, 1]
    task.network.frozen_norm = True
    whole = gradients(task, batch, None)
    for at_once in (1, 2):
        for one, other in zip(gradients(task, batch, at_once), whole, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)
