"""The losses against the formulas written out."""

from __future__ import annotations

import math

import pytest
import torch

from cytoshift.stain.restyling.losses import adversarial_loss, critic_loss, pixel_loss, task_loss


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_the_adversarial_losses_are_cross_entropies() -> None:
    real, made = [0.3, -1.2, 4.0], [-0.5, 2.0, 0.1]
    wanted = -sum(math.log(sigmoid(r)) for r in real) / 3 - sum(math.log(1 - sigmoid(m)) for m in made) / 3
    assert critic_loss(torch.tensor(real), torch.tensor(made)).item() == pytest.approx(wanted, abs=1e-6)
    fooled = -sum(math.log(sigmoid(m)) for m in made) / 3
    assert adversarial_loss(torch.tensor(made)).item() == pytest.approx(fooled, abs=1e-6)


def test_a_critic_gains_nothing_from_unbounded_logits() -> None:
    """Read literally, equations (1) and (3) fall without end as the logits of generated patches grow."""
    losses = [critic_loss(torch.tensor([9.0]), torch.tensor([logit])).item() for logit in (-1e3, -10.0, 10.0, 1e3)]
    assert losses == sorted(losses)
    assert losses[0] >= 0


def test_pixels_count_by_their_absolute_difference() -> None:
    made, original = torch.tensor([[0.0, 1.0], [-1.0, 0.5]]), torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    assert pixel_loss(made, original).item() == pytest.approx((1 + 0 + 2 + 0.5) / 4)


def test_the_task_counts_labels_against_the_networks_answer() -> None:
    logits, labels = [2.0, -3.0], [1, 1]
    wanted = -(math.log(sigmoid(2.0)) + math.log(sigmoid(-3.0))) / 2
    assert task_loss(torch.tensor(logits), torch.tensor(labels)).item() == pytest.approx(wanted, abs=1e-6)
