"""Distillation of what a detector says: KD (Hinton et al., 2015) and DKD (Zhao et al., 2022) for sigmoid heads."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cytoshift.training.divided import total

KD_TEMPERATURE = 2.0
SURE = 0.01
"""Share of the anchors, those of which the teacher is surest, that take part beside the matched ones."""

DKD_TARGET, DKD_OTHERS, DKD_TEMPERATURE = 1.0, 0.25, 1.0
"""Weights and temperature that DKD's authors use for detectors."""


def logit_distillation(student: Tensor, teacher: Tensor, matches: Tensor) -> Tensor:
    """Return KD: how far the student's chance of each class is from the teacher's.

    Every logit of a sigmoid head is a yes or a no of its own, so the divergence is Bernoulli's, with both softened by
    the temperature, and multiplied by its square as in the original. Most anchors see nothing; those matched to a cell
    and those of which the teacher is surest are looked at.

    Parameters
    ----------
    student, teacher : Tensor
        ``(batch, anchors, classes)`` logits.
    matches : Tensor
        ``(batch, anchors)``: the cell an anchor is matched to; negative for none.
    """
    student, teacher = student.float() / KD_TEMPERATURE, teacher.detach().float() / KD_TEMPERATURE
    looked = (matches >= 0) | _surest(teacher.amax(dim=-1))
    chance = teacher.sigmoid()
    cross = functional.binary_cross_entropy_with_logits(student, chance, reduction="none")
    own = functional.binary_cross_entropy_with_logits(teacher, chance, reduction="none")
    divergence = (cross - own).sum(dim=-1)[looked].sum()
    return KD_TEMPERATURE**2 * total(divergence) / total((matches >= 0).sum()).clamp(min=1)


def decoupled_distillation(student: Tensor, teacher: Tensor, matches: Tensor, labels: Tensor) -> Tensor:
    """Return DKD: the true class against the rest, and the rest among themselves, weighted apart.

    Only anchors matched to a cell have a true class; among them the classes are taken as alternatives (softmax), since
    with sigmoids nothing would relate one class to another. With two classes the second part is nothing.

    Parameters
    ----------
    student, teacher : Tensor
        ``(batch, anchors, classes)`` logits.
    matches : Tensor
        ``(batch, anchors)``: the cell an anchor is matched to; negative for none.
    labels : Tensor
        ``(batch, anchors)``: the class of that cell; of others it is not looked at.
    """
    matched = matches >= 0
    count = total(matched.sum())
    if not count or student.shape[-1] < 2:
        return student.sum() * 0
    ours, theirs = student[matched].float() / DKD_TEMPERATURE, teacher.detach()[matched].float() / DKD_TEMPERATURE
    truth = labels[matched][:, None]
    target = _divergence(_against_rest(ours, truth), _against_rest(theirs, truth))
    others = _divergence(_without(ours, truth), _without(theirs, truth))
    return DKD_TEMPERATURE**2 * total(DKD_TARGET * target + DKD_OTHERS * others) / count


def _surest(scores: Tensor) -> Tensor:
    """Return a mask ``(batch, anchors)`` of the anchors with the highest scores of each image."""
    count = max(1, round(SURE * scores.shape[1]))
    mask = torch.zeros_like(scores, dtype=torch.bool)
    return mask.scatter_(1, scores.topk(count, dim=1).indices, True)


def _against_rest(logits: Tensor, truth: Tensor) -> Tensor:
    """Return log chances ``(n, 2)``: of the true class, and of all others together."""
    logs = functional.log_softmax(logits, dim=1)
    return torch.cat([logs.gather(1, truth), _others(logs, truth).logsumexp(dim=1, keepdim=True)], dim=1)


def _without(logits: Tensor, truth: Tensor) -> Tensor:
    """Return log chances ``(n, classes - 1)`` of the others, given that it is one of them."""
    return functional.log_softmax(_others(logits, truth), dim=1)


def _others(values: Tensor, truth: Tensor) -> Tensor:
    n, classes = values.shape
    mask = torch.ones_like(values, dtype=torch.bool).scatter_(1, truth, False)
    return values[mask].view(n, classes - 1)


def _divergence(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the sum of the Kullback-Leibler divergences of the teacher's log chances from the student's."""
    return functional.kl_div(ours, theirs, reduction="sum", log_target=True)
