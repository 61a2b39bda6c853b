"""Detectors that were taught with torchvision's own code, as it builds them: they are run here, and not taught further.

Their networks are torchvision's constructors with ResNet-50 and a feature pyramid, its anchors and its suppression.
torchvision resizes an image until its shorter side has 800 pixels; here the engine sets the scale, so that µm/px is
that of the image after resizing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torchvision.models import detection
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet

from cytoshift.detection.networks import SAME_CELL, Architecture, OnlyNormalize, build_network
from cytoshift.engine.doubles import Distance, Doubles, Overlap
from cytoshift.engine.loading import compare
from cytoshift.engine.operator import MOST_PIXELS
from cytoshift.errors import ModelError
from cytoshift.training.foreign import read_checkpoint, unwrapped

Name = Literal[
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
]
"""torchvision's constructors."""

Detector = RetinaNet | FasterRCNN | FCOS
"""What finds cells: ours, a RetinaNet too, or one of torchvision's."""

_MANY: dict[str, dict[str, float]] = {
    "retinanet": {"score_thresh": 0.01, "detections_per_img": 1000, "topk_candidates": 2000},
    "fasterrcnn": {"box_score_thresh": 0.01, "box_detections_per_img": 1000, "rpn_post_nms_top_n_test": 2000},
    "fcos": {"score_thresh": 0.01, "detections_per_img": 1000, "topk_candidates": 2000},
}
"""A tile may hold more cells than the hundred things of a photograph."""


class PublishedArchitecture(BaseModel):
    """Which of torchvision's networks, stored in the model's card.

    ``first`` is the label of the first class: 1 where 0 is the background, as it always is for a Faster R-CNN.
    ``tile``, ``halo`` and ``merge_um`` are those of `Architecture`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Name
    first: Literal[0, 1] = 1
    tile: int = Field(512, ge=32, le=MOST_PIXELS, multiple_of=32)
    halo: int = Field(128, ge=0, le=MOST_PIXELS, multiple_of=32)
    merge_um: float | None = Field(None, gt=0)

    def doubles(self, mpp: float) -> Doubles:
        """Return how two boxes around one cell are recognised at the network's µm/px."""
        return Overlap(SAME_CELL) if self.merge_um is None else Distance(self.merge_um / mpp)


def read_plan(architecture: Mapping[str, Any]) -> Architecture | PublishedArchitecture:
    """Return what a detector's card says of its network; ValueError where it says nothing that is known here."""
    kind = PublishedArchitecture if "network" in architecture else Architecture
    return kind.model_validate(dict(architecture))


def taught_plan(architecture: Mapping[str, Any]) -> Architecture:
    """Return what a card says of a network that can be taught further.

    Raises
    ------
    ModelError
        It is torchvision's own.
    """
    plan = read_plan(architecture)
    if isinstance(plan, PublishedArchitecture):
        raise ModelError(
            f"This detector is torchvision's {plan.network}, which is run here and not taught further; choose a"
            " detector that was trained here, such as starter."
        )
    return plan


def build_detector(plan: Architecture | PublishedArchitecture, classes: int) -> Detector:
    """Build a randomly initialised detector for so many classes, the background not counted."""
    if isinstance(plan, Architecture):
        return build_network(plan, classes)
    many = _MANY[plan.network.partition("_")[0]]
    build = getattr(detection, plan.network)
    network: Detector = build(weights=None, weights_backbone=None, num_classes=classes + plan.first, **many)
    network.transform = OnlyNormalize.as_imagenet()
    return network


def read_published(path: str | Path, classes: tuple[str, ...]) -> tuple[PublishedArchitecture, dict[str, Tensor]]:
    """Read a detector that torchvision's code saved.

    Parameters
    ----------
    path : path
        The state of one of the networks of `Name`, by itself or as ``model`` or ``state_dict`` in a checkpoint.
    classes : tuple of str
        Names of its classes in the order of its labels, without the background.

    Raises
    ------
    ModelError
        The file holds no tensors, or another network.
    """
    if not classes:
        raise ModelError(f"{path} says nothing of what it finds; give the names of its classes: --classes NILM,HSIL.")
    state = _state(read_checkpoint(path))
    kind = _kind(state)
    for name in (name for name in get_args(Name) if name.startswith(kind)):
        for first in (1,) if kind == "fasterrcnn" else (0, 1):
            plan = PublishedArchitecture(network=name, first=first)
            whole = state | _counts(plan, len(classes), state)
            if _fits(plan, len(classes), whole):
                return plan, {key: tensor.clone() for key, tensor in whole.items()}
    raise ModelError(
        f"{path} is no RetinaNet, Faster R-CNN or FCOS of torchvision with ResNet-50 and a feature pyramid that tells"
        f" {len(classes)} classes apart{_labels(state)}; check --classes, or import one of those."
    )


def _state(held: Mapping[str, Any]) -> dict[str, Tensor]:
    inner = next((held[name] for name in ("model", "state_dict") if isinstance(held.get(name), dict)), held)
    return {name: value for name, value in unwrapped(inner).items() if isinstance(value, Tensor)}


def _kind(state: Mapping[str, Tensor]) -> str:
    """Return how the names of networks begin that have layers such as these."""
    if any(name.startswith("roi_heads.") for name in state):
        return "fasterrcnn"
    return "fcos" if any(".bbox_ctrness." in name for name in state) else "retinanet"


def _builder(plan: PublishedArchitecture, classes: int) -> Callable[[], Detector]:
    return partial(build_detector, plan, classes)


def _counts(plan: PublishedArchitecture, classes: int, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return counters of batch normalization, which networks with a frozen one lack; nothing here looks at them."""
    with torch.device("meta"):
        names = _builder(plan, classes)().state_dict()
    return {name: torch.tensor(0) for name in names if name.endswith("num_batches_tracked") and name not in state}


def _fits(plan: PublishedArchitecture, classes: int, state: Mapping[str, Tensor]) -> bool:
    try:
        compare(_builder(plan, classes), state)
    except ValueError:
        return False
    return True


def _labels(state: Mapping[str, Tensor]) -> str:
    """Say how many labels a network's last layer tells apart, where it is one that is known."""
    anchors = 1 if _kind(state) == "fcos" else 9
    if (score := state.get("head.classification_head.cls_logits.bias")) is not None:
        return f" (its last layer has {len(score) // anchors} labels)"
    if (score := state.get("roi_heads.box_predictor.cls_score.bias")) is not None:
        return f" (its last layer has {len(score)} labels, the background among them)"
    return ""
