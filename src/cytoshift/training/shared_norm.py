"""Batch normalization over a batch that is divided among processes: the statistics are those of the whole batch."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from cytoshift.training.divided import is_divided, total


class SharedNorm(nn.BatchNorm2d):
    """A batch normalization like any other, but that it looks at the whole batch while that is divided.

    torch's own for several processes runs on GPUs alone. This one also takes an empty portion.
    """

    @classmethod
    def of(cls, norm: nn.BatchNorm2d) -> Self:
        """Return one with the weights and statistics of another, which it shares."""
        shared = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        shared.weight, shared.bias = norm.weight, norm.bias
        shared.running_mean, shared.running_var = norm.running_mean, norm.running_var
        shared.num_batches_tracked = norm.num_batches_tracked
        shared.train(norm.training)
        return shared

    def forward(self, features: Tensor) -> Tensor:
        """Normalize ``(batch, channel, y, x)``."""
        if not (self.training and is_divided()):
            return super().forward(features)
        values = features.float()
        count = total(values.new_tensor(values.numel() / self.num_features))
        mean = total(values.sum(dim=(0, 2, 3))) / count
        centred = values - mean[:, None, None]
        variance = total(centred.square().sum(dim=(0, 2, 3))) / count
        self._follow(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(features.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Fold a batch into the running statistics."""
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            return
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def share_norms(network: nn.Module) -> None:
    """Put a `SharedNorm` in the place of every batch normalization of a network."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                setattr(module, name, SharedNorm.of(child))
