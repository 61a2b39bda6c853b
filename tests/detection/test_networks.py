"""The network: what it ignores, what it freezes, what it refuses."""

import pytest
import torch

from cytoshift.detection import Architecture, DetectorOperator, build_network
from cytoshift.errors import ModelError

SMALL = Architecture(channels=32, tile=128, halo=32)


def losses(ignored: list[list[float]]) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    network = build_network(SMALL, 2).train()
    target = {
        "boxes": torch.tensor([[40.0, 40.0, 68.0, 68.0]]),
        "labels": torch.tensor([1]),
        "ignored": torch.tensor(ignored).reshape(-1, 4),
    }
    result: dict[str, torch.Tensor] = network(
        [torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(1))], [target]
    )
    return result


def test_ignored_places_leave_the_classification_loss_but_not_the_cell() -> None:
    plain, partly, wholly = losses([]), losses([[0, 0, 128, 30]]), losses([[-1, -1, 129, 129]])
    assert plain["classification"] > partly["classification"] > wholly["classification"] > 0
    assert torch.equal(plain["bbox_regression"], wholly["bbox_regression"])


def test_frozen_batch_norms_stay_as_they_are() -> None:
    network = build_network(SMALL, 2)
    network.frozen_norm = True
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network.train()(
        [torch.rand(3, 64, 64)],
        [{"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64), "ignored": torch.zeros(0, 4)}],
    )
    assert all(torch.equal(before[name], buffer) for name, buffer in network.named_buffers())


def test_a_card_that_does_not_fit_its_weights_is_refused() -> None:
    state = build_network(SMALL, 2).state_dict()
    given = {"state": state, "classes": ("a", "b"), "mpp": 0.5, "model_id": "m", "version": "v"}
    assert DetectorOperator.from_model(architecture=SMALL.model_dump(), **given).needs.mpp == 0.5
    with pytest.raises(ModelError, match="do not fit its card"):
        DetectorOperator.from_model(architecture=SMALL.model_dump() | {"channels": 64}, **given)
    with pytest.raises(ModelError, match="do not fit its card"):
        DetectorOperator.from_model(architecture={"nonsense": 1}, **given)
    with pytest.raises(ModelError, match="has no mpp"):
        DetectorOperator.from_model(architecture=SMALL.model_dump(), **(given | {"mpp": None}))


def test_levels_without_anchors_lend_what_they_see() -> None:
    plan = Architecture(channels=32, levels=(2, 3, 4), anchors=((16.0, 25.0),))
    network = build_network(plan, 2)
    features = network.backbone(torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)))
    assert [tuple(each.shape) for each in features.values()] == [(2, 32, 16, 16)]
    assert network.head.classification_head.num_anchors == 2
    deep = network.backbone.body["layer4"][0].conv1.weight
    features["0"].square().sum().backward()
    assert deep.grad is not None
    assert deep.grad.abs().max() > 0


@pytest.mark.parametrize("anchors", [(), ((8.0,), (16.0,), (32.0,)), ((8.0, 12.0), (16.0,))])
def test_anchors_that_fit_no_levels_are_refused(anchors: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match="as many sides for each level"):
        Architecture(anchors=anchors)
