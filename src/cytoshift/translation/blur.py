"""Antialiased steps between resolutions: blur, then drop every second pixel; or insert, then blur (Zhang, 2019)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

DOWN = (1.0, 2.0, 1.0)
UP = (1.0, 3.0, 3.0, 1.0)


class BlurDown(nn.Module):
    """Halve ``(batch, channels, y, x)`` after a binomial filter over three pixels; mirrored at the borders."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("kernel", _kernel(DOWN, channels), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        padded = functional.pad(features, (1, 1, 1, 1), mode="reflect")
        kernel = cast(Tensor, self.kernel).to(features.dtype)
        return functional.conv2d(padded, kernel, stride=2, groups=features.shape[1])


class BlurUp(nn.Module):
    """Double ``(batch, channels, y, x)`` with a binomial filter over four pixels; borders are repeated."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("kernel", _kernel(UP, channels) * 4, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        padded = functional.pad(features, (1, 1, 1, 1), mode="replicate")
        kernel = cast(Tensor, self.kernel).to(features.dtype)
        doubled = functional.conv_transpose2d(padded, kernel, stride=2, padding=2, groups=features.shape[1])
        return doubled[:, :, 1:-1, 1:-1]


def _kernel(weights: tuple[float, ...], channels: int) -> Tensor:
    line = torch.tensor(weights)
    square = line[:, None] * line[None, :]
    return (square / square.sum()).repeat(channels, 1, 1, 1)
