"""Detectors of torchvision and classifiers of timm from the terminal, and what is said to who names them wrongly."""

import json

import pytest
import torch
from torchvision.models import detection

from cytoshift.models import Registry, build_classifier, build_operator
from cytoshift.training import foreign, unpickling


@pytest.fixture(autouse=True)
def _read_here(monkeypatch):
    """Convert files in this process, which is quicker; `tests/training/test_foreign.py` has the other one."""
    monkeypatch.setattr(foreign, "_run", unpickling.convert)


def test_a_detector_of_torchvision_finds_cells_on_a_slide(tmp_path, cytoshift, field):
    torch.manual_seed(0)
    network = detection.fcos_resnet50_fpn(weights=None, weights_backbone=None, num_classes=3)
    torch.nn.init.constant_(network.head.classification_head.cls_logits.bias, -0.5)
    torch.nn.init.constant_(network.head.regression_head.bbox_reg.bias, 1.0)  # boxes of twice the stride
    torch.save(network.state_dict(), tmp_path / "model.pth")
    call = ("models", "import", tmp_path / "model.pth", "--as", "torchvision", "--mpp", 0.5, "--id", "ours")
    assert "cytoshift models adopt ours" in cytoshift(*call, "--classes", "NILM, HSIL")
    card = json.loads(cytoshift("models", "show", "ours", "--json"))
    assert (card["task"], card["classes"], card["architecture"]["network"]) == (
        "detector",
        ["NILM", "HSIL"],
        "fcos_resnet50_fpn",
    )
    operator = build_operator(Registry().find("ours", "detector"))
    assert (operator.classes, operator.needs.mpp) == (("NILM", "HSIL"), 0.5)
    out = tmp_path / "cells.geojson"
    cytoshift("detect", field, "--model", "ours", "--out", out, "--mpp", 0.5, "--threshold", 0.1)
    found = json.loads(out.read_text())["features"]
    assert {each["properties"]["classification"]["name"] for each in found} <= {"NILM", "HSIL"}
    assert found


def test_a_classifier_of_timm_becomes_a_model_of_mitoses(tmp_path, cytoshift, complaint):
    timm = pytest.importorskip("timm", reason="the extra timm is not installed: timm")
    torch.save(timm.create_model("resnet18", num_classes=2).state_dict(), tmp_path / "best.pth")
    call = ("models", "import", tmp_path / "best.pth", "--as", "timm", "--mpp", 0.25)
    assert "name it: --network densenet121" in complaint(*call)
    assert "give --mean as three numbers" in complaint(*call, "--network", "resnet18", "--mean", "0.5")
    cytoshift(*call, "--network", "resnet18", "--atypical", 0, "--mean", "0.7,0.5,0.6", "--id", "atypia")
    model = Registry().find("atypia", "mitosis")
    plan = model.card.architecture
    assert (plan["atypical"], plan["outputs"], plan["side"], plan["mean"]) == (0, 2, 224, [0.7, 0.5, 0.6])
    assert build_classifier(model).mpp == 0.25


def test_a_model_of_the_hub_is_asked_for_by_its_name(complaint):
    assert "names no model on the Hub" in complaint("models", "import", "hf:nobody")
    assert "leave the options out" in complaint("models", "import", "hf:lab/finder", "--title", "Mine")
