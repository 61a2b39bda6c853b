"""The detector's network: torchvision's RetinaNet, with the paper's ResNet-50 or a light trunk for CPUs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torchvision.models import resnet18, resnet50
from torchvision.models.detection import RetinaNet
from torchvision.models.detection._utils import Matcher
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import box_iou
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock

from cytoshift.engine.doubles import Distance, Doubles, Overlap
from cytoshift.engine.operator import MOST_PIXELS

SAME_CELL = 0.5
"""Overlap from which two boxes are the same cell: a nucleus has one class, so classes compete."""

_TRUNKS = {"resnet18": resnet18, "resnet50": resnet50}
_CHANNELS = {"resnet18": (64, 128, 256, 512), "resnet50": (256, 512, 1024, 2048)}


class Architecture(BaseModel):
    """Everything needed to build the network before its weights are loaded; stored in the model's card.

    ``levels`` are stages of the trunk: 2 has stride 8, 3 has 16, 4 has 32. ``anchors`` are the sides of the square
    anchors in pixels, one tuple a level; levels without, the last ones, only lend what they see to the finer ones.
    Nuclei are round, so the usual ratios 1:2 and 2:1 are left out by default. ``merge_um`` is how many µm apart the
    centres of two boxes around one cell are at most; without, it is their overlap that tells.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: Literal["resnet18", "resnet50"] = "resnet18"
    levels: tuple[Annotated[int, Field(ge=1, le=4)], ...] = (2, 3)
    channels: int = Field(128, ge=32, le=4096, multiple_of=32)
    anchors: tuple[tuple[float, ...], ...] = ((20.0, 28.0, 40.0), (56.0, 80.0, 112.0))
    ratios: tuple[float, ...] = (1.0,)
    tile: int = Field(512, ge=32, le=MOST_PIXELS, multiple_of=32)
    halo: int = Field(64, ge=0, le=MOST_PIXELS, multiple_of=32)
    merge_um: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _anchors_fit(self) -> Self:
        if not 0 < len(self.anchors) <= len(self.levels) or len({len(sides) for sides in self.anchors}) != 1:
            raise ValueError("anchors has a list of as many sides for each level, or for the finer ones of them")
        return self

    def doubles(self, mpp: float) -> Doubles:
        """Return how two boxes around one cell are recognised at the network's µm/px."""
        return Overlap(SAME_CELL) if self.merge_um is None else Distance(self.merge_um / mpp)


class CellRetinaNet(RetinaNet):
    """RetinaNet that learns nothing from places where it is not known what is there.

    Targets carry ``ignored`` boxes ``(m, 4)``: anchors centred in one of them and matched to no cell take no part in
    the classification loss, as COCO's crowds do in its evaluation. ``frozen_norm`` keeps the batch-norm statistics
    while training: a fine-tuning on a few fields would spoil them.
    """

    frozen_norm = False

    def __init__(self, backbone: nn.Module, classes: int, anchors: AnchorGenerator) -> None:
        super().__init__(
            backbone,
            num_classes=classes,
            anchor_generator=anchors,
            detections_per_img=1000,
            topk_candidates=2000,
            score_thresh=0.01,
            nms_thresh=0.5,
        )
        self.transform = OnlyNormalize.as_imagenet()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.frozen_norm:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def compute_loss(
        self,
        targets: list[dict[str, Tensor]],
        head_outputs: dict[str, Tensor],
        anchors: list[Tensor],
    ) -> dict[str, Tensor]:
        matches = [self.match(target, boxes) for target, boxes in zip(targets, anchors, strict=True)]
        losses: dict[str, Tensor] = self.head.compute_loss(targets, head_outputs, anchors, matches)
        return losses

    def match(self, target: dict[str, Tensor], anchors: Tensor) -> Tensor:
        """Return the cell that each anchor is matched to, ``(anchors,)``; negative for none."""
        if len(target["boxes"]):
            match: Tensor = self.proposal_matcher(box_iou(target["boxes"], anchors))
        else:
            match = torch.full((len(anchors),), -1, dtype=torch.int64, device=anchors.device)
        ignored = target["ignored"]
        if len(ignored):
            x, y = (anchors[:, None, :2] + anchors[:, None, 2:]).unbind(-1)
            x, y = x / 2, y / 2
            inside = (x >= ignored[:, 0]) & (y >= ignored[:, 1]) & (x < ignored[:, 2]) & (y < ignored[:, 3])
            match = torch.where(inside.any(dim=1) & (match < 0), Matcher.BETWEEN_THRESHOLDS, match)
        return match


def build_network(architecture: Architecture, classes: int) -> CellRetinaNet:
    """Build a randomly initialised network.

    Labels are 0 to ``classes - 1``: RetinaNet's sigmoid heads need no class for the background. Images come in as
    they are (no resizing); normalization with ImageNet's mean and deviation happens inside.
    """
    anchors = AnchorGenerator(architecture.anchors, (tuple(architecture.ratios),) * len(architecture.anchors))
    return CellRetinaNet(_backbone(architecture), classes, anchors)


def _backbone(architecture: Architecture) -> nn.Module:
    name = architecture.backbone
    inputs = [_CHANNELS[name][stage - 1] for stage in architecture.levels]
    outputs = {f"layer{stage}": str(position) for position, stage in enumerate(architecture.levels)}
    ends = _Levels(len(architecture.anchors))
    return BackboneWithFPN(_TRUNKS[name](weights=None), outputs, inputs, architecture.channels, ends)


class OnlyNormalize(GeneralizedRCNNTransform):
    """torchvision resizes every image so that its shorter side is 800; here the engine has already set the scale."""

    @classmethod
    def as_imagenet(cls) -> Self:
        """Normalize with ImageNet's mean and deviation."""
        return cls(800, 1333, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

    def resize(self, image: Tensor, target: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor] | None]:
        return image, target


class _Levels(ExtraFPNBlock):
    """The finest levels: torchvision adds a pooled one where no block is given, and cells need none."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def forward(self, results: list[Tensor], x: list[Tensor], names: list[str]) -> tuple[list[Tensor], list[str]]:
        return results[: self._count], names[: self._count]
