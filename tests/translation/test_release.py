"""Published generators: the same pixels out of ours, and a sentence for every other file."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from published import PlainGenerator, ReleasedGenerator
from torch import nn

from cytoshift.errors import ModelError
from cytoshift.training import foreign, unpickling
from cytoshift.translation import Generator
from cytoshift.translation.release import read_release

WIDTH = 8


def _strong(network: nn.Module) -> nn.Module:
    """Draw weights so large that a wrong one shows."""
    torch.manual_seed(3)
    for parameter in network.parameters():
        if parameter.any():
            nn.init.normal_(parameter, std=0.3)
    return network.eval()


def _built(architecture, state) -> Generator:
    ours = Generator(architecture.generator)
    ours.load_state_dict(state)
    return ours.double()


def _saved(network: nn.Module, path, before: str = ""):
    torch.save(OrderedDict((before + name, tensor) for name, tensor in network.state_dict().items()), path)
    return path


@pytest.fixture(autouse=True)
def _read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert files in this process, which is quicker; `tests/training/test_foreign.py` has the other one."""
    monkeypatch.setattr(foreign, "_run", unpickling.convert)


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(2, 3, 48, 40, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize(("blocks", "before"), [(9, ""), (2, "module.")])
def test_unsb_released_gives_the_same_pixels_at_every_step(image, tmp_path, blocks, before):
    theirs = _strong(ReleasedGenerator(WIDTH, blocks))
    architecture, state = read_release(_saved(theirs, tmp_path / "latest_net_G.pth", before), "unsb")
    assert (architecture.method, architecture.steps, architecture.generator.arch) == ("unsb", 5, "release")
    assert (architecture.generator.width, architecture.generator.blocks) == (WIDTH, blocks)
    theirs, ours = theirs.double(), _built(architecture, state)
    draw = torch.randn(2, architecture.generator.style, dtype=torch.float64)
    with torch.no_grad():
        for step in (0, 4):
            expected = theirs(image, step, draw)
            torch.testing.assert_close(ours(image, step, draw), expected, atol=1e-9, rtol=0)
        other = ours(image, 0, -draw)
    assert (other - expected).abs().max() > 0.1, "the style does not reach the output"


def test_unsb_leaves_the_half_behind_that_was_never_taught(tmp_path):
    theirs = ReleasedGenerator(WIDTH, 9)
    _, state = read_release(_saved(theirs, tmp_path / "g.pth"), "unsb")
    kept = sum(tensor.numel() for tensor in state.values())
    assert 0.5 < kept / sum(parameter.numel() for parameter in theirs.parameters()) < 0.55


@pytest.mark.parametrize(("method", "blocks"), [("cut", 9), ("cyclegan", 6), ("fastcut", 1)])
def test_cut_gives_the_same_pixels(image, tmp_path, method, blocks):
    theirs = _strong(PlainGenerator(WIDTH, blocks))
    architecture, state = read_release(_saved(theirs, tmp_path / "latest_net_G.pth"), method)
    assert (architecture.method, architecture.steps, architecture.generator.arch) == (method, 1, "plain")
    theirs, ours = theirs.double(), _built(architecture, state)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), atol=1e-9, rtol=0)


def _without(state, *ends):
    return {name: tensor for name, tensor in state.items() if not name.endswith(ends)}


def _complaint(path, method) -> str:
    with pytest.raises(ModelError) as error:
        read_release(path, method)
    said = str(error.value)
    assert str(path) in said
    assert said.endswith(".")
    assert said.count(". ") == 0
    return said


def test_one_network_for_another_is_named(tmp_path):
    unsb, cut = ReleasedGenerator(WIDTH, 2), PlainGenerator(WIDTH, 2)
    file = tmp_path / "net.pth"
    assert "UNSB's released" in _complaint(_saved(unsb, file), "cut")
    assert "CUT's code" in _complaint(_saved(cut, file), "unsb")
    unlike = {
        "a U-Net": {"model.model.0.weight": torch.zeros(1)},
        "StyleGAN2": {"convs.0.conv.modulation.weight": torch.zeros(1)},
        "a discriminator": {"model_main.0.conv1.weight": torch.zeros(1)},
        "without antialiasing": _without(cut.state_dict(), "filt"),
        "projection": {"mlp_0.0.weight": torch.zeros(1)},
        "such as fc.bias": {"fc.weight": torch.zeros(1), "fc.bias": torch.zeros(1)},
    }
    for name, state in unlike.items():
        torch.save(state, file)
        assert name in _complaint(file, "cut")


def test_what_does_not_fit_together_is_named(tmp_path):
    file = tmp_path / "net.pth"
    theirs = ReleasedGenerator(WIDTH, 2)
    state = theirs.state_dict()
    changes = {
        "model_res.1.conv_fin.2.bias is not there": _without(state, "model_res.1.conv_fin.2.bias"),
        "model.4.weight is 16 x 9 x 3 x 3": state | {"model.4.weight": torch.zeros(16, 9, 3, 3)},
        "model_res.0.Dense_time.weight is not there": _without(state, "0.Dense_time.weight"),
        "model_res.0.conv_block.1 takes part": state | {"model_res.0.conv_block.1.bias": torch.ones(32)},
        "other kernels (model.7.filt)": state | {"model.7.filt": torch.ones(16, 1, 3, 3)},
        "running_mean": state | {"model.2.running_mean": torch.zeros(WIDTH)},
        "8 x 6 x 7 x 7": state | {"model.1.weight": torch.zeros(8, 6, 7, 7)},
    }
    for name, changed in changes.items():
        torch.save(changed, file)
        assert name in _complaint(file, "unsb")


class Malice:
    """What a stranger's pickle could do."""

    def __reduce__(self):
        return (open, ("opened", "w"))


def test_only_tensors_are_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "net.pth"
    torch.save({"model.1.weight": Malice()}, file)
    assert "nothing else is opened" in _complaint(file, "cut")
    assert not (tmp_path / "opened").exists()
    file.write_bytes(b"not a checkpoint")
    assert "nothing else is opened" in _complaint(file, "cut")
    torch.save([torch.zeros(1)], file)
    assert "by name" in _complaint(file, "cut")
    torch.save({"netG": {"model.1.weight": torch.zeros(1)}}, file)
    assert "more than a network's tensors" in _complaint(file, "cut")
    assert "check the path" in _complaint(tmp_path / "absent.pth", "cut")
