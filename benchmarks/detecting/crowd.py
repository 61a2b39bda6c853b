"""Boxes of cells as tiles find them on a crowded slide; needs nothing but numpy."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

IOU = 0.5


def crowd(n: int) -> tuple[Any, Any]:
    """Return boxes, float32 ``(n, 4)``, and scores, float32 ``(n,)``, no two the same.

    Three boxes around each cell, up to 6 px beside it, of 30 to 60 px a side; one cell for every 62 x 62 px.
    """
    random = np.random.default_rng(n)
    side = np.sqrt(n / 3) * 62
    cells, sides = random.uniform(0, side, (n // 3 + 1, 2)), random.uniform(30, 60, (n // 3 + 1, 2))
    middle = np.repeat(cells, 3, axis=0)[:n] + random.uniform(-6, 6, (n, 2))
    half = np.repeat(sides, 3, axis=0)[:n] / 2
    order = random.permutation(n)
    boxes = np.concatenate([middle - half, middle + half], axis=1)[order].astype(np.float32)
    return boxes, ((random.permutation(n) + 1) / (n + 1)).astype(np.float32)


def fingerprint(kept: Any) -> list[Any]:
    """Return what tells whether two have kept the same set: how many boxes, and a checksum of their indices."""
    return [len(kept), hashlib.sha256(np.sort(kept.astype(np.int64)).tobytes()).hexdigest()]
