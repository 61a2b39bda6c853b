"""Classifiers of timm: the same probabilities out of ours, and a sentence for every other file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cytoshift.errors import ModelError
from cytoshift.mitosis import MitosisClassifier
from cytoshift.mitosis.published import TimmArchitecture, read_plan, read_timm, taught_plan
from cytoshift.training import foreign, unpickling

timm = pytest.importorskip("timm", reason="the extra timm is not installed: timm")
MEAN, DEVIATION = (0.7, 0.5, 0.6), (0.2, 0.25, 0.3)


@pytest.fixture(autouse=True)
def _read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert files in this process, which is quicker; `tests/training/test_foreign.py` has the other one."""
    monkeypatch.setattr(foreign, "_run", unpickling.convert)


def saved(path: Path, name: str, outputs: int) -> torch.nn.Module:
    torch.manual_seed(0)
    network: torch.nn.Module = timm.create_model(name, pretrained=False, num_classes=outputs).eval()
    torch.save({"state_dict": {f"module.{key}": value for key, value in network.state_dict().items()}}, path)
    return network


@pytest.mark.parametrize(("name", "outputs", "atypical"), [("densenet121", 3, 2), ("resnet18", 1, 0)])
def test_it_says_what_timm_says(name: str, outputs: int, atypical: int, tmp_path: Path) -> None:
    theirs = saved(tmp_path / "model.pth", name, outputs)
    looks = {"network": name, "atypical": atypical, "side": 128, "mean": MEAN, "deviation": DEVIATION}
    plan, state = read_timm(tmp_path / "model.pth", looks)
    assert plan.outputs == outputs
    classifier = MitosisClassifier.from_model(
        architecture=plan.model_dump(mode="json"), state=state, mpp=0.25, model_id="it", version="0" * 64, device="cpu"
    )
    crops = np.random.default_rng(0).integers(0, 255, (3, 128, 128, 3), np.uint8)
    said = classifier.classify(crops)
    images = torch.from_numpy(crops).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        outs = theirs((images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None])
    expected = outs.softmax(dim=1)[:, atypical] if outputs > 1 else outs.sigmoid()[:, 0]
    np.testing.assert_allclose(said.atypical, expected.numpy(), atol=1e-5)
    assert said.phases.shape == (3, 0)
    assert classifier.describe(crops).shape == (3, theirs.num_features)
    assert len(classifier.describe(crops[:0])) == 0


def test_what_does_not_fit_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.pth"
    saved(file, "resnet18", 2)
    for looks, words in (
        ({"network": ""}, "name it: --network densenet121"),
        ({"network": "resnet34", "atypical": 1}, r"does not fit timm's resnet34 \(.*is missing\)"),
        ({"network": "resnet18", "atypical": 2}, "there is no output 2 among 2"),
        ({"network": "hf_hub:somebody/network", "atypical": 1}, "does not fit timm's hf_hub"),
        ({"network": "resnet19", "atypical": 1}, "This version of timm has no resnet19"),
    ):
        with pytest.raises(ModelError, match=words):
            read_timm(file, looks)
    monkeypatch.setattr("cytoshift.mitosis.published.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"needs timm; install napari-cytoshift\[timm\]"):
        read_timm(file, {"network": "resnet18", "atypical": 1})


def test_it_is_run_and_not_taught() -> None:
    plan = TimmArchitecture(network="resnet50")
    assert read_plan(plan.model_dump(mode="json")) == plan
    with pytest.raises(ModelError, match="timm's resnet50, which is run here and not taught further"):
        taught_plan(plan.model_dump(mode="json"))
