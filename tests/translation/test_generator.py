"""The generator: where it normalizes, how far it looks, what step and style do, and its blurs."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from cytoshift.translation import Generator, GeneratorPlan
from cytoshift.translation.blur import BlurDown, BlurUp
from cytoshift.translation.discriminator import Critic
from cytoshift.translation.generator import ALIGNMENT, instance_norm

ARCHS = ("plain", "release", "timecond")


def _untouched(site: int, features: Tensor) -> Tensor:
    return features


def _network(arch: str, *, blocks: int = 2, positive: bool = False) -> Generator:
    torch.manual_seed(1)
    network = Generator(GeneratorPlan(arch=arch, width=4, blocks=blocks)).double()
    for name, parameter in network.named_parameters():
        if positive:  # nothing is cut off and nothing cancels: whatever is seen, shows
            nn.init.constant_(
                parameter, 0.0 if name.endswith("bias") and "affine" not in name else 1 / parameter[0].numel()
            )
        elif parameter.ndim == 4:
            nn.init.normal_(parameter, std=0.2)
    return network


def _style(network: Generator, batch: int = 1) -> Tensor | None:
    draw = torch.randn(batch, network.plan.style, dtype=torch.float64)
    return draw.abs() if network.plan.style else None


@pytest.mark.parametrize("arch", ARCHS)
def test_sites_are_those_that_are_normalized_in_their_order(arch):
    network, seen = _network(arch), []

    def note(site: int, features: Tensor) -> Tensor:
        seen.append((site, features.shape[1], features.shape[2]))
        return instance_norm(site, features)

    network(torch.rand(1, 3, 32, 32, dtype=torch.float64), 0, _style(network), note)
    expected = [(site, channels, 32 // by) for site, (channels, by) in enumerate(network.plan.sites)]
    assert seen == expected


def test_the_published_size_has_5248_normalized_channels():
    for arch in ARCHS:
        assert sum(channels for channels, _ in GeneratorPlan(arch=arch).sites) == 5248
    assert [GeneratorPlan(arch=arch).halo for arch in ARCHS] == [96, 60, 96]


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("blocks", [1, 3])
def test_reach_is_exact(arch, blocks):
    network = _network(arch, blocks=blocks, positive=True)
    network.head.weight.data *= 1e-3  # away from where the tanh is flat
    reach, side = network.plan.reach, 160
    style, image = _style(network), torch.full((1, 3, side, side), 0.1, dtype=torch.float64)
    farthest = 0
    with torch.no_grad():
        before = network(image, 0, style, _untouched)
        for place in range(side // 2, side // 2 + ALIGNMENT):
            changed = image.clone()
            changed[..., place, place] += 0.5
            rows, columns = (network(changed, 0, style, _untouched) != before).any(dim=1)[0].nonzero().T
            for found in (rows, columns):
                farthest = max(farthest, int((found - place).abs().max()))
    assert farthest == reach
    assert 0 <= network.plan.halo - reach < ALIGNMENT


@pytest.mark.parametrize("arch", ARCHS)
def test_shifting_by_the_alignment_shifts_the_output(arch):
    network = _network(arch)
    halo, style = network.plan.halo, _style(network)
    image = torch.rand(1, 3, 2 * halo + 16, 2 * halo + 24, dtype=torch.float64) * 2 - 1
    inside = slice(halo, -halo)
    with torch.no_grad():
        whole = network(image, 0, style, _untouched)[..., inside, inside]
        part = network(image[..., ALIGNMENT:, ALIGNMENT:], 0, style, _untouched)[..., inside, inside]
        between = network(image[..., 2:-2, 2:-2], 0, style, _untouched)[..., inside, inside]
    torch.testing.assert_close(part, whole[..., ALIGNMENT:, ALIGNMENT:], atol=1e-12, rtol=0)
    assert (between - whole[..., 2:-2, 2:-2]).abs().max() > 1e-3


@pytest.mark.parametrize(("arch", "reaches"), [("release", False), ("timecond", True)])
def test_the_step_reaches_the_output_where_it_is_meant_to(arch, reaches):
    torch.manual_seed(1)
    network = Generator(GeneratorPlan(arch=arch, width=8, blocks=9))
    image, style = torch.rand(1, 3, 32, 32), torch.randn(1, network.plan.style)
    with torch.no_grad():
        steps = [network(image, step, style) for step in range(5)]
    differences = [float((step - steps[0]).abs().max()) for step in steps[1:]]
    assert min(differences) > 1e-4 if reaches else max(differences) == 0.0


@pytest.mark.parametrize("arch", ARCHS)
def test_every_parameter_is_taught(arch):
    torch.manual_seed(1)
    network = Generator(GeneratorPlan(arch=arch, width=4, blocks=2))
    style = torch.randn(2, network.plan.style) if network.plan.style else None
    made = network(torch.rand(2, 3, 32, 32), 2, style)
    (made * torch.rand_like(made)).sum().backward()
    idle = {
        name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
    }
    # Normalization takes off again what one number adds to a whole channel.
    assert not {name for name in idle if not name.endswith("bias")}
    assert "head.bias" not in idle


def test_a_style_that_is_needed_is_asked_for():
    network = _network("timecond")
    with pytest.raises(ValueError, match="draw one"):
        network(torch.rand(1, 3, 32, 32, dtype=torch.float64))


@pytest.mark.parametrize("arch", ARCHS)
def test_taps_are_what_the_way_through_passes(arch):
    network = _network(arch, blocks=3)
    image, style = torch.rand(1, 3, 32, 48, dtype=torch.float64), _style(network)
    shapes = [tuple(features.shape[1:]) for features in network.encode(image, (0, 1, 2, 3, 5), 0, style)]
    assert shapes == [(3, 32, 48), (8, 32, 48), (16, 16, 24), (16, 8, 12), (16, 8, 12)]
    assert torch.equal(network.encode(image, (0,), 0, style)[0], image)
    last, again = network.encode(image, (5,), 0, style)[0], network.encode(image, (5, 3), 0, style)[0]
    assert torch.equal(last, again)


@pytest.mark.parametrize(("blur", "size"), [(BlurDown(2), (4, 6)), (BlurUp(), (16, 24))])
def test_blurs_keep_what_is_constant(blur, size):
    made = blur(torch.tensor([0.25, -3.0])[None, :, None, None].expand(1, 2, 8, 12))
    assert made.shape == (1, 2, *size)
    torch.testing.assert_close(made, torch.tensor([0.25, -3.0])[None, :, None, None].expand_as(made))


def test_blurs_are_binomial():
    point = torch.zeros(1, 1, 9, 9)
    point[0, 0, 4, 4] = 16.0
    down = torch.tensor([[0.0, 0, 0], [0, 4, 0], [0, 0, 0]])
    torch.testing.assert_close(BlurDown(1)(point)[0, 0, 1:4, 1:4], down)
    line = torch.tensor([1.0, 3, 3, 1])
    torch.testing.assert_close(BlurUp()(point)[0, 0, 7:11, 7:11], torch.outer(line, line))


def test_blurring_up_keeps_a_slope_where_it_is():
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    made = BlurUp()(ramp)[0, 0, 4, 2:-2]
    torch.testing.assert_close(made, (torch.arange(16.0)[2:-2] + 0.5) / 2 - 0.5)


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("count", [1, 2])
def test_gradients_are_those_of_the_double_in_the_order_that_processors_like(arch: str, count: int) -> None:
    exact = _network(arch)
    given = torch.rand(count, 3, 32, 32, dtype=torch.float64) * 2 - 1
    style = None if arch == "plain" else torch.randn(1, exact.plan.style, dtype=torch.float64)
    quick = copy.deepcopy(exact).float().to(memory_format=torch.channels_last)
    shown = given.float().contiguous(memory_format=torch.channels_last)
    exact(given, 0, style).square().mean().backward()
    quick(shown, 0, None if style is None else style.float()).square().mean().backward()
    for (name, one), other in zip(exact.named_parameters(), quick.parameters(), strict=True):
        if one.ndim == 4:  # before a normalization a bias changes nothing, and its gradient is rounding alone
            assert one.grad is not None
            assert other.grad is not None
            torch.testing.assert_close(other.grad.double(), one.grad, atol=1e-6, rtol=1e-3, msg=name)


@pytest.mark.parametrize("count", [1, 2])
def test_a_critic_hands_back_the_gradient_of_the_double(count: int) -> None:
    torch.manual_seed(1)
    exact = Critic(8, timed=True).double()
    quick = copy.deepcopy(exact).float().to(memory_format=torch.channels_last)
    given = (torch.rand(count, 3, 32, 32, dtype=torch.float64) * 2 - 1).requires_grad_()
    shown = given.detach().float().contiguous(memory_format=torch.channels_last).requires_grad_()
    exact(given, 2).square().mean().backward()
    quick(shown, 2).square().mean().backward()
    assert given.grad is not None
    assert shown.grad is not None
    torch.testing.assert_close(shown.grad.double(), given.grad, atol=1e-7, rtol=1e-3)
