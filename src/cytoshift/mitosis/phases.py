"""Phases of the mitotic cycle as experts name them: what each saw becomes shares, which sum to 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

PHASES = {
    "NMF prometaphase": "prometaphase",
    "NMF metaphase": "metaphase",
    "NMF ring shape": "ring shape",
    "NMF anaphase-telophase": "anaphase-telophase",
    "AMF bipolar assymetric": "bipolar asymmetric",
    "AMF multipolar": "multipolar",
    "AMF segregation": "segregation error",
    "AMF other": "other atypical",
}
"""Phases as AMi-Br's tables spell them and as they are called here, in the order of the cycle, atypical ones last."""


def phase_shares(votes: Sequence[Sequence[str]]) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """Return the share of the experts that named each phase.

    Parameters
    ----------
    votes : sequence of sequences of str
        What each expert said of each mitosis; an empty text where one said nothing.

    Returns
    -------
    shares : ndarray of float32, shape (n, phases)
        Rows sum to 1, or to 0 where no expert named a phase.
    names : tuple of str
        The phases that were named, those of `PHASES` first, in their order; others as they are spelt.
    """
    named = [[PHASES.get(vote, vote) for vote in row if vote] for row in votes]
    there = {name for row in named for name in row}
    known = [name for name in PHASES.values() if name in there]
    names = (*known, *sorted(there.difference(known)))
    place = {name: k for k, name in enumerate(names)}
    shares = np.zeros((len(votes), len(names)), np.float32)
    for k, row in enumerate(named):
        for name in row:
            shares[k, place[name]] += 1 / len(row)
    return shares, names
