"""What a network makes of images on its way to boxes: the features and logits that distillation compares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from cytoshift.detection.networks import CellRetinaNet

SHALLOW = ("layer1", "layer2")
"""Stages of the trunk, strides 4 and 8, whose structure is aligned."""


@dataclass
class Taps:
    """Features and logits of one pass.

    Attributes
    ----------
    shallow : list of Tensor
        Of the stages `SHALLOW`, ``(batch, channels, y, x)``.
    pyramid : list of Tensor
        One for each level.
    deep : list of Tensor
        The last layer before the classes, one for each level.
    logits : Tensor
        ``(batch, anchors, classes)``, level after level, row after row.
    anchors : list of Tensor
        ``(anchors, 4)`` for each image; filled where the network looks for its own anchors.
    """

    shallow: list[Tensor] = field(default_factory=list)
    pyramid: list[Tensor] = field(default_factory=list)
    deep: list[Tensor] = field(default_factory=list)
    logits: Tensor = field(default_factory=lambda: torch.zeros(0))
    anchors: list[Tensor] = field(default_factory=list)

    def by_level(self, values: Tensor) -> list[Tensor]:
        """Return the largest of ``(batch, anchors)`` at each place, as maps ``(batch, y, x)``, one for each level."""
        places = [level.shape[-2] * level.shape[-1] for level in self.deep]
        per_place = values.shape[1] // sum(places)
        parts = torch.split(values, [count * per_place for count in places], dim=1)
        return [
            part.reshape(-1, *level.shape[-2:], per_place).amax(dim=-1)
            for part, level in zip(parts, self.deep, strict=True)
        ]


@contextmanager
def tapped(network: CellRetinaNet) -> Iterator[Taps]:
    """Keep what a network makes on its way, of the passes within the context."""
    taps = Taps()
    body, classes = network.backbone.body, network.head.classification_head

    def keep(values: list[Tensor]) -> Any:
        return lambda module, inputs, output: values.append(output)

    def keep_logits(module: object, inputs: object, output: Tensor) -> None:
        taps.logits = output

    def keep_pyramid(module: object, inputs: object, output: dict[str, Tensor]) -> None:
        taps.pyramid.extend(output.values())

    def keep_anchors(module: object, inputs: object, output: list[Tensor]) -> None:
        taps.anchors = output

    hooks = [getattr(body, stage).register_forward_hook(keep(taps.shallow)) for stage in SHALLOW]
    hooks += [
        network.backbone.register_forward_hook(keep_pyramid),
        classes.conv.register_forward_hook(keep(taps.deep)),
        classes.register_forward_hook(keep_logits),
        network.anchor_generator.register_forward_hook(keep_anchors),
    ]
    try:
        yield taps
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def looked(network: CellRetinaNet, images: Tensor) -> Taps:
    """Run a teacher over images ``(batch, 3, y, x)``, 0 to 1, as far as its logits; no boxes are sorted out."""
    with tapped(network) as taps:
        features = network.backbone(network.transform.normalize(images))
        network.head(list(features.values()))
    return taps
