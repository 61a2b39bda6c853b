"""The convolutional block attention module: which channels count, then which places (Woo et al., ECCV 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

REDUCTION = 16
"""Channels to one of the hidden layer; the module's own."""

KERNEL = 7


class Attention(nn.Module):
    """CBAM: gates features by channel, then by place; both gates lie between 0 and 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // REDUCTION, 1)
        self.shared = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.place = nn.Sequential(
            nn.Conv2d(2, 1, KERNEL, padding=KERNEL // 2, bias=False), nn.BatchNorm2d(1, momentum=0.01)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Refine features ``(batch, channel, y, x)``."""
        x = x * self.channel_gate(x)
        return x * self.place_gate(x)

    def channel_gate(self, x: Tensor) -> Tensor:
        """Return what each channel counts, ``(batch, channel, 1, 1)``: one network looks at means and at maxima."""
        summed = self.shared(x.mean(dim=(2, 3))) + self.shared(x.amax(dim=(2, 3)))
        return torch.sigmoid(summed)[:, :, None, None]

    def place_gate(self, x: Tensor) -> Tensor:
        """Return what each place counts, ``(batch, 1, y, x)``, from the strongest and the mean channel there."""
        return torch.sigmoid(self.place(torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1)))
