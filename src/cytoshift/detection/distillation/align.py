"""The paper's two alignments: loose in shallow features (LFA), compact in those before the classes (CFA).

The paper gives neither formula; these follow its sentences: shallow structure through a multi-scale low-pass filter in
the frequency domain, deep features through a 1 x 1 convolution into one space.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cytoshift.training.divided import total

RADII = (1 / 16, 1 / 8, 1 / 4)
"""Widths of the Gaussian low-pass filters, as shares of the highest frequency (half a cycle a pixel)."""

_EPSILON = 1e-5


def standardized(features: Tensor) -> Tensor:
    """Return maps ``(batch, channels, y, x)`` with mean 0 and deviation 1 over each: what is left has no stain."""
    features = features.float()
    variance, mean = torch.var_mean(features, dim=(2, 3), keepdim=True, correction=0)
    return (features - mean) * torch.rsqrt(variance + _EPSILON)


def low_pass(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """Return the weight of each frequency of a real transform, ``(height, width // 2 + 1)``.

    It is the mean over the filters of their squared gains; columns that stand for two mirrored frequencies count
    twice, so that sums over it are sums over the whole plane.
    """
    y = torch.fft.fftfreq(height, device=device)[:, None] / 0.5
    x = torch.fft.rfftfreq(width, device=device)[None] / 0.5
    squared = y**2 + x**2
    gains = torch.stack([torch.exp(-squared / (2 * radius**2)) for radius in RADII])
    weight = gains.square().mean(dim=0)
    weight[:, 1 : (width + 1) // 2] *= 2
    return weight


def loose_alignment(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Return the loose alignment: the low-passed difference of standardized shallow features.

    By Parseval's theorem the energy of the filtered difference is summed where the filter is a product, without a
    transform back. High frequencies are free: noise, sharpness and grain differ between scanners.

    Parameters
    ----------
    student, teacher : sequences of Tensor
        Maps ``(batch, channels, y, x)`` of the same layers; the teacher's are constants.

    Returns
    -------
    Tensor
        The mean square per pixel and channel, summed over the layers.
    """
    terms = []
    for ours, theirs in zip(student, teacher, strict=True):
        height, width = ours.shape[-2:]
        difference = standardized(ours) - standardized(theirs.detach())
        energy = torch.view_as_real(torch.fft.rfft2(difference, norm="ortho")).square().sum(-1)
        weight = low_pass(height, width, ours.device)
        terms.append((energy * weight).sum(dim=(2, 3)).mean() / (height * width))
    return torch.stack(terms).sum()


def compact_alignment(
    student: Sequence[Tensor], teacher: Sequence[Tensor], weights: Sequence[Tensor], projection: nn.Module
) -> Tensor:
    """Return the compact alignment: one less the cosine of projected deep features, where there are cells.

    Only the student's features are projected, and the teacher's are constants: with a projection on both sides, both
    could fall to one point and agree.

    Parameters
    ----------
    student, teacher : sequences of Tensor
        Maps ``(batch, channels, y, x)`` of the last layer before the classes, one for each pyramid level.
    weights : sequence of Tensor
        ``(batch, y, x)``: how much each position counts.
    projection : Module
        A 1 x 1 convolution.
    """
    apart, count = [], []
    for ours, theirs, weight in zip(student, teacher, weights, strict=True):
        cosine = functional.cosine_similarity(projection(ours).float(), theirs.detach().float(), dim=1)
        apart.append((weight * (1 - cosine)).sum())
        count.append(weight.sum())
    return total(torch.stack(apart).sum()) / total(torch.stack(count).sum()).clamp(min=1e-6)


def identity_projection(channels: int) -> nn.Conv2d:
    """Return a 1 x 1 convolution that changes nothing yet: equal networks start without a loss."""
    projection = nn.Conv2d(channels, channels, 1, bias=False)
    nn.init.dirac_(projection.weight)
    return projection
