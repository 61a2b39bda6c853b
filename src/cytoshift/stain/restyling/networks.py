"""The networks of restyling: a generator down to 1/64 and back, and discriminators that judge a whole patch.

Section IV-B of the stain-normalization paper gives depth and order of the layers, not their widths; widths, kernels
and the decoder's nearest-neighbour steps (no checkerboard) are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cytoshift.engine.pace import breathe

STAGES = 6
"""Strided convolutions of the generator: its coarsest features are 1/64 of the image."""

ALIGNMENT = 2**STAGES
"""Shifting an image by this many pixels shifts the generator's output alike; by fewer it does not."""

HALO = 2 * ALIGNMENT
"""Pixels around a tile that its output depends on: 127 before it and 127 behind it, for tiles on the alignment."""


class Generator(nn.Module):
    """The style reconstruction network G: six strided stages of Conv-BN-ReLU, and back with skip connections.

    Parameters
    ----------
    inputs : int
        Channels of what stain removal leaves.
    widths : sequence of int
        Channels of the six stages.
    """

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        if len(widths) != STAGES:
            raise ValueError(f"the generator has {STAGES} stages, not {len(widths)}")
        before = (inputs, *widths[:-1])
        self.down = nn.ModuleList(
            _block(a, b, nn.Conv2d(a, b, 4, 2, 1, bias=False)) for a, b in zip(before, widths, strict=True)
        )
        outs = [*reversed(widths[:-1]), max(widths[0] // 2, 4)]
        ins = [widths[-1], *(2 * width for width in outs[:-1])]
        self.up = nn.ModuleList(
            _block(a, b, nn.Conv2d(a, b, 3, 1, 1, bias=False)) for a, b in zip(ins, outs, strict=True)
        )
        self.last = nn.Conv2d(outs[-1] + inputs, 3, 3, 1, 1)

    def forward(self, left: Tensor) -> Tensor:
        """Map ``(batch, inputs, y, x)``, sides multiples of 64, to RGB ``(batch, 3, y, x)``, -1 to 1."""
        skips = [left]
        for stage in self.down:
            breathe()
            skips.append(stage(skips[-1]))
        image = skips.pop()
        for stage in self.up:
            breathe()
            image = stage(nn.functional.interpolate(image, scale_factor=2.0, mode="nearest"))
            image = torch.cat([image, skips.pop()], dim=1)
        styled: Tensor = torch.tanh(self.last(image))
        return styled


class Discriminator(nn.Module):
    """D1 or D2: five strided convolutions, flattened into one decision for the patch.

    Parameters
    ----------
    size : int
        Side of the patch in pixels, a multiple of 32.
    widths : sequence of int
        Channels of the five convolutions.
    """

    def __init__(self, size: int, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for place, width in enumerate(widths):
            layers.append(nn.Conv2d(before, width, 4, 2, 1, bias=place == 0))
            layers += [nn.BatchNorm2d(width)] if place else []
            layers.append(nn.LeakyReLU(0.2))
            before = width
        self.convolutions = nn.Sequential(*layers)
        self.decide = nn.Linear(before * (size >> len(widths)) ** 2, 1)

    def forward(self, rgb: Tensor) -> Tensor:
        """Judge ``(batch, 3, size, size)``, -1 to 1; returns one logit each, positive for real."""
        decided: Tensor = self.decide(self.convolutions(rgb).flatten(1))
        return decided[:, 0]


def _block(before: int, width: int, convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())


def initialize(network: nn.Module) -> None:
    """Draw weights as adversarial training usually starts: normal with 0.02 (Radford et al., 2016)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
