"""PatchNCE: a place of the translated image must look more like the same place before than like any other place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cytoshift.translation.generator import GeneratorPlan
from cytoshift.translation.recipe import Contrast

MASKED = -10.0
"""Logit, before the temperature, of a negative that is the place itself."""


class PatchFeatures(nn.Module):
    """Features at places, through two linear layers for each tap, of length one (CUT, section 3.2).

    Parameters
    ----------
    plan : GeneratorPlan
        Of the generator whose features they are.
    contrast : Contrast
    """

    def __init__(self, plan: GeneratorPlan, contrast: Contrast) -> None:
        super().__init__()
        channels = (plan.inputs, 2 * plan.width, *[4 * plan.width] * (1 + plan.blocks))
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Linear(channels[tap], contrast.width), nn.ReLU(), nn.Linear(contrast.width, contrast.width)
            )
            for tap in contrast.taps
        )
        for module in self.layers.modules():
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """Return ``(batch, places, width)`` for every tap.

        Parameters
        ----------
        features : sequence of Tensor
            ``(batch, channels, y, x)``, tap by tap.
        places : sequence of Tensor
            Indices into the flattened y and x, the same for all images.
        """
        sampled = []
        for layers, maps, chosen in zip(self.layers, features, places, strict=True):
            vectors = layers(maps.flatten(2)[:, :, chosen].transpose(1, 2))
            sampled.append(functional.normalize(vectors.float(), dim=2))
        return sampled


def draw_places(features: Sequence[Tensor], count: int, generator: torch.Generator) -> list[Tensor]:
    """Draw places for every tap, without repeats; all where there are fewer."""
    sizes = (maps.shape[2] * maps.shape[3] for maps in features)
    return [torch.randperm(size, generator=generator)[:count].to(features[0].device) for size in sizes]


def contrast_loss(query: Sequence[Tensor], key: Sequence[Tensor], temperature: float) -> Tensor:
    """Return the cross-entropy of finding each place again, mean over taps, images and places.

    Negatives are the other places of the same image. Without any information it is the logarithm of their number.
    """
    return torch.stack([_found(q, k.detach(), temperature) for q, k in zip(query, key, strict=True)]).mean()


def _found(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    alike = torch.bmm(query, key.transpose(1, 2))
    positive = torch.diagonal(alike, dim1=1, dim2=2)[:, :, None]
    itself = torch.eye(alike.shape[1], dtype=torch.bool, device=alike.device)[None]
    logits = torch.cat([positive, alike.masked_fill(itself, MASKED)], dim=2) / temperature
    wanted = torch.zeros(logits.shape[0] * logits.shape[1], dtype=torch.long, device=logits.device)
    return functional.cross_entropy(logits.flatten(0, 1), wanted)
