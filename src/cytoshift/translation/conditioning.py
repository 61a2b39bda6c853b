"""What tells the networks of a bridge which step they stand at, and which of many answers to give."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FREQUENCIES = 32
LONGEST = 10_000.0
SLOPE = 0.2


class StepEmbedding(nn.Module):
    """The index of a step, as sines and cosines, through two linear layers.

    Parameters
    ----------
    width : int
        Of the embedding.
    """

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        decades = torch.arange(FREQUENCIES) / (FREQUENCIES - 1)
        self.register_buffer("frequencies", torch.exp(-math.log(LONGEST) * decades), persistent=False)
        self.layers = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.LeakyReLU(SLOPE), nn.Linear(width, width))
        self.last = nn.LeakyReLU(SLOPE)

    def forward(self, step: int) -> Tensor:
        """Embed one step's index; returns ``(1, width)``."""
        angles = step * self.frequencies
        embedded: Tensor = self.last(self.layers(torch.cat([angles.sin(), angles.cos()])[None]))
        return embedded


class StyleMapping(nn.Module):
    """A draw from a normal distribution, normalized, through linear layers: which of many answers is given.

    Parameters
    ----------
    width : int
        Of the draw and of the style.
    layers : int
        After the first.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for _ in range(layers + 1):
            steps += [nn.Linear(width, width), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*steps)

    def forward(self, draw: Tensor) -> Tensor:
        """Map ``(batch, width)`` to ``(batch, width)``."""
        length = draw.square().mean(dim=1, keepdim=True).add(1e-8).rsqrt()
        style: Tensor = self.layers(draw * length)
        return style


class StyledScale(nn.Module):
    """Scale and shift of every channel by a style: ``gamma(style) * features + beta(style)``, gamma 1 at the start."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.affine = nn.Linear(width, 2 * channels)
        self.reset()

    def reset(self) -> None:
        """Start as the identity: a scale of zero at the start would shut the branch that it stands in."""
        with torch.no_grad():
            self.affine.bias[: self.channels] = 1.0
            self.affine.bias[self.channels :] = 0.0

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Scale ``(batch, channels, y, x)`` by a style ``(batch or 1, width)``."""
        gamma, beta = self.affine(style)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(beta.to(features.dtype), gamma.to(features.dtype), features)
