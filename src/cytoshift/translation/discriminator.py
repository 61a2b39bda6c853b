"""The critic of every translator here: judges overlapping patches of about 70 px (PatchGAN), at a step or at none.

With twelve channels it measures the bridge's entropy instead: it looks at two pairs of a state and a predicted end.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from cytoshift.translation.blur import BlurDown
from cytoshift.translation.conditioning import SLOPE, StepEmbedding
from cytoshift.translation.generator import initialize, instance_norm

STAGES = (1, 2, 4, 8)
"""Channels of the convolutions, in widths."""

HALVED = 3
"""Convolutions that are followed by a halving."""


class Critic(nn.Module):
    """PatchGAN: five convolutions of 4 x 4, the first three followed by antialiased halvings.

    Parameters
    ----------
    width : int
        Channels of the first convolution.
    inputs : int
        3 for images, 12 for two pairs.
    timed : bool
        Whether it is told the step of the bridge.
    normalized : bool
        Whether features lose their moments between convolutions. A potential of optimal transport must keep them: its
        mean over an image is what counts, and without them it hardly sees how light or how red the whole image is.
    """

    def __init__(self, width: int, inputs: int = 3, *, timed: bool, normalized: bool = True) -> None:
        super().__init__()
        self.normalized = normalized
        widths = [width * times for times in STAGES]
        before = [inputs, *widths[:-1]]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 4, padding=1) for a, b in zip(before, widths, strict=True))
        self.halvings = nn.ModuleList(BlurDown(channels) for channels in widths[:HALVED])
        self.judge = nn.Conv2d(widths[-1], 1, 4, padding=1)
        self.embedding = StepEmbedding(4 * width) if timed else None
        self.shifts = nn.ModuleList(nn.Linear(4 * width, channels) for channels in widths if timed)
        if normalized:  # else so small weights would fade from one convolution to the next
            initialize(self)

    def forward(self, images: Tensor, step: int = 0) -> Tensor:
        """Judge ``(batch, inputs, y, x)``, -1 to 1; returns one number for each patch, ``(batch, 1, v, u)``."""
        features = images
        embedded = None if self.embedding is None else self.embedding(step)
        for place, convolve in enumerate(self.convolutions):
            features = convolve(features)
            if embedded is not None:
                features = features + self.shifts[place](embedded)[:, :, None, None].to(features.dtype)
            if place and self.normalized:
                features = instance_norm(place, features)
            features = functional.leaky_relu(features, SLOPE)
            if place < HALVED:
                features = self.halvings[place](features)
        judged: Tensor = self.judge(features)
        return judged
