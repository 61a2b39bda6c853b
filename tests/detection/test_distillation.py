"""The losses of distillation against what their equations say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cytoshift.detection.distillation import (
    compact_alignment,
    compact_weight,
    decoupled_distillation,
    logit_distillation,
    loose_alignment,
    loose_weight,
    similarity_preservation,
)
from cytoshift.detection.distillation.align import RADII, identity_projection, standardized
from cytoshift.detection.distillation.taps import Taps, looked, tapped
from cytoshift.detection.networks import Architecture, build_network


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def filtered(difference: Tensor, radius: float) -> Tensor:
    """Filter maps with one Gaussian in the frequency domain, all of it, and back."""
    y, x = (torch.fft.fftfreq(n) / 0.5 for n in difference.shape[-2:])
    gain = torch.exp(-(y[:, None] ** 2 + x[None] ** 2) / (2 * radius**2))
    return torch.fft.ifft2(torch.fft.fft2(difference) * gain).real


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 17), st.integers(1, 17), st.integers(0, 99))
def test_loose_alignment_is_the_error_of_low_passed_maps(height: int, width: int, seed: int) -> None:
    ours, theirs = (drawn(2, 3, height, width, seed=seed + k) for k in (0, 100))
    difference = standardized(ours) - standardized(theirs)
    expected = np.mean([float(filtered(difference, radius).square().mean()) for radius in RADII])
    assert float(loose_alignment([ours], [theirs])) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_loose_alignment_does_not_see_a_stain_that_scales_and_shifts_channels() -> None:
    ours, theirs = drawn(2, 4, 16, 16), drawn(2, 4, 16, 16, seed=1)
    gain, shift = torch.rand(1, 4, 1, 1) + 0.5, drawn(1, 4, 1, 1, seed=2)
    plain = float(loose_alignment([ours], [theirs]))
    assert float(loose_alignment([gain * ours + shift], [theirs])) == pytest.approx(plain, rel=1e-3)
    assert float(loose_alignment([gain * ours + shift], [ours])) < 1e-6 < plain


def test_loose_alignment_does_not_see_fine_grain() -> None:
    wave = torch.sin(torch.arange(32) * (2 * math.pi / 32))
    coarse = (wave[:, None] + wave[None]).expand(1, 2, 32, 32)
    board = 1.0 - 2 * ((torch.arange(32)[:, None] + torch.arange(32)[None]) % 2)
    shifted = coarse.roll(8, dims=3)
    assert float(loose_alignment([coarse + 0.3 * board], [coarse])) < 0.01 < float(loose_alignment([shifted], [coarse]))


def test_compact_alignment_is_nothing_for_equal_features_and_two_for_opposite_ones() -> None:
    levels = [drawn(2, 8, 4, 4), drawn(2, 8, 2, 2, seed=1)]
    weights = [torch.ones(2, 4, 4), torch.ones(2, 2, 2)]
    same = identity_projection(8)
    with torch.no_grad():
        assert float(compact_alignment(levels, levels, weights, same)) == pytest.approx(0, abs=1e-6)
        assert float(compact_alignment([-x for x in levels], levels, weights, same)) == pytest.approx(2, abs=1e-5)


def test_compact_alignment_counts_places_by_their_weight() -> None:
    ours, theirs = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).repeat(1, 1, 1, 2), torch.zeros(1, 2, 1, 2)
    theirs[0, 0, 0, 0] = theirs[0, 1, 0, 1] = 1  # the first place agrees, the second is at a right angle
    weights = [torch.tensor([[[3.0, 1.0]]])]
    with torch.no_grad():
        assert float(compact_alignment([ours], [theirs], weights, identity_projection(2))) == pytest.approx(1 / 4)


def test_compact_alignment_cannot_be_had_by_collapsing() -> None:
    """A projection to nothing, or to one direction for all, is worse than none: the teacher's side is not projected."""
    ours = drawn(2, 8, 6, 6)
    weights = [torch.ones(2, 6, 6)]
    fitting, nothing, one = (identity_projection(8) for _ in range(3))
    with torch.no_grad():
        nothing.weight.zero_()
        one.weight.zero_()[0].fill_(1.0)
    losses = [float(compact_alignment([ours], [ours], weights, p).detach()) for p in (fitting, nothing, one)]
    assert losses[0] < 0.01
    assert min(losses[1:]) > 0.5
    teacher = ours.clone().requires_grad_()
    compact_alignment([ours], [teacher], weights, fitting).backward()
    assert teacher.grad is None
    assert fitting.weight.grad is not None


def test_kd_is_bernoullis_divergence_by_hand() -> None:
    student, teacher = torch.tensor([[[1.0], [5.0], [-5.0]]]), torch.tensor([[[-1.0], [-6.0], [-6.0]]])
    matches = torch.tensor([[0, -1, -1]])  # one anchor is matched, and it is also the one the teacher is surest of
    p, q = 1 / (1 + math.exp(0.5)), 1 / (1 + math.exp(-0.5))
    expected = 4 * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)))
    assert float(logit_distillation(student, teacher, matches)) == pytest.approx(expected, rel=1e-5)
    assert float(logit_distillation(teacher, teacher, matches)) == pytest.approx(0, abs=1e-6)


def test_kd_looks_where_the_teacher_is_sure_though_nothing_is_matched() -> None:
    teacher = torch.full((1, 200, 2), -6.0)
    teacher[0, 7, 1] = 3.0
    student, matches = teacher.clone(), torch.full((1, 200), -1)
    student[0, 7, 1] = -3.0
    assert float(logit_distillation(student, teacher, matches)) > 1
    student = teacher.clone()
    student[0, 150:, 0] = -2.0  # neither matched nor among the hundredth that the teacher is surest of
    assert float(logit_distillation(student, teacher, matches)) < 0.1


def test_dkd_by_hand() -> None:
    student, teacher = torch.tensor([[[2.0, 1.0, 0.0]]]), torch.tensor([[[0.0, 2.0, 1.0]]])
    s, t = (np.exp(x.numpy()[0, 0]) / np.exp(x.numpy()[0, 0]).sum() for x in (student, teacher))
    target = sum(b * math.log(b / a) for a, b in ((s[0], t[0]), (1 - s[0], 1 - t[0])))
    others = sum(b * math.log(b / a) for a, b in zip(s[1:] / s[1:].sum(), t[1:] / t[1:].sum(), strict=True))
    value = decoupled_distillation(student, teacher, torch.tensor([[0]]), torch.tensor([[0]]))
    assert float(value) == pytest.approx(1.0 * target + 0.25 * others, rel=1e-5)


def test_dkd_of_nothing_matched_is_nothing_and_can_be_derived() -> None:
    student = torch.zeros(1, 4, 3, requires_grad=True)
    value = decoupled_distillation(student, torch.ones(1, 4, 3), torch.full((1, 4), -1), torch.zeros(1, 4).long())
    value.backward()
    assert float(value.detach()) == 0
    assert student.grad is not None


def test_sp_by_hand() -> None:
    """Two images: alike to the teacher, at right angles to the student."""
    student, teacher = torch.eye(2).view(2, 2, 1, 1), torch.tensor([[1.0, 0.0], [1.0, 0.0]]).view(2, 2, 1, 1)
    half = 1 / math.sqrt(2)
    expected = (2 * (1 - half) ** 2 + 2 * half**2) / 4
    assert float(similarity_preservation([student], [teacher])) == pytest.approx(expected, rel=1e-6)
    assert float(similarity_preservation([3 * student], [student])) == pytest.approx(0, abs=1e-7)


def test_the_schedule_goes_from_coarse_to_fine() -> None:
    times = np.linspace(0, 1, 101)
    loose, compact = np.array([loose_weight(t) for t in times]), np.array([compact_weight(t) for t in times])
    assert (loose[:31] == 1).all()
    assert (np.diff(loose) <= 0).all()
    assert loose[-1] == pytest.approx(0.1, abs=1e-3)
    assert compact[0] == 0
    assert (np.diff(compact) > 0).all()
    assert compact[-1] == pytest.approx(1, abs=1e-3)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build_network(Architecture(channels=32), 3).eval()


def test_taps_are_what_the_network_itself_computes(network) -> None:
    images = torch.rand(2, 3, 64, 96)
    taps = looked(network, images)
    assert [tuple(x.shape[1:]) for x in taps.shallow] == [(64, 16, 24), (128, 8, 12)]
    assert [tuple(x.shape[1:]) for x in taps.deep] == [(32, 8, 12), (32, 4, 6)]
    again = network.head(list(network.backbone(network.transform.normalize(images)).values()))
    torch.testing.assert_close(taps.logits, again["cls_logits"])
    torch.testing.assert_close(taps.pyramid[0], network.backbone(network.transform.normalize(images))["0"])
    assert not any(module._forward_hooks for module in network.modules())


def test_anchors_of_a_place_stand_where_its_features_do(network) -> None:
    """A cell's matched anchors, laid out as maps, are where the cell is."""
    box = torch.tensor([[60.0, 20.0, 88.0, 48.0]])
    target = {"boxes": box, "labels": torch.tensor([1]), "ignored": torch.zeros(0, 4)}
    network.train()
    with tapped(network) as taps:
        network([torch.rand(3, 64, 96)], [target])
    network.eval()
    matches = torch.stack([network.match(target, anchors) for anchors in taps.anchors])
    fine, _ = taps.by_level((matches >= 0).float())
    y, x = (float(v.float().mean()) * 8 + 4 for v in torch.nonzero(fine[0], as_tuple=True))
    assert abs(x - 74) <= 8
    assert abs(y - 34) <= 8


def test_values_are_laid_out_by_level_with_the_largest_of_each_place() -> None:
    taps = Taps(deep=[torch.zeros(1, 2, 2, 3), torch.zeros(1, 2, 1, 1)])
    values = torch.arange(14.0)[None]  # two anchors a place: twelve on the first level, two on the second
    first, second = taps.by_level(values)
    assert first.tolist() == [[[1, 3, 5], [7, 9, 11]]]
    assert second.tolist() == [[[13]]]


def test_softmax_of_the_rest_is_log_softmax_without_the_truth() -> None:
    logits = drawn(5, 4)
    value = decoupled_distillation(logits[None], logits[None], torch.zeros(1, 5).long(), torch.arange(5)[None] % 4)
    assert float(value) == pytest.approx(0, abs=1e-6)
    shifted = logits + 3.0  # softmax does not see it
    value = decoupled_distillation(shifted[None], logits[None], torch.zeros(1, 5).long(), torch.arange(5)[None] % 4)
    assert float(value) == pytest.approx(0, abs=1e-5)
