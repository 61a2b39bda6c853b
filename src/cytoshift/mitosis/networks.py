"""The classifier's network: torchvision's DenseNet-121, MixStyle inside, CBAM before pooling, one logit."""

from __future__ import annotations

import cytoshift.engine.compilers  # noqa: F401  (before anything that imports torchvision)

# isort: split
from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torchvision.models import densenet121
from torchvision.models.densenet import DenseNet

from cytoshift.engine.operator import MOST_PIXELS
from cytoshift.mitosis.attention import Attention
from cytoshift.mitosis.mixstyle import MixStyle

CHANNELS = 1024
"""Of DenseNet-121's last features."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, which published trunks expect."""

STRIDES = {"pool0": 4, "transition1": 8, "transition2": 16}
"""Early and mid stages after which MixStyle may stand, and what they make of a picture's side."""

NARROWEST_STYLE = 8
"""Side of features from which their means and deviations are style: over 4 x 4 places they are what is there."""


class Architecture(BaseModel):
    """Everything needed to build the network before its weights are loaded; stored in the model's card.

    Attributes
    ----------
    view : int
        Side in pixels, at the model's µm/px, of the middle of a crop that the network looks at.
    side : int
        Side in pixels to which that is resized.
    attention : bool
        Whether CBAM refines the features.
    phases : tuple of str
        Phases of the mitotic cycle that a second head tells apart; none without.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: int = Field(128, ge=32, le=MOST_PIXELS)
    side: int = Field(128, ge=32, le=MOST_PIXELS, multiple_of=32)
    attention: bool = True
    phases: tuple[str, ...] = Field((), max_length=100)


class Output(NamedTuple):
    """What the network says of a batch.

    ``logits`` ``(batch,)`` above 0 mean atypical, ``phases`` ``(batch, phases)`` are logits, and ``descriptors``
    ``(batch, 1024)`` are the refined features' means over the picture, which alignment compares.
    """

    logits: Tensor
    phases: Tensor
    descriptors: Tensor


class MitosisNetwork(nn.Module):
    """Tells atypical mitoses from normal ones.

    Parameters
    ----------
    architecture : Architecture
    mixstyle : float
        α of MixStyle while training; 0 for none. It has no weights, so a card need not know.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, architecture: Architecture, mixstyle: float = 0.0) -> None:
        super().__init__()
        network: DenseNet = densenet121(weights=None)
        self.trunk = network.features
        places = mixed_after(architecture.side) if mixstyle else ()
        self.mix = nn.ModuleDict({name: MixStyle(mixstyle) for name in places})
        self.attention = Attention(CHANNELS) if architecture.attention else nn.Identity()
        self.head = nn.Linear(CHANNELS, 1)
        self.phases = nn.Linear(CHANNELS, len(architecture.phases)) if architecture.phases else None
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Output:
        """Look at images ``(batch, 3, y, x)``, 0 to 1."""
        features = self.attention(torch.relu(self.features(images)))
        descriptors = features.mean(dim=(2, 3))
        phases = descriptors.new_zeros(len(images), 0) if self.phases is None else self.phases(descriptors)
        return Output(self.head(descriptors)[:, 0], phases, descriptors)

    def features(self, images: Tensor) -> Tensor:
        """Return the trunk's features ``(batch, 1024, y / 32, x / 32)``, before the last ReLU."""
        x = (images - self.mean) / self.deviation
        x = x.contiguous(memory_format=torch.channels_last)
        for name, stage in self.trunk.named_children():
            x = stage(x)
            if name in self.mix:
                x = self.mix[name](x)
        return x


def mixed_after(side: int) -> tuple[str, ...]:
    """Return the stages after which styles are mixed: an early and a mid one, as the paper asks.

    The last two whose features are at least `NARROWEST_STYLE` wide: 1/8 and 1/16 of a picture of 128 px, 1/4 and 1/8 of
    one of 64.
    """
    return tuple(name for name, stride in STRIDES.items() if side >= NARROWEST_STYLE * stride)[-2:]


def build_network(architecture: Architecture, mixstyle: float = 0.0) -> MitosisNetwork:
    """Build a randomly initialised network, its weights in the order that processors like."""
    return MitosisNetwork(architecture, mixstyle).to(memory_format=torch.channels_last)
