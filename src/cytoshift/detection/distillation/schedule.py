"""Coarse to fine: structure is aligned first, then meaning takes over."""

from __future__ import annotations

import math

COARSE = 0.3
"""Share of the training in which loose alignment has its whole weight."""

FLOOR = 0.1
"""What is left of it at the end."""


def compact_weight(progress: float) -> float:
    """Return the share of compact alignment's weight when ``progress`` (0 to 1) of the training is done."""
    return _rise(progress)


def loose_weight(progress: float) -> float:
    """Return the share of loose alignment's weight when ``progress`` (0 to 1) of the training is done."""
    return 1 - (1 - FLOOR) * _rise(max(0.0, (progress - COARSE) / (1 - COARSE)))


def _rise(progress: float) -> float:
    """Rise from 0 to nearly 1, fast at first, as domain-adversarial training does (Ganin et al., 2016)."""
    return 2 / (1 + math.exp(-10 * progress)) - 1
