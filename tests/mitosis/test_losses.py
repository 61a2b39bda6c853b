"""The losses of Mix, Align, Distil against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from cytoshift.mitosis.losses import alignment, annealed, distillation, warmed


def test_alignment_of_one_domain_is_zero_and_still_has_a_gradient() -> None:
    descriptors = torch.randn(4, 3, requires_grad=True)
    loss = alignment(descriptors, torch.zeros(4, dtype=torch.int64))
    assert float(loss.detach()) == 0
    loss.backward()
    assert torch.equal(descriptors.grad, torch.zeros(4, 3))


def test_alignment_of_two_domains_is_what_the_formula_says() -> None:
    descriptors = torch.tensor([[1.0, 0.0], [3.0, 0.0], [6.0, 4.0], [8.0, 4.0]])
    domains = torch.tensor([7, 7, 2, 2])
    # means (2, 0) and (7, 4): population variances 6.25 and 4
    assert float(alignment(descriptors, domains)) == pytest.approx((math.log(7.25) + math.log(5)) / 2)


def test_a_domain_with_one_image_does_not_count() -> None:
    descriptors = torch.tensor([[1.0], [3.0], [6.0], [8.0], [100.0]])
    domains = torch.tensor([0, 0, 1, 1, 2])
    assert float(alignment(descriptors, domains)) == pytest.approx(math.log(7.25))
    assert float(alignment(descriptors, torch.tensor([0, 0, 1, 2, 3]))) == 0


def test_alignment_reaches_every_image_of_the_domains() -> None:
    descriptors = torch.randn(6, 4, requires_grad=True)
    alignment(descriptors, torch.tensor([0, 0, 1, 1, 2, 2])).backward()
    assert (descriptors.grad.abs().sum(dim=1) > 0).all()


def test_distillation_is_the_divergence_of_two_softened_bernoullis() -> None:
    student, teacher = torch.tensor([0.4, -2.0, 1.0]), torch.tensor([1.2, 0.3, 1.0])
    pairs = [torch.stack([torch.zeros(3), z], dim=1) / 2.0 for z in (student, teacher)]
    expected = 4 * functional.kl_div(
        functional.log_softmax(pairs[0], dim=1), functional.softmax(pairs[1], dim=1), reduction="batchmean"
    )
    assert float(distillation(student, teacher)) == pytest.approx(float(expected), rel=1e-5)
    p, q = 1 / (1 + math.exp(-0.6)), 1 / (1 + math.exp(-0.2))
    by_hand = 4 * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)))
    assert float(distillation(student[:1], teacher[:1])) == pytest.approx(by_hand, rel=1e-4)
    assert float(distillation(teacher, teacher)) == pytest.approx(0, abs=1e-6)


def test_no_gradient_reaches_the_teacher() -> None:
    student, teacher = torch.randn(5, requires_grad=True), torch.randn(5, requires_grad=True)
    distillation(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad is not None


def test_weights_grow_as_their_schedules_say() -> None:
    assert annealed(0) == 0
    assert annealed(0.1) == pytest.approx(2 / (1 + math.exp(-1)) - 1)
    assert annealed(1) == pytest.approx(1, abs=1e-4)
    assert [warmed(step, 4) for step in (0, 1, 3, 9)] == [0.25, 0.5, 1, 1]
    assert warmed(0, 0) == 1
