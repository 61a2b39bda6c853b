"""The networks whose features FID and KID compare."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cytoshift.engine import Needs
from cytoshift.errors import DataError, ModelError
from cytoshift.translation.features import TileDescriber, inception_features, trunk_features


class Means:
    """Describes tiles by the means and log deviations of their channels."""

    title = "means"
    needs = Needs(mpp=0.5)

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def describe(self, tiles: np.ndarray) -> np.ndarray:
        self.shapes.append(tiles.shape)
        return np.concatenate([tiles.mean(axis=(1, 2)), np.log(tiles.std(axis=(1, 2)) + 1)], axis=1)


@pytest.fixture
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 128, 96, 3), np.uint8)


def test_a_trunk_gives_its_pooled_means_at_its_own_resolution(crops: np.ndarray) -> None:
    model = Means()
    assert isinstance(model, TileDescriber)
    network = trunk_features(model)
    found = network.of(crops, 0.25)
    assert model.shapes == [(16, 64, 48, 3), (4, 64, 48, 3)]
    assert found.shape == (20, 3)
    np.testing.assert_allclose(found, crops.mean(axis=(1, 2)), atol=1)
    np.testing.assert_allclose(network.of(crops, 0.5), crops.mean(axis=(1, 2)))
    assert (network.name, network.mpp) == ("trunk of means", 0.5)
    with pytest.raises(DataError, match="too small for the trunk of means"):
        network.of(crops, 0.1)


def test_inception_takes_the_weights_of_a_file_and_nothing_else(tmp_path: Path, crops: np.ndarray) -> None:
    inception = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    parts = vars(inception)

    class Untaught(parts["FeatureExtractorInceptionV3"]):  # type: ignore[misc]
        """The same network without its weights."""

        def load_state_dict(self, state: dict, *_: object, **__: object) -> None: ...

    torch.manual_seed(0)
    torch.save({}, tmp_path / "empty.pth")
    state = Untaught("untaught", ["2048"], feature_extractor_weights_path=str(tmp_path / "empty.pth")).state_dict()
    torch.save(state, tmp_path / "weights.pth")
    network = inception_features(tmp_path / "weights.pth", device="cpu")
    found = network.of(crops[:2], 0.25)
    assert found.shape == (2, 2048)
    assert np.isfinite(found).all()
    assert np.array_equal(network.of(crops[:2], 0.5), found)  # takes crops as they are
    with pytest.raises(ModelError, match="does not hold"):
        inception_features(tmp_path / "empty.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ModelError, match="does not hold"):
        inception_features(tmp_path / "text.pth")


def test_weights_that_would_run_code_are_not_opened(tmp_path: Path) -> None:
    pytest.importorskip("torch_fidelity")

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"weight": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(ModelError, match="does not hold"):
        inception_features(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


def test_what_is_missing_is_said_with_the_option_that_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch_fidelity")
    with pytest.raises(ModelError, match=r"no Inception weights at .*--features starter"):
        inception_features(tmp_path / "gone.pth")
    monkeypatch.setattr("cytoshift.translation.features.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"install napari-cytoshift\[metrics\], or give --features starter"):
        inception_features(tmp_path / "gone.pth")
