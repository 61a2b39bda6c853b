"""The Schrödinger bridge's steps: when they are, and how far each goes (UNSB, section 3 and its published code)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """From one time of the bridge to the next: ``X' = (1 - share) X + share x1 + deviation N(0, 1)``.

    Parameters
    ----------
    share : float
        Part of the way to the predicted end.
    deviation : float
        Standard deviation of the noise, for images from -1 to 1.
    """

    share: float
    deviation: float

    def __call__(self, state: Tensor, predicted: Tensor, noise: Tensor) -> Tensor:
        """Take the step."""
        return state.lerp(predicted, self.share).add(noise, alpha=self.deviation)


def times(steps: int) -> tuple[float, ...]:
    """Return when the steps are, from 0 to 1: one entry more than there are steps.

    The grid is harmonic, pushed to the second half: for five steps 0, 0.5, 0.74, 0.86, 0.94 and 1.
    """
    if steps == 1:
        return (0.0, 1.0)
    harmonic = list(accumulate((1 / k for k in range(1, steps)), initial=0.0))
    return (0.0, *(0.5 + 0.5 * time / harmonic[-1] for time in harmonic))


def coefficients(steps: int, tau: float) -> tuple[Step, ...]:
    """Return the steps between the states at which the generator is asked, one fewer than `steps`.

    Parameters
    ----------
    steps : int
        How often the generator is asked at most.
    tau : float
        The entropy's weight: the variance of the bridge.
    """
    return tuple(_step(before, after, tau) for before, after in pairwise(times(steps)[:steps]))


def _step(before: float, after: float, tau: float) -> Step:
    passed, left = after - before, 1 - before
    share = passed / left
    return Step(share, (passed * (1 - share) * tau) ** 0.5)


def remaining(step: int, steps: int) -> float:
    """Return the share of the steps that are still to come, the entropy term's weight at a step."""
    return (steps - step) / steps
