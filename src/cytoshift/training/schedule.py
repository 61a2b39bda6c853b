"""Learning rates: closed functions of the step, which need no state, and one that waits for plateaus."""

from __future__ import annotations

import math
from dataclasses import dataclass


def warmup_cosine(step: int, *, steps: int, warmup: int, final: float) -> float:
    """Return the share of the peak learning rate at a step.

    Linear from 0 over ``warmup`` steps, then half a cosine down to ``final`` at the last step
    (Loshchilov and Hutter, SGDR, 2017, without restarts).
    """
    if step < warmup:
        return (step + 1) / warmup
    rest = (step - warmup) / max(steps - warmup, 1)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(rest, 1.0)))


def warmup(step: int, steps: int) -> float:
    """Return the share of the learning rate over the first steps, from nearly 0 to 1."""
    return min((step + 1) / max(steps, 1), 1.0)


@dataclass(slots=True)
class Plateau:
    """A learning rate that falls whenever validations stall; its numbers are kept with the checkpoint.

    Attributes
    ----------
    factor : float
        What the rate is multiplied by.
    patience : int
        Validations without a better one that are borne before it falls.
    share : float
        Of the peak learning rate, now.
    stalled : int
        Validations since the last better one, or since it fell.
    """

    factor: float
    patience: int
    share: float = 1.0
    stalled: int = 0

    def validated(self, better: bool) -> None:
        """Take in a validation."""
        self.stalled = 0 if better else self.stalled + 1
        if self.stalled > self.patience:
            self.share, self.stalled = self.share * self.factor, 0
