"""Networks of other programs from the terminal: taken in with a card, or refused in a sentence."""

import json

import pytest
import torch
from published import PlainGenerator, ReleasedGenerator

from cytoshift.models import Registry, build_operator


@pytest.mark.parametrize(("method", "network", "steps"), [("unsb", ReleasedGenerator, 5), ("cut", PlainGenerator, 1)])
def test_a_published_generator_becomes_a_model(tmp_path, cytoshift, method, network, steps):
    file = tmp_path / "latest_net_G.pth"
    torch.save(network(4, 2).state_dict(), file)
    said = cytoshift("models", "import", file, "--as", method, "--mpp", 0.25, "--id", "theirs", "--title", "Theirs")
    assert "cytoshift models adopt theirs" in said
    card = json.loads(cytoshift("models", "show", "theirs", "--json"))
    assert (card["task"], card["title"], card["mpp"]) == ("translation", "Theirs", 0.25)
    assert (card["architecture"]["method"], card["architecture"]["generator"]["blocks"]) == (method, 2)
    operator = build_operator(Registry().find("theirs", "translation"), steps=steps)
    assert (operator.title, operator.needs.mpp, operator.steps) == ("Theirs", 0.25, steps)


def test_what_is_missing_is_asked_for(tmp_path, cytoshift, complaint, detector, registry):
    file = tmp_path / "latest_net_G.pth"
    torch.save(PlainGenerator(4, 1).state_dict(), file)
    assert "say whose network it is, --as unsb, cut, fastcut, cyclegan, turbo" in complaint("models", "import", file)
    assert "give --mpp" in complaint("models", "import", file, "--as", "cut")
    assert "unsb needs UNSB's" in complaint("models", "import", file, "--as", "unsb", "--mpp", 0.25)
    assert "give the one for your slides" in complaint("models", "import", tmp_path, "--as", "turbo", "--mpp", 0.25)
    assert "leave the options out" in complaint("models", "import", detector, "--title", "Mine")
    assert not registry.exists()


def test_sd_turbo_stays_where_it_is(tmp_path, cytoshift, complaint, registry):
    for library in ("diffusers", "peft", "transformers"):
        pytest.importorskip(library, reason=f"the extra turbo is not installed: {library}")
    from tiny_turbo import Reference, paired_adapter, write_base

    base = write_base(tmp_path / "sd-turbo")
    adapter = paired_adapter(Reference(base, "a cell"), tmp_path / "adapter.pkl")
    call = ("models", "import", base, "--as", "turbo", "--mpp", 0.25, "--prompt", "a cell", "--adapter")
    assert "cytoshift models adopt turbo" in cytoshift(*call, adapter)
    model = Registry().find("turbo", "translation")
    assert (model.card.architecture["folder"], model.card.architecture["prompt"]) == (str(base), "a cell")
    assert model.weights.stat().st_size < 0.5 * sum(path.stat().st_size for path in base.rglob("*.safetensors"))
    assert build_operator(model).needs.tile == 384
    (base / "unet").rename(tmp_path / "away")
    assert "no folder unet" in complaint(*call, adapter)
