"""An exponential moving average of a network's weights, the model that is validated and shipped."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Ema:
    """The average of a network's parameters over the steps.

    The decay is warmed up as ``min(decay, (1 + k) / (10 + k))`` at step k, so that short trainings do not ship their
    initial weights. Buffers (batch-norm statistics) are copied, not averaged.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Fold in the weights after a step (counted from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        fold = get_ema_multi_avg_fn(decay)  # all parameters in one launch, where there are such
        fold(list(self.network.parameters()), list(network.parameters()), step)
        for copied, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            copied.copy_(buffer)
