"""Detectors of torchvision's own code: the same boxes out of ours, and a sentence for every other file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models import detection

from cytoshift.detection import DetectorOperator
from cytoshift.detection.published import (
    PublishedArchitecture,
    build_detector,
    read_plan,
    read_published,
    taught_plan,
)
from cytoshift.engine.loading import load_network
from cytoshift.errors import ModelError
from cytoshift.training import foreign, unpickling

SIDE = 128
CLASSES = ("NILM", "HSIL")


@pytest.fixture(autouse=True)
def _read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert files in this process, which is quicker; `tests/training/test_foreign.py` has the other one."""
    monkeypatch.setattr(foreign, "_run", unpickling.convert)


def theirs(name: str, labels: int) -> Any:
    """Return a network as torchvision's users make it, which sees pictures of SIDE pixels as they are."""
    torch.manual_seed(0)
    many = {"score_thresh": 0.01, "detections_per_img": 1000, "topk_candidates": 2000}
    if name.startswith("fasterrcnn"):
        many = {"box_score_thresh": 0.01, "box_detections_per_img": 1000, "rpn_post_nms_top_n_test": 2000}
    size = {"min_size": SIDE, "max_size": SIDE}
    network = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=labels, **size, **many).eval()
    for part, weight in network.named_parameters():  # so that it is sure enough of something
        if part.endswith("cls_logits.bias"):
            torch.nn.init.constant_(weight, -1.0)
    return network


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize(
    ("name", "labels", "wrapped"),
    [
        ("fasterrcnn_resnet50_fpn", 3, "model"),
        ("retinanet_resnet50_fpn", 2, ""),
    ],
)
def test_it_finds_what_torchvision_finds(
    name: str, labels: int, wrapped: str, picture: np.ndarray, tmp_path: Path
) -> None:
    network = theirs(name, labels)
    state = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save({wrapped: state, "epoch": 3} if wrapped else state, tmp_path / "model.pth")
    plan, read = read_published(tmp_path / "model.pth", CLASSES)
    assert (plan.network, plan.first) == (name, labels - len(CLASSES))
    image = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    ours = load_network(partial(build_detector, plan, len(CLASSES)), read).eval()
    with torch.inference_mode():
        expected, found = network([image])[0], ours([image])[0]
    assert len(expected["boxes"]) > 5
    for part in ("boxes", "scores", "labels"):
        torch.testing.assert_close(found[part], expected[part])
    operator = DetectorOperator.from_model(
        architecture=plan.model_dump(mode="json"),
        state=read,
        classes=CLASSES,
        mpp=0.25,
        model_id="theirs",
        version="0" * 64,
        threshold=0.0,
        device="cpu",
    )
    boxes = operator.find(picture[None])[0]
    assert len(boxes.boxes)
    named = {(*box, label) for box, label in zip(boxes.boxes.tolist(), boxes.labels.tolist(), strict=True)}
    there = zip(found["boxes"].tolist(), (found["labels"] - plan.first).tolist(), strict=True)
    assert named <= {(*box, label) for box, label in there}
    assert set(boxes.labels.tolist()) <= {0, 1}
    assert operator.describe(picture[None]).shape == (1, 2 * (256 + 512))


def test_another_number_of_classes_and_another_network_are_said(tmp_path: Path) -> None:
    state = {"head.classification_head.cls_logits.bias": torch.zeros(27), "x": torch.zeros(1)}
    torch.save(state, tmp_path / "model.pth")
    with pytest.raises(ModelError, match=r"tells 2 classes apart \(its last layer has 3 labels\); check --classes"):
        read_published(tmp_path / "model.pth", CLASSES)
    with pytest.raises(ModelError, match="give the names of its classes: --classes"):
        read_published(tmp_path / "model.pth", ())
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "model.pth")
    with pytest.raises(ModelError, match="is no RetinaNet, Faster R-CNN or FCOS of torchvision"):
        read_published(tmp_path / "model.pth", CLASSES)


def test_it_is_run_and_not_taught() -> None:
    plan = PublishedArchitecture(network="fcos_resnet50_fpn")
    assert read_plan(plan.model_dump(mode="json")) == plan
    with pytest.raises(ModelError, match=r"torchvision's fcos_resnet50_fpn, which is run here and not taught further"):
        taught_plan(plan.model_dump(mode="json"))
    with pytest.raises(ValueError, match="network"):
        read_plan({"network": "maskrcnn_resnet50_fpn"})
