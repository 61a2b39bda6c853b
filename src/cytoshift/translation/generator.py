"""The generator of every translator here: two halvings, residual blocks, two doublings (UNSB; CUT; CycleGAN).

Its instance normalizations are handed in when it runs, so that the same weights can be trained with the moments of
one image and run with moments that are a continuous field over a slide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from cytoshift.translation.blur import BlurDown, BlurUp
from cytoshift.translation.conditioning import StepEmbedding, StyledScale, StyleMapping

ALIGNMENT = 4
"""Shifting an image by this many pixels shifts the output alike: there are two halvings."""

SITES_PER_BLOCK = 2
"""Normalizations in a residual block, of every kind."""

EPSILON = 1e-5
"""What is added to the variance in every normalization."""

Normalize = Callable[[int, Tensor], Tensor]
"""Normalizes features ``(batch, channels, y, x)`` at a site of the generator, sites counted from 0 in their order."""

Arch = Literal["plain", "release", "timecond"]


class GeneratorPlan(BaseModel):
    """What a generator looks like.

    ``plain`` knows neither step nor style (CUT, CycleGAN, optimal transport). ``release`` is what the published code
    of UNSB computes: a block has one convolution, and the step never reaches the output. ``timecond`` is what it
    means: two convolutions, with step and style after the first normalization.
    """

    model_config = ConfigDict(extra="forbid")

    arch: Arch = "timecond"
    width: int = Field(64, ge=4, le=4096, description="channels at full resolution")
    blocks: int = Field(9, ge=1, le=100)
    inputs: int = Field(3, ge=3, le=100, description="channels of the image, and of noise if there are more than 3")
    mapping: int = Field(3, ge=0, le=100, description="linear layers of the style's mapping after the first")

    @property
    def style(self) -> int:
        """Numbers in a draw of the style; 0 where there is none."""
        return 0 if self.arch == "plain" else 4 * self.width

    @property
    def reach(self) -> int:
        """Pixels around an output pixel on which it depends, apart from the moments of normalization."""
        convolutions = 1 if self.arch == "release" else 2
        return 21 + 4 * convolutions * self.blocks

    @property
    def halo(self) -> int:
        """The reach, rounded up to the alignment."""
        return -(-self.reach // ALIGNMENT) * ALIGNMENT

    @property
    def sites(self) -> tuple[tuple[int, int], ...]:
        """Channels and downsample (1, 2 or 4) of every normalization, in their order."""
        width = self.width
        blocks = [(4 * width, 4)] * (SITES_PER_BLOCK * self.blocks)
        return ((width, 1), (2 * width, 1), (4 * width, 2), *blocks, (2 * width, 2), (width, 1))


def instance_norm(site: int, features: Tensor) -> Tensor:
    """Normalize by the moments of each image and channel: what the networks are trained with."""
    normalized = functional.instance_norm(features, eps=EPSILON)
    if normalized.requires_grad:
        # On a CPU torch (2.14) reads the gradient of a single image as if its channels were planes; where they lie next
        # to each other, as after a sum with what does, what flows back would be wrong.
        normalized.register_hook(Tensor.contiguous)  # type: ignore[no-untyped-call]
    return normalized


class Generator(nn.Module):
    """RGB to RGB, -1 to 1.

    Parameters
    ----------
    plan : GeneratorPlan
    """

    def __init__(self, plan: GeneratorPlan) -> None:
        super().__init__()
        self.plan = plan
        width = plan.width
        self.stem = nn.Conv2d(plan.inputs, width, 7)
        self.down = nn.ModuleList(_bordered(n * width, 2 * n * width) for n in (1, 2))
        self.reduce = nn.ModuleList(BlurDown(2 * n * width) for n in (1, 2))
        self.blocks = nn.ModuleList(_block(plan) for _ in range(plan.blocks))
        self.enlarge = nn.ModuleList(BlurUp() for _ in range(2))
        self.up = nn.ModuleList(_bordered(2 * n * width, n * width) for n in (2, 1))
        self.head = nn.Conv2d(width, 3, 7)
        if plan.style:
            self.mapping = StyleMapping(plan.style, plan.mapping)
            self.embedding = None if plan.arch == "release" else StepEmbedding(plan.style)
        initialize(self)

    def forward(
        self, image: Tensor, step: int = 0, style: Tensor | None = None, normalize: Normalize = instance_norm
    ) -> Tensor:
        """Map ``(batch, inputs, y, x)``, sides multiples of 4, to ``(batch, 3, y, x)``.

        Parameters
        ----------
        image : Tensor
        step : int
            Index of the bridge's step.
        style : Tensor, optional
            A draw from a normal distribution, ``(batch or 1, plan.style)``; needed where the plan has a style.
        normalize : callable
            See `Normalize`.
        """
        features = self._encoded(image, self._styled(step, style), normalize, [])
        site = 3 + SITES_PER_BLOCK * len(self.blocks)
        for enlarge, convolve in zip(self.enlarge, self.up, strict=True):
            features = functional.relu(normalize(site, convolve(enlarge(features))))
            site += 1
        made: Tensor = torch.tanh(self.head(functional.pad(features, (3, 3, 3, 3), mode="reflect")))
        return made

    def encode(self, image: Tensor, taps: Sequence[int], step: int = 0, style: Tensor | None = None) -> list[Tensor]:
        """Return the features that contrastive learning compares.

        Parameters
        ----------
        image : Tensor
            ``(batch, inputs, y, x)``.
        taps : sequence of int
            0 for the image itself, 1 and 2 for the convolutions at full and half resolution (before their
            normalization), 3 and more for the residual blocks from the first on.
        """
        kept: list[Tensor] = []
        self._encoded(image, self._styled(step, style), instance_norm, kept, last=max(taps))
        return [kept[tap] for tap in taps]

    def _styled(self, step: int, draw: Tensor | None) -> Tensor | None:
        if not self.plan.style:
            return None
        if draw is None:
            raise ValueError("this generator answers to a style; draw one")
        style: Tensor = self.mapping(draw)
        return style if self.embedding is None else style + self.embedding(step)

    def _encoded(
        self, image: Tensor, style: Tensor | None, normalize: Normalize, kept: list[Tensor], last: int | None = None
    ) -> Tensor:
        """Run to the end of the residual blocks, or of those that a tap needs; what taps see is put into `kept`."""
        kept.append(image)
        stem: Tensor = self.stem(functional.pad(image, (3, 3, 3, 3), mode="reflect"))
        features = functional.relu(normalize(0, stem))
        for place, (convolve, reduce) in enumerate(zip(self.down, self.reduce, strict=True)):
            convolved: Tensor = convolve(features)
            kept.append(convolved)
            if last == place + 1:
                return convolved
            features = reduce(functional.relu(normalize(1 + place, convolved)))
        for place, block in enumerate(self.blocks):
            features = block(features, style, normalize, 3 + place * SITES_PER_BLOCK)
            kept.append(features)
            if last == place + 3:
                break
        return features


class PlainBlock(nn.Module):
    """A residual block: two convolutions, each normalized."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(channels, channels), _convolution(channels, channels)

    def forward(self, features: Tensor, style: Tensor | None, normalize: Normalize, site: int) -> Tensor:
        inner = functional.relu(normalize(site, _same(self.first, features)))
        return features + normalize(site + 1, _same(self.second, inner))


class TimedBlock(nn.Module):
    """A residual block whose first normalization is followed by a scale and shift by style and step.

    The step must come after a normalization: one number added to a whole channel before it is taken off again.
    """

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(channels, channels), _convolution(channels, channels)
        self.scale = StyledScale(style, channels)

    def forward(self, features: Tensor, style: Tensor | None, normalize: Normalize, site: int) -> Tensor:
        assert style is not None
        inner = functional.relu(self.scale(normalize(site, _same(self.first, features)), style))
        return features + normalize(site + 1, _same(self.second, inner))


class ReleasedBlock(nn.Module):
    """A block as the published code of UNSB computes it: one convolution, style before it, no step."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.scale = StyledScale(style, channels)
        self.second = _convolution(channels, channels)

    def forward(self, features: Tensor, style: Tensor | None, normalize: Normalize, site: int) -> Tensor:
        assert style is not None
        inner = functional.relu(self.scale(normalize(site, features), style))
        return features + normalize(site + 1, _same(self.second, inner))


def _block(plan: GeneratorPlan) -> nn.Module:
    channels = 4 * plan.width
    if plan.arch == "plain":
        return PlainBlock(channels)
    return (ReleasedBlock if plan.arch == "release" else TimedBlock)(channels, plan.style)


def _convolution(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3)


def _bordered(before: int, after: int) -> nn.Conv2d:
    """Convolve 3 x 3 to the same size with zeros at the borders, as the published networks do between resolutions."""
    return nn.Conv2d(before, after, 3, padding=1)


def _same(convolution: nn.Module, features: Tensor) -> Tensor:
    """Convolve 3 x 3 to the same size; borders are mirrored."""
    convolved: Tensor = convolution(functional.pad(features, (1, 1, 1, 1), mode="reflect"))
    return convolved


def initialize(network: nn.Module, gain: float = 0.02) -> None:
    """Draw the convolutions' weights as the papers do, Xavier's normal with a small gain.

    Linear layers keep torch's own start: with that gain three of them in a row would leave nothing of step and style.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_normal_(module.weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
