"""Findings that lie evenly over a slide, as many as one likes."""

from __future__ import annotations

import numpy as np

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.study.palette import BETHESDA

NUMBER = 1_000_000
SIDE_PX = 60


def spread(identity: str, side: int, number: int = NUMBER) -> Findings:
    """Return findings of six classes, 60 px wide, with scores from 0 to 1, on a slide of some pixels a side."""
    rng = np.random.default_rng(0)
    corners = rng.random((number, 2)) * (side - SIDE_PX)
    return Findings(
        np.concatenate([corners, corners + SIDE_PX], axis=1).astype(np.float32),
        rng.random(number, np.float32),
        rng.integers(0, len(BETHESDA), number).astype(np.int16),
        BETHESDA,
        Provenance(identity, "by-hand"),
    )
