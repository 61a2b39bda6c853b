"""What a detector says of a tile's look."""

import numpy as np
import pytest
import torch

from cytoshift.detection import Architecture, DetectorOperator, build_network


@pytest.fixture(scope="module")
def operator() -> DetectorOperator:
    torch.manual_seed(0)
    plan = Architecture(channels=32, tile=128, halo=32)
    return DetectorOperator(
        build_network(plan, 1), plan, classes=("cell",), mpp=0.5, model_id="it", version="1", device="cpu"
    )


def test_means_and_deviations_are_those_of_the_trunks_own_maps(operator: DetectorOperator) -> None:
    tiles = np.random.default_rng(0).integers(0, 255, (3, 64, 96, 3), np.uint8)
    described = operator.describe(tiles)
    assert described.shape == (3, 2 * (64 + 128))
    seen = {}
    body = operator._network.backbone.body
    hooks = [body[name].register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
             for name in ("layer1", "layer2")]  # fmt: skip
    with torch.inference_mode():
        operator._network(list(torch.from_numpy(tiles).permute(0, 3, 1, 2).float() / 255))
    for hook in hooks:
        hook.remove()
    np.testing.assert_allclose(described[:, :64], seen["layer1"].mean((2, 3)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(described[:, 64:192], seen["layer2"].mean((2, 3)), rtol=1e-4, atol=1e-6)
    deviation = np.exp(described[:, 192:256]) - 1e-3
    np.testing.assert_allclose(deviation, seen["layer1"].std((2, 3)), rtol=1e-3, atol=1e-6)


def test_a_tile_is_described_alike_in_any_company(operator: DetectorOperator) -> None:
    tiles = np.random.default_rng(1).integers(0, 255, (2, 64, 64, 3), np.uint8)
    np.testing.assert_allclose(operator.describe(tiles)[1:], operator.describe(tiles[1:]), rtol=1e-4, atol=1e-6)
