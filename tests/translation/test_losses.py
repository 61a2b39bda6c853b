"""The losses against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from cytoshift.translation import GeneratorPlan
from cytoshift.translation.contrast import PatchFeatures, contrast_loss, draw_places
from cytoshift.translation.losses import (
    adversarial_loss,
    bridge_loss,
    critic_loss,
    entropy_network_loss,
    potential_loss,
    repetition_loss,
    transport_loss,
)
from cytoshift.translation.recipe import Contrast


def test_least_squares_of_generator_and_critic() -> None:
    judged = torch.tensor([0.0, 1.0, 3.0])
    assert float(adversarial_loss(judged)) == pytest.approx((1 + 0 + 4) / 3)
    assert float(critic_loss(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 2.0]))) == pytest.approx(0.5 * (0 + 2))


def test_repeating_costs_nothing() -> None:
    image = torch.rand(1, 3, 8, 8)
    assert float(repetition_loss(image, image)) == 0
    assert float(repetition_loss(image + 0.5, image)) == pytest.approx(0.5, rel=1e-5)


def test_entropy_network_loss_is_the_bound_and_its_square() -> None:
    joint, crossed = torch.full((1, 1, 2, 2), 3.0), torch.zeros(1, 1, 2, 2)
    bound = math.log(4)
    assert float(entropy_network_loss(joint, crossed)) == pytest.approx(-3 + bound + bound**2, rel=1e-6)


def test_bridge_loss_weighs_way_and_entropy() -> None:
    state, predicted = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)
    joint, crossed = torch.full((1, 1, 2, 2), 2.0), torch.zeros(1, 1, 2, 2)
    loss = bridge_loss(joint, crossed, state, predicted, step=1, steps=5, tau=0.01)
    assert float(loss) == pytest.approx(0.01 * 0.25 - 0.8 * 0.01 * (2 - math.log(4)), rel=1e-5)


def test_bridge_loss_falls_as_more_is_shared() -> None:
    state = torch.zeros(1, 3, 4, 4)
    losses = [
        float(bridge_loss(torch.full((1,), own), torch.zeros(4), state, state, step=0, steps=5, tau=0.01))
        for own in (0.0, 1.0)
    ]
    assert losses[1] < losses[0]


def test_strong_and_weak_transport() -> None:
    image = torch.zeros(2, 3, 4, 4)
    made = torch.stack([image + 0.2, image + 0.6])
    worth = torch.full((4, 1, 2, 2), 0.1)
    strong = float(transport_loss(image, made[:1], worth[:2], spread=0.0))
    assert strong == pytest.approx(0.04 - 0.1, rel=1e-5)
    weak = float(transport_loss(image, made, worth, spread=0.25))
    assert weak == pytest.approx((0.04 + 0.36) / 2 - 0.1 + 0.08 * (1 - 0.25 - 0.5), rel=1e-5)
    assert float(potential_loss(torch.ones(3), torch.zeros(3))) == -1


def test_contrast_without_information_is_at_chance() -> None:
    """256 places that look alike: one positive among 255 negatives, ln 256 = 5.545."""
    same = torch.ones(1, 256, 16) / 4
    assert float(contrast_loss([same], [same], 0.07)) == pytest.approx(math.log(256), abs=1e-5)


def test_contrast_of_places_that_are_found_again_is_near_zero() -> None:
    places = torch.eye(32)[None]
    assert float(contrast_loss([places], [places], 0.07)) < 1e-4
    assert float(contrast_loss([places.flip(1)], [places], 0.07)) > 10


def test_no_gradient_flows_into_the_key() -> None:
    query, key = torch.rand(1, 8, 4, requires_grad=True), torch.rand(1, 8, 4, requires_grad=True)
    contrast_loss([query], [key], 0.07).backward()
    assert query.grad is not None
    assert key.grad is None


def test_features_are_of_length_one_at_the_places_drawn() -> None:
    plan, recipe = GeneratorPlan(width=4, blocks=2), Contrast(taps=(0, 1, 2, 3), places=10, width=64)
    features = [torch.rand(2, 3, 12, 12), torch.rand(2, 8, 12, 12), torch.rand(2, 16, 6, 6), torch.rand(2, 16, 3, 3)]
    places = draw_places(features, recipe.places, torch.Generator().manual_seed(0))
    assert [len(one) for one in places] == [10, 10, 10, 9]
    assert all(len(set(one.tolist())) == len(one) for one in places)
    sampled = PatchFeatures(plan, recipe)(features, places)
    assert [tuple(one.shape) for one in sampled] == [(2, 10, 64)] * 3 + [(2, 9, 64)]
    for one in sampled:
        torch.testing.assert_close(one.norm(dim=2), torch.ones(one.shape[:2]))
