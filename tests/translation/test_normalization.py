"""Dense normalization against its oracles: instance norm, torch's own bilinear interpolation, and straight lines."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from cytoshift.translation.generator import EPSILON, GeneratorPlan, instance_norm
from cytoshift.translation.normalization import (
    Collecting,
    Dense,
    Moments,
    Window,
    core_moments,
    dense_norm,
    flat_norm,
    neighbourhoods,
    per_site,
    plain_norm,
)

WINDOW = Window(tile=64, halo=16)


def features(batch: int = 2, channels: int = 5, side: int = WINDOW.side, seed: int = 0) -> Tensor:
    """Return features with different means and deviations per channel."""
    random = torch.Generator().manual_seed(seed)
    drawn = torch.randn(batch, channels, side, side, generator=random)
    drawn = drawn * torch.linspace(0.1, 4, channels)[:, None, None] + torch.linspace(-3, 5, channels)[:, None, None]
    return drawn.contiguous(memory_format=torch.channels_last)


def constant(moments: Moments) -> Tensor:
    """Return tables in which tile and neighbours have the same moments."""
    return torch.stack(moments, 1)[:, :, None, None].expand(-1, -1, 3, 3, -1).contiguous()


def exact(core: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance in float64."""
    return core.double().mean((2, 3)), core.double().var((2, 3), correction=0)


@pytest.mark.parametrize("downsample", [1, 2, 4])
def test_moments_are_those_of_the_core(downsample: int) -> None:
    given = features(side=WINDOW.side // downsample)
    halo, side = WINDOW.halo // downsample, WINDOW.tile // downsample
    mean, variance = exact(given[:, :, halo : halo + side, halo : halo + side])
    moments = core_moments(given, WINDOW, downsample, [(64, 64)] * 2)
    torch.testing.assert_close(moments.mean.double(), mean, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(moments.rstd.double(), (variance + EPSILON).rsqrt(), atol=0, rtol=1e-4)


@pytest.mark.parametrize("extents", [[(64, 64), (64, 64)], [(64, 64), (30, 64)], [(1, 2), (1, 2)]])
def test_neither_halo_nor_what_lies_beyond_the_slide_counts(extents: list[tuple[int, int]]) -> None:
    given = features(side=WINDOW.side // 2)
    spoilt = torch.full_like(given, torch.nan)
    for one, (height, width) in enumerate(extents):
        inside = (one, slice(None), slice(8, 8 + -(-height // 2)), slice(8, 8 + -(-width // 2)))
        spoilt[inside] = given[inside]
    moments, same = (core_moments(each, WINDOW, 2, extents) for each in (spoilt, given))
    assert torch.equal(moments.mean, same.mean)
    assert torch.equal(moments.rstd, same.rstd)
    assert moments.mean.isfinite().all()


def test_numbers_far_from_zero_keep_their_deviation() -> None:
    given = features(1, 1, 128) * 1e-2 + 1000
    _, variance = exact(given)
    moments = core_moments(given, Window(128, 0), 1, [(128, 128)])
    torch.testing.assert_close(moments.rstd.double(), (variance + EPSILON).rsqrt(), atol=0, rtol=1e-2)


def test_blank_glass_has_finite_moments() -> None:
    blank = torch.full((1, 3, WINDOW.side, WINDOW.side), 0.7)
    moments = core_moments(blank, WINDOW, 1, [(64, 64)])
    assert dense_norm(blank, constant(moments), WINDOW, 1).abs().max() < 1e-3
    assert flat_norm(blank, moments).abs().max() < 1e-3


@pytest.mark.parametrize(
    "normalize",
    [
        lambda given: plain_norm(0, given),
        lambda given: flat_norm(given, core_moments(given, Window(96, 0), 1, [(96, 96)] * 2)),
        lambda given: dense_norm(
            given, constant(core_moments(given, Window(96, 0), 1, [(96, 96)] * 2)), Window(96, 0), 1
        ),
        lambda given: Collecting(Window(96, 0), [(5, 1)], [(96, 96)] * 2)(0, given),
    ],
    ids=["plain", "flat", "constant field", "collecting"],
)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_one_set_of_moments_is_instance_norm(
    normalize: Callable[[Tensor], Tensor], layout: torch.memory_format
) -> None:
    given = features().contiguous(memory_format=layout)
    before = given.clone()
    torch.testing.assert_close(normalize(given), instance_norm(0, given), atol=2e-5, rtol=1e-4)
    assert torch.equal(given, before), "features are not written into"


@settings(max_examples=25, deadline=None)
@given(
    side=st.integers(1, 12).map(lambda side: 2 * side),
    channels=st.integers(1, 7),
    batch=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_the_field_is_torchs_bilinear_interpolation(side: int, channels: int, batch: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    tables = torch.randn(batch, 2, 3, 3, channels, generator=random)
    given = torch.randn(batch, channels, side, side, generator=random)
    grid = tables.permute(0, 1, 4, 2, 3).flatten(1, 2)
    field = functional.interpolate(grid, scale_factor=side, mode="bilinear", align_corners=False)
    mean, rstd = field[:, :, side : 2 * side, side : 2 * side].chunk(2, 1)
    result = dense_norm(given, tables, Window(side, 0), 1)
    torch.testing.assert_close(result, (given - mean) * rstd, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("downsample", [1, 2, 4])
def test_a_ramp_has_no_jump_and_neighbours_agree_where_they_overlap(downsample: int) -> None:
    """The means of tiles lie on a plane: the field is that plane, through centres, halos and seams."""

    def plane(row: float, column: float) -> float:
        return 3 * row - 2 * column

    side = WINDOW.side // downsample
    fields = {}
    for row, column in product((5, 6), (8, 9)):
        means = torch.tensor([[plane(row + y, column + x) for x in (-1, 0, 1)] for y in (-1, 0, 1)])
        tables = torch.stack([means, torch.ones(3, 3)])[None, ..., None]
        fields[row, column] = -dense_norm(torch.zeros(1, 1, side, side), tables, WINDOW, downsample)[0, 0]
    tile, halo = WINDOW.tile // downsample, WINDOW.halo // downsample
    core = slice(halo, halo + tile)
    whole = torch.cat([torch.cat([fields[row, column][core, core] for column in (8, 9)], 1) for row in (5, 6)])
    places = (torch.arange(2 * tile) + 0.5) / tile - 0.5
    torch.testing.assert_close(whole, plane(5 + places[:, None], 8 + places), atol=1e-4, rtol=0)
    for axis, slope in ((0, 3 / tile), (1, 2 / tile)):
        assert whole.diff(dim=axis).abs().max() <= slope * 1.01
    left, right = fields[5, 8], fields[5, 9]
    torch.testing.assert_close(left[:, -2 * halo :], right[:, : 2 * halo], atol=1e-4, rtol=0)


def test_tiles_of_a_batch_do_not_know_of_each_other() -> None:
    given, random = features(4), torch.Generator().manual_seed(1)
    tables = torch.rand(4, 2, 3, 3, 5, generator=random)
    extents = [(64, 64), (64, 64), (20, 64), (64, 8)]
    together, moments = dense_norm(given, tables, WINDOW, 1), core_moments(given, WINDOW, 1, extents)
    for one in range(4):
        alone = slice(one, one + 1)
        torch.testing.assert_close(together[alone], dense_norm(given[alone], tables[alone], WINDOW, 1))
        torch.testing.assert_close(moments.mean[alone], core_moments(given[alone], WINDOW, 1, extents[alone]).mean)


def test_statistics_are_float32_whatever_the_convolutions_are() -> None:
    given = features()
    half = given.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        collecting = Collecting(WINDOW, [(5, 1)], [(64, 64)] * 2)
        made = collecting(0, half)
        dense = Dense(WINDOW, [(5, 1)], constant(Moments(*collecting.table.unbind(1))))(0, half)
    assert collecting.table.dtype == torch.float32
    assert made.dtype == dense.dtype == torch.bfloat16
    exactly = core_moments(half.float(), WINDOW, 1, [(64, 64)] * 2)
    torch.testing.assert_close(collecting.table, torch.stack(exactly, 1))
    torch.testing.assert_close(dense, flat_norm(half.float(), exactly).bfloat16(), atol=0.02, rtol=0.01)


def test_a_halo_reaches_at_most_to_the_neighbours_centres() -> None:
    with pytest.raises(ValueError, match="half a tile"):
        Window(tile=64, halo=36)


def test_tables_are_gathered_around_tiles_and_cut_by_site() -> None:
    sites = GeneratorPlan(width=4, blocks=1).sites
    total = sum(channels for channels, _ in sites)

    def table(row: int, column: int) -> np.ndarray:
        return np.full((2, total), 10 * row + column, np.float32)

    around = neighbourhoods([(0, 0), (1, 2)], (2, 4), table)
    assert around.shape == (2, 2, 3, 3, total)
    assert around[0, 0, :, :, 0].tolist() == [[0, 0, 1], [0, 0, 1], [10, 10, 11]]
    assert around[1, 1, :, :, -1].tolist() == [[1, 2, 3], [11, 12, 13], [11, 12, 13]]
    assert [each.shape for each in per_site(table(0, 0), sites)] == [(2, channels) for channels, _ in sites]
