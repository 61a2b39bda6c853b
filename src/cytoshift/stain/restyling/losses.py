"""The losses of restyling, equations (1) to (5) of the stain-normalization paper.

Equations (1), (3) and (4) are printed with ``1 - log D(G)`` where the adversarial loss they cite has ``log(1 - D(G))``;
taken literally the discriminator's loss would have no lower bound. They are read as binary cross-entropies here, and
the generator maximises ``log D(G)``, which has a gradient where the discriminator is sure (Goodfellow et al., 2014).
Equation (5) prints a minimum over G and T; its text fixes T, so G alone is optimised.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cytoshift.training.divided import mean


def critic_loss(real: Tensor, made: Tensor) -> Tensor:
    """Return what a discriminator minimises in (1) and (3), from its logits for real and for generated patches."""
    ones = torch.ones_like(real, dtype=torch.float32)
    lost = mean(functional.binary_cross_entropy_with_logits(real.float(), ones, reduction="none"))
    return lost + functional.binary_cross_entropy_with_logits(made.float(), torch.zeros_like(made, dtype=torch.float32))


def adversarial_loss(made: Tensor) -> Tensor:
    """Return what the generator minimises in (1) and (3): ``-log D(G)``, from the logits of its patches."""
    return functional.binary_cross_entropy_with_logits(made.float(), torch.ones_like(made, dtype=torch.float32))


def pixel_loss(made: Tensor, original: Tensor) -> Tensor:
    """Return (2), the mean absolute difference between the reconstructed and the original source patch."""
    return functional.l1_loss(made.float(), original.float())


def task_loss(logits: Tensor, abnormal: Tensor) -> Tensor:
    """Return (4), the cross-entropy of the frozen task network on reconstructed patches, T(X_S) being the label."""
    return mean(functional.binary_cross_entropy_with_logits(logits.float(), abnormal.float(), reduction="none"))
