"""The losses of Mix, Align, Distil beside the classification, and how their weights grow."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE = 2.0
"""Of the distillation; the paper's."""

FEWEST = 2
"""Images of a domain in a batch from which its mean counts: that of one is that image."""


def alignment(descriptors: Tensor, domains: Tensor) -> Tensor:
    """Return how far apart the domains' mean descriptors are: mean over channels of log(1 + variance over domains).

    The variance is that of the population of domains, section 2B of the paper. Domains with fewer than two images in
    the batch are left out; with fewer than two domains left there is nothing to align, and the loss is 0.

    Parameters
    ----------
    descriptors : Tensor, shape (batch, channel)
        Refined features, averaged over the picture.
    domains : Tensor of int64, shape (batch,)
    """
    present, which, counts = torch.unique(domains, return_inverse=True, return_counts=True)
    values = descriptors.float()
    sums = values.new_zeros(len(present), values.shape[1]).index_add(0, which, values)
    means = (sums / counts[:, None])[counts >= FEWEST]
    if len(means) < 2:
        return values.sum() * 0
    return torch.log1p(means.var(dim=0, correction=0)).mean()


def distillation(student: Tensor, teacher: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Return T² KL(teacher ‖ student) of softened distributions, section 2C, for heads of one logit.

    One logit z stands for the two-class logits (0, z), whose softmax at temperature T is a Bernoulli distribution of
    sigmoid(z / T). No gradient reaches the teacher.

    Parameters
    ----------
    student, teacher : Tensor, shape (batch,)
        Logits.
    """
    taught = teacher.detach().float() / temperature
    soft = torch.sigmoid(taught)
    cross = functional.binary_cross_entropy_with_logits(student.float() / temperature, soft)
    entropy = functional.binary_cross_entropy_with_logits(taught, soft)
    return temperature**2 * (cross - entropy)


def annealed(progress: float) -> float:
    """Return the share of a weight at a progress from 0 to 1: 2 / (1 + exp(−10 p)) − 1, from 0 to 1 (DANN)."""
    return 2 / (1 + math.exp(-10 * progress)) - 1


def warmed(step: int, steps: int) -> float:
    """Return the share of a weight that grows linearly over the first steps."""
    return min((step + 1) / max(steps, 1), 1.0)
