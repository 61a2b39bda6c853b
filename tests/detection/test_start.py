"""A trunk's first weights: from a file of torchvision's names, and what is said when they do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18, resnet50

from cytoshift.detection import start
from cytoshift.detection.networks import Architecture, build_network
from cytoshift.detection.start import is_trunk, load_trunk
from cytoshift.errors import DataError, ModelError
from cytoshift.training import foreign, unpickling


@pytest.fixture(autouse=True)
def _read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert files in this process, which is quicker; `tests/training/test_foreign.py` has the other one."""
    monkeypatch.setattr(foreign, "_run", unpickling.convert)


@pytest.fixture
def network():
    return build_network(Architecture(channels=32, levels=(2, 3)), 2)


@pytest.mark.parametrize("end", [".pth", ".safetensors"])
def test_a_file_of_a_classification_network_fills_the_trunk(network, tmp_path: Path, end: str) -> None:
    torch.manual_seed(5)
    state = resnet18(weights=None).state_dict()
    file = tmp_path / f"trunk{end}"
    save_file(state, file) if end == ".safetensors" else torch.save(state, file)
    assert is_trunk(str(file))
    load_trunk(network, str(file), "resnet18")
    assert torch.equal(network.backbone.body["layer3"][1].conv2.weight, state["layer3.1.conv2.weight"])


def test_another_network_and_no_weights_at_all_are_said(network, tmp_path: Path) -> None:
    file = tmp_path / "trunk.pth"
    torch.save(resnet50(weights=None).state_dict(), file)
    with pytest.raises(DataError, match="holds no weights of a resnet18"):
        load_trunk(network, str(file), "resnet18")
    file.write_bytes(b"not weights")
    with pytest.raises(ModelError, match="no checkpoint of tensors alone"):
        load_trunk(network, str(file), "resnet18")
    with pytest.raises(DataError, match="cannot be read as weights"):
        load_trunk(network, str(tmp_path / "missing.safetensors"), "resnet18")
    torch.save({"epoch": 3}, file)
    with pytest.raises(ModelError, match="more than a network's tensors"):
        load_trunk(network, str(file), "resnet18")


def test_imagenet_that_cannot_be_had_is_said(network, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def get_state_dict(self, **_: object) -> None:
            raise OSError("no route to host")

    monkeypatch.setitem(start._PUBLISHED, "resnet18", Away())
    with pytest.raises(DataError, match=r"cannot be had here.*leave it out"):
        load_trunk(network, "imagenet", "resnet18")


def test_a_detectors_name_is_no_trunk() -> None:
    assert not is_trunk("starter")
    assert is_trunk("imagenet")
