"""What a method brings to the training loop: a network, batches, a loss and a validation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn


class TrainingTask(ABC):
    """One training, as the loop sees it.

    Batches are a function of the step alone (seed included), so a resumed run sees exactly what the uninterrupted
    one would have seen.
    """

    network: nn.Module

    @abstractmethod
    def batch(self, step: int) -> Any:
        """Make the batch of a step on the CPU; called from a thread that works ahead."""

    @abstractmethod
    def loss(self, batch: Any) -> dict[str, Tensor]:
        """Return the parts of the loss; the loop minimises their sum."""

    @abstractmethod
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Measure a network on data held back from the training; ``score`` is what the best one has most of."""

    def parameters(self) -> Iterable[dict[str, Any]]:
        """Return the optimizer's groups: no weight decay on biases and normalization."""
        weights = [p for p in self.network.parameters() if p.requires_grad and p.ndim > 1]
        others = [p for p in self.network.parameters() if p.requires_grad and p.ndim <= 1]
        return [{"params": weights}, {"params": others, "weight_decay": 0.0}]
