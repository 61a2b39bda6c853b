"""Antialiased steps between resolutions: blur, then drop every second pixel; or insert, then blur (Zhang, 2019)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class BlurDown(nn.Module):
    """Halve ``(batch, channels, y, x)`` after the filter 1 2 1 along y and x; mirrored at the borders."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25])
        kernel = torch.outer(line, line).repeat(channels, 1, 1, 1)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        padded = functional.pad(features, (1, 1, 1, 1), mode="reflect")
        kernel = cast(Tensor, self.kernel).to(features.dtype)
        return functional.conv2d(padded, kernel, stride=2, groups=features.shape[1])


class BlurUp(nn.Module):
    """Double ``(batch, channels, y, x)`` with the filter 1 3 3 1 along y and x; borders are repeated."""

    def forward(self, features: Tensor) -> Tensor:
        # Bilinear interpolation weighs the two nearest pixels by 3 and 1, and is ten times as quick as a transposed
        # convolution of one channel each.
        return functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
