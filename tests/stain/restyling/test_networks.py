"""Shapes, the halo, and what a shift does to the generator."""

from __future__ import annotations

import pytest
import torch

from cytoshift.stain.restyling.networks import ALIGNMENT, HALO, Discriminator, Generator, initialize

WIDTHS = (4, 4, 6, 6, 8, 8)


def generator(inputs: int = 2) -> Generator:
    torch.manual_seed(0)
    made = Generator(inputs, WIDTHS)
    for module in made.modules():  # large weights, so that far pixels count
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, 0, 0.3)
    return made.eval()


def test_six_stages_down_to_a_sixty_fourth_and_back() -> None:
    network = generator()
    coarse = torch.zeros(1, 2, 256, 320)
    for stage in network.down:
        coarse = stage(coarse)
    assert coarse.shape == (1, WIDTHS[-1], 4, 5)
    styled = network(torch.zeros(1, 2, 256, 320))
    assert styled.shape == (1, 3, 256, 320)
    assert styled.abs().max() <= 1
    with pytest.raises(ValueError, match="6 stages"):
        Generator(2, WIDTHS[:5])


def test_a_tile_depends_on_no_pixel_beyond_the_halo() -> None:
    network, reach = generator(), []
    left = torch.randn(1, 2, 64 * 9, 64 * 9, requires_grad=True)
    network(left)[:, :, 256:320, 256:320].sum().backward()
    assert left.grad is not None
    touched = left.grad.abs().sum((0, 1)).nonzero()
    reach = [256 - int(touched.min()), int(touched.max()) - 319]
    assert max(reach) <= HALO
    assert max(reach) > HALO - ALIGNMENT  # a halo one step smaller would not do


def test_shifts_by_the_alignment_shift_the_output_and_others_do_not() -> None:
    network = generator()
    image = torch.randn(1, 2, 512, 768)
    with torch.inference_mode():
        whole = network(image)[:, :, HALO:-HALO, HALO + 64 : -HALO]
        aligned = network(image[:, :, :, 64:])[:, :, HALO:-HALO, HALO:-HALO]
        shifted = network(image[:, :, :, 32:-32])[:, :, HALO:-HALO, HALO + 32 : -HALO + 32]
    torch.testing.assert_close(aligned, whole, atol=1e-4, rtol=0)
    assert (shifted - whole).abs().max() > 0.01


def test_a_discriminator_decides_once_for_a_patch() -> None:
    network = Discriminator(128, (4, 8, 8, 16, 16))
    initialize(network)
    assert network.decide.in_features == 16 * 4 * 4
    strided = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert [module.stride for module in strided] == [(2, 2)] * 5
    assert network(torch.zeros(3, 3, 128, 128)).shape == (3,)
