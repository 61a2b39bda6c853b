"""A field, a registry of its own and a detector that has learnt nothing, for commands to work on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cytoshift.cli import main


@pytest.fixture(autouse=True)
def registry(tmp_path, monkeypatch) -> Path:
    """Keep the commands away from the person's own models; return the registry's folder."""
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def field(tmp_path) -> Path:
    """Return a stained-looking field of 300 x 260 pixels that says nothing of its µm/px."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(225, 245, (260, 300, 3), np.uint8)
    for x, y in rng.integers(20, 240, (40, 2)).tolist():
        yy, xx = np.mgrid[:260, :300]
        disc = (xx - x) ** 2 + (yy - y) ** 2 < 144
        pixels[disc] = rng.integers((90, 50, 110), (200, 120, 170), (int(disc.sum()), 3))
    path = tmp_path / "field.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def cytoshift(capfd) -> Callable[..., str]:
    """Return a caller of commands that must succeed; it gives back what they print."""

    def call(*arguments: object) -> str:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        said = capfd.readouterr()
        assert end.value.code == 0, said.err
        return said.out

    return call


@pytest.fixture
def complaint(capfd) -> Callable[..., str]:
    """Return a caller of commands that must fail with one line; it gives that line back."""

    def call(*arguments: object) -> str:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        said = capfd.readouterr()
        assert end.value.code == 2
        assert said.err.count("\n") == 1
        assert said.err.endswith((".\n", "?\n"))
        assert said.out == ""
        return said.err

    return call


@pytest.fixture(scope="session")
def detector(tmp_path_factory) -> Path:
    """Return the folder of a small detector with random weights."""
    import torch

    from cytoshift.detection import Architecture, build_network
    from cytoshift.models import Card, save_model

    torch.manual_seed(0)
    architecture = Architecture(channels=32, tile=128, halo=32)
    state = build_network(architecture, 2).state_dict()
    card = Card(
        id="untaught",
        title="Untaught",
        task="detector",
        classes=("NILM", "HSIL"),
        mpp=0.5,
        architecture=architecture.model_dump(mode="json"),
        threshold=0.005,
    )
    return save_model(tmp_path_factory.mktemp("models") / "untaught", card, state).folder


@pytest.fixture(scope="session")
def stainer(tmp_path_factory) -> Path:
    """Return the folder of a model of another task."""
    import torch

    from cytoshift.models import Card, save_model

    card = Card(id="restain", title="Restain", task="stain")
    return save_model(tmp_path_factory.mktemp("models") / "restain", card, {"weight": torch.zeros(1)}).folder


@pytest.fixture(scope="session")
def restyler(tmp_path_factory) -> Path:
    """Return the folder of a small stain model with random weights."""
    import torch

    from cytoshift.models import Card, save_model
    from cytoshift.stain.restyling.networks import Generator
    from cytoshift.stain.restyling.recipe import RestylerArchitecture

    torch.manual_seed(0)
    architecture = RestylerArchitecture(widths=(4, 4, 4, 4, 4, 4), tile=256)
    state = Generator(architecture.removal.channels, architecture.widths).state_dict()
    card = Card(
        id="restyled", title="Restyled", task="stain", mpp=0.25, architecture=architecture.model_dump(mode="json")
    )
    return save_model(tmp_path_factory.mktemp("models") / "restyled", card, state).folder


@pytest.fixture(scope="session")
def translator(tmp_path_factory) -> Path:
    """Return the folder of a small translation model with random weights and three steps."""
    import torch

    from cytoshift.models import Card, save_model
    from cytoshift.translation import Generator, GeneratorPlan, TranslatorArchitecture

    torch.manual_seed(0)
    architecture = TranslatorArchitecture(generator=GeneratorPlan(width=4, blocks=1), steps=3, tile=128)
    card = Card(
        id="translated",
        title="Translated",
        task="translation",
        mpp=0.25,
        architecture=architecture.model_dump(mode="json"),
    )
    state = Generator(architecture.generator).state_dict()
    return save_model(tmp_path_factory.mktemp("models") / "translated", card, state).folder
