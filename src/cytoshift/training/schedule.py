"""Learning rates as closed functions of the step, so that a resumed run needs no state for them."""

from __future__ import annotations

import math


def warmup_cosine(step: int, *, steps: int, warmup: int, final: float) -> float:
    """Return the share of the peak learning rate at a step.

    Linear from 0 over ``warmup`` steps, then half a cosine down to ``final`` at the last step
    (Loshchilov and Hutter, SGDR, 2017, without restarts).
    """
    if step < warmup:
        return (step + 1) / warmup
    rest = (step - warmup) / max(steps - warmup, 1)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(rest, 1.0)))
