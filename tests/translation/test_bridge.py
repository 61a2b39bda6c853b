"""The bridge's time grid and steps, against the published numbers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.translation.bridge import coefficients, remaining, times


def test_five_steps_stand_where_the_paper_puts_them() -> None:
    assert times(5) == pytest.approx((0, 0.5, 0.74, 0.86, 0.94, 1.0), abs=1e-12)


def test_coefficients_of_five_steps_to_six_digits() -> None:
    steps = coefficients(5, 0.01)
    assert [step.share for step in steps] == pytest.approx([0.5, 0.48, 0.461538, 0.571429], abs=5e-7)
    assert [step.deviation for step in steps] == pytest.approx([0.05, 0.035327, 0.025420, 0.018516], abs=5e-7)


def test_one_step_has_no_bridge_to_walk() -> None:
    assert times(1) == (0.0, 1.0)
    assert coefficients(1, 0.01) == ()


@given(steps=st.integers(2, 12), tau=st.floats(1e-4, 1.0))
@settings(max_examples=30, deadline=None)
def test_times_rise_to_one_and_every_step_goes_part_of_the_way(steps: int, tau: float) -> None:
    when = times(steps)
    assert len(when) == steps + 1
    assert list(when) == sorted(set(when))
    assert when[-1] == pytest.approx(1)
    for step in coefficients(steps, tau):
        assert 0 < step.share < 1
        assert step.deviation > 0


def test_walking_to_a_known_end_has_the_mean_and_spread_of_a_brownian_bridge() -> None:
    """X_t given both ends is normal with mean (1-t) x0 + t x1 and variance t (1-t) tau."""
    tau, when = 0.01, times(5)
    generator = torch.Generator().manual_seed(0)
    state, end = torch.zeros(200_000), torch.ones(200_000)
    for place, step in enumerate(coefficients(5, tau)):
        state = step(state, end, torch.randn(state.shape, generator=generator))
        t = when[place + 1]
        assert float(state.mean()) == pytest.approx(t, abs=1e-3)
        assert float(state.std()) == pytest.approx((t * (1 - t) * tau) ** 0.5, rel=0.01)


def test_the_entropy_counts_for_less_with_every_step() -> None:
    assert [remaining(step, 5) for step in range(5)] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])
