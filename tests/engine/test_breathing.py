"""Networks breathe before each convolution, forward and back, and compute what they did."""

from __future__ import annotations

import torch
from torch import nn

from cytoshift.engine.breathing import let_breathe
from cytoshift.engine.pace import paced_by


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)
    )


def gradients(made: nn.Sequential) -> list[torch.Tensor]:
    made(torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))).square().sum().backward()
    return [parameter.grad for parameter in made.parameters()]


def test_it_breathes_both_ways_and_computes_the_same():
    plain, breathing = network(), network()
    let_breathe(breathing)
    breaths = []
    expected = gradients(plain)
    with paced_by(lambda: breaths.append(1)):
        made = gradients(breathing)
    assert len(breaths) == 4
    assert all(torch.equal(one, other) for one, other in zip(expected, made, strict=True))


def test_without_gradients_it_breathes_forward_only():
    breathing = network()
    let_breathe(breathing)
    breaths = []
    with paced_by(lambda: breaths.append(1)), torch.no_grad():
        breathing(torch.rand(1, 3, 16, 16))
    assert len(breaths) == 2
