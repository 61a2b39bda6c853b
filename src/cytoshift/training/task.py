"""What a method brings to the training loop: a network, batches, a loss, a validation, and opponents if it has any."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from cytoshift.training.divided import Portion, cut, images_in


class TrainingTask(ABC):
    """One training, as the loop sees it.

    Batches are a function of the step alone (seed included), so a resumed run sees exactly what the uninterrupted
    one would have seen.

    Attributes
    ----------
    network : Module
        What is trained, averaged, validated and kept.
    opponents : Module or None
        Networks trained against it, discriminators say, with an optimizer of their own; they take part in `loss`
        frozen and learn in `opposing_loss` right after it.
    opposing_every : int
        Of so many steps the opponents learn in one.
    opposing_rate : float
        Their learning rate, as a share of the network's.
    divisible : bool
        Whether ranks may divide a batch among them: the losses are means over its images, or see all of them by
        `cytoshift.training.divided`. Every rank computes the whole batch otherwise.
    average : Module
        The averaged network, set by the loop before the first step: a teacher for tasks that learn from it.
    """

    network: nn.Module
    average: nn.Module
    opponents: nn.Module | None = None
    opposing_every: int = 1
    opposing_rate: float = 1.0
    divisible: bool = False

    @abstractmethod
    def batch(self, step: int) -> Any:
        """Make the batch of a step on the CPU; called from a thread that works ahead."""

    def parts(self, batch: Any, at_once: int | None) -> Iterable[tuple[Any, float]]:
        """Split a batch into parts to be computed one after the other, and the share that each has in the loss.

        Here by images, for `divisible` tasks; what looks across images sees those of a part. Opponents learn from what
        was made of a whole batch, so a task that has some is not split.
        """
        if at_once is None or not self.divisible or self.opponents is not None:
            return ((batch, 1.0),)
        images = images_in(batch)
        portions = [Portion(at, min(at + at_once, images), images) for at in range(0, images, at_once)]
        return [(cut(batch, portion), portion.share) for portion in portions]

    @abstractmethod
    def loss(self, batch: Any) -> dict[str, Tensor]:
        """Return the parts of the loss; the loop minimises their sum."""

    def opposing_loss(self, batch: Any) -> dict[str, Tensor]:
        """Return the parts of the opponents' loss, for the batch that `loss` has just seen; none to let them wait."""
        raise NotImplementedError("a task with opponents says what they minimise")

    def settle(self, network: nn.Module) -> None:  # noqa: B027  (most networks need nothing)
        """Make an averaged network ready to be measured and kept; batch normalization may need its statistics."""

    @abstractmethod
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Measure a network on data held back from the training; ``score`` is what the best one has most of."""

    def parameters(self) -> Iterable[dict[str, Any]]:
        """Return the optimizer's groups for the network."""
        return decayed(self.network)


def decayed(network: nn.Module) -> list[dict[str, Any]]:
    """Group a network's parameters for an optimizer: no weight decay on biases and normalization."""
    weights = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": weights}, {"params": others, "weight_decay": 0.0}]
