"""MixStyle: features take on the style of another image of the batch, while training alone (Zhou et al., ICLR 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cytoshift.training.divided import drawn, gathered, images_of_all

EPSILON = 1e-6


class MixStyle(nn.Module):
    """Mixes the mean and deviation of each channel with those of another image; labels stay as they are.

    With λ from Beta(α, α), one for each image, and x' a random other image of the batch (section 2A of Mix, Align,
    Distil): μ̃ = λ μ(x) + (1 − λ) μ(x'), σ̃ alike, and x̃ = σ̃ (x − μ(x)) / (σ(x) + ε) + μ̃. No gradient flows through
    the statistics. It has no weights, and does nothing in evaluation.

    Parameters
    ----------
    alpha : float
        Of the Beta distribution; 0.1 in the paper: mostly one style or the other.
    chance : float
        Share of the batches that are mixed. The paper does not say; 0.5 is MixStyle's own.
    """

    def __init__(self, alpha: float, chance: float = 0.5) -> None:
        super().__init__()
        self.alpha, self.chance = alpha, chance

    def forward(self, x: Tensor) -> Tensor:
        """Map features ``(batch, channel, y, x)`` to features of the same shape and type."""
        if not self.training or images_of_all(len(x)) < 2 or torch.rand(()) >= self.chance:
            return x
        share = drawn(len(x), lambda n: torch.distributions.Beta(self.alpha, self.alpha).sample((n, 1, 1, 1)))
        return mixed(x, drawn(len(x), torch.randperm).to(x.device), share.to(x.device))


def mixed(x: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Mix the styles of features with those of others.

    Parameters
    ----------
    x : Tensor, shape (batch, channel, y, x)
    other : Tensor of int64, shape (batch,)
        Whose style is mixed in: a place in the whole batch, which may be divided among ranks.
    share : Tensor, shape (batch, 1, 1, 1)
        λ: how much of its own style an image keeps.
    """
    features = x.float()  # variances in bfloat16 would be noise
    variance, mean = torch.var_mean(features.detach(), dim=(2, 3), keepdim=True)
    deviation = (variance + EPSILON).sqrt()
    new_mean = share * mean + (1 - share) * gathered(mean)[other]
    new_deviation = share * deviation + (1 - share) * gathered(deviation)[other]
    return ((features - mean) / deviation * new_deviation + new_mean).to(x.dtype)
