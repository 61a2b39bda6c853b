"""The network's parts against what their papers say of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.models import densenet121

from cytoshift.mitosis.attention import Attention
from cytoshift.mitosis.mixstyle import EPSILON, MixStyle, mixed
from cytoshift.mitosis.networks import NARROWEST_STYLE, Architecture, build_network, mixed_after


def features(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.rand(6, 5, 1, 1, generator=generator) * 3 + 0.5
    return torch.randn(6, 5, 8, 8, generator=generator) * scale + 4 * scale


def normalized(x: Tensor) -> Tensor:
    variance, mean = torch.var_mean(x, dim=(2, 3), keepdim=True)
    return (x - mean) / (variance + EPSILON).sqrt()


def test_mixing_changes_style_as_the_formula_says_and_not_content() -> None:
    x = features()
    other, share = torch.tensor([1, 2, 3, 4, 5, 0]), torch.linspace(0, 1, 6)[:, None, None, None]
    y = mixed(x, other, share)
    torch.testing.assert_close(normalized(y), normalized(x), atol=1e-4, rtol=1e-4)
    means, deviations = x.mean(dim=(2, 3)), x.std(dim=(2, 3))
    expected = share[:, :, 0, 0] * means + (1 - share[:, :, 0, 0]) * means[other]
    torch.testing.assert_close(y.mean(dim=(2, 3)), expected, atol=1e-4, rtol=1e-4)
    expected = share[:, :, 0, 0] * deviations + (1 - share[:, :, 0, 0]) * deviations[other]
    torch.testing.assert_close(y.std(dim=(2, 3)), expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(y[0], x[0])  # λ = 0: wholly another's style
    torch.testing.assert_close(y[5], x[5], atol=1e-4, rtol=1e-4)  # λ = 1: its own


@pytest.mark.parametrize("side", [64, 96, 128, 224])
def test_styles_are_mixed_after_two_stages_whose_features_are_wide_enough_to_have_one(side: int) -> None:
    network = build_network(Architecture(view=side, side=side), mixstyle=0.1)
    widths = []
    for layer in network.mix.values():
        layer.register_forward_hook(lambda _, given, made: widths.append(given[0].shape[-1]))
    network(torch.rand(2, 3, side, side))
    assert len(widths) == 2
    assert min(widths) >= NARROWEST_STYLE
    assert set(mixed_after(side)) == set(network.mix)


def test_mixing_does_nothing_in_evaluation_and_nothing_to_one_image() -> None:
    layer, x = MixStyle(0.1, chance=1.0), features()
    torch.manual_seed(0)
    assert not torch.equal(layer.train()(x), x)
    assert layer(x[:1]) is not None
    assert torch.equal(layer(x[:1]), x[:1])
    assert torch.equal(layer.eval()(x), x)


def test_no_gradient_flows_through_the_statistics() -> None:
    x = features().requires_grad_(True)
    other, share = torch.arange(6), torch.ones(6, 1, 1, 1)
    mixed(x, other, share).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.ones_like(x))  # with fixed statistics the map is the identity


def test_the_chance_is_that_of_whole_batches() -> None:
    layer, x = MixStyle(0.1, chance=0.5).train(), features()
    torch.manual_seed(0)
    changed = sum(not torch.equal(layer(x), x) for _ in range(200))
    assert 70 < changed < 130


def test_attention_has_the_shapes_and_ranges_of_its_paper() -> None:
    torch.manual_seed(0)
    module, x = Attention(64).eval(), torch.relu(torch.randn(3, 64, 4, 5))
    channels, places = module.channel_gate(x), module.place_gate(x)
    assert (channels.shape, places.shape) == ((3, 64, 1, 1), (3, 1, 4, 5))
    for gate in (channels, places):
        assert ((gate > 0) & (gate < 1)).all()
    y = module(x)
    assert y.shape == x.shape
    assert (y <= x).all()  # gates only take away
    torch.testing.assert_close(y, x * channels * module.place_gate(x * channels))
    assert sum(p.numel() for p in Attention(1024).parameters()) == pytest.approx(131_000, rel=0.02)


def test_the_plain_network_is_densenet_121() -> None:
    torch.manual_seed(0)
    network = build_network(Architecture(view=64, side=64, attention=False)).eval()
    reference = densenet121(weights=None, num_classes=1).eval()
    reference.features.load_state_dict(network.trunk.state_dict())
    reference.classifier.load_state_dict(network.head.state_dict())
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = reference((x - network.mean) / network.deviation)[:, 0]
        torch.testing.assert_close(network(x).logits, expected, atol=1e-5, rtol=1e-4)


def test_a_second_head_tells_phases_and_mixing_stands_at_an_early_and_a_mid_stage() -> None:
    network = build_network(Architecture(view=64, side=64, phases=("prometaphase", "metaphase")), mixstyle=0.1)
    output = network.eval()(torch.rand(3, 3, 64, 64))
    assert (output.logits.shape, output.phases.shape, output.descriptors.shape) == ((3,), (3, 2), (3, 1024))
    assert list(network.mix) == ["pool0", "transition1"]
    assert not list(network.mix.parameters())
    assert build_network(Architecture())(torch.rand(2, 3, 32, 32)).phases.shape == (2, 0)
