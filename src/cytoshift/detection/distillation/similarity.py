"""Similarity-preserving distillation (SP, Tung and Mori, 2019): images alike to the teacher are alike to the student.

The paper compares itself with "SPD" without saying what it is; this is the nearest published method of that name.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cytoshift.training.divided import gathered, images_of_all


def similarity_preservation(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Return how the similarities within a batch differ: rows of unit length, squared difference over batch squared.

    Parameters
    ----------
    student, teacher : sequences of Tensor
        Maps ``(batch, channels, y, x)`` of the same pyramid levels, at least two images; their means over the image
        are compared.
    """
    pairs = zip(student, teacher, strict=True)
    terms = [(_similar(ours) - _similar(theirs.detach())).square().sum() for ours, theirs in pairs]
    return torch.stack(terms).mean() / images_of_all(len(student[0])) ** 2


def _similar(features: Tensor) -> Tensor:
    pooled = gathered(features.float().mean(dim=(2, 3)))
    return functional.normalize(pooled @ pooled.T, dim=1)
