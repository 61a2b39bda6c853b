"""Which slides are learnt from and which are held back: never one slide on both sides, and the same for a seed."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cytoshift.errors import DataError
from cytoshift.mitosis.duplicates import refuse_doubles
from cytoshift.mitosis.patches import KINDS, PatchSet

TRAIN, VAL = "train", "val"
"""Splits that a table may name."""

SHARE = 0.25
"""Share that is held back, as in the paper (section 3A)."""

_DRAWS = 200

Counts = npt.NDArray[np.float64]


def split_slides(patches: PatchSet, share: float = SHARE, seed: int = 0) -> tuple[PatchSet, PatchSet]:
    """Split patches by slide into those learnt from and those held back.

    Where a table names both ``train`` and ``val``, that is the split, and slides are drawn only from rows that name
    none. Otherwise they are drawn from its ``train``, or from all of them where there is none; so that each domain has
    about its share of normal and of atypical mitoses on both sides, as well as whole slides allow.

    Parameters
    ----------
    patches : PatchSet
    share : float
        Of the patches, to hold back where the table does not say which.
    seed : int
        Of the draw.

    Returns
    -------
    learnt, held_back : PatchSet

    Raises
    ------
    DataError
        A slide or a patch of the same mitosis is on both sides, or a side has no normal or no atypical mitosis.
    """
    named = np.array(patches.splits)
    settled = {TRAIN, VAL} <= set(patches.splits)
    if settled:
        free = named == ""
    elif TRAIN in patches.splits:
        free = np.isin(named, ["", TRAIN])
    else:
        free = np.ones(len(named), bool)
    chosen = _draw(patches.select(free), share, np.random.default_rng(seed))
    drawn = free & np.isin(patches.slides, chosen)
    learnt = patches.select((free & ~drawn) | (settled & (named == TRAIN)))
    held_back = patches.select(drawn | (settled & (named == VAL)))
    check_apart(learnt, held_back)
    refuse_doubles(learnt, held_back)
    return learnt, held_back


def check_apart(learnt: PatchSet, held_back: PatchSet) -> None:
    """Raise DataError unless no slide is on both sides, and both kinds of mitoses are on each."""
    shared = sorted(set(learnt.slides) & set(held_back.slides))
    if shared:
        raise DataError(
            f"{len(shared)} slides are learnt from and held back, the first {shared[0]}; put all patches of a slide"
            " on one side."
        )
    for part, words in ((learnt, "to learn from"), (held_back, "to hold back")):
        for label, kind in reversed(list(enumerate(KINDS))):  # what is rare first
            if not (part.labels == label).any():
                raise DataError(
                    f"{part.name} has no {kind} mitosis {words} when whole slides are kept together; add slides, or"
                    " name the split of each in a column split."
                )


def _draw(patches: PatchSet, share: float, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    """Return the slides to hold back: of many draws the one closest to the share in every domain and kind."""
    slides, slide = np.unique(patches.slides, return_inverse=True)
    counts = np.zeros((len(slides), len(patches.domain_names), len(KINDS)))
    np.add.at(counts, (slide, patches.domains, patches.labels), 1)
    total = counts.sum(axis=0)
    domain = counts.sum(axis=2).argmax(axis=1)  # where most of a slide's patches are
    # by domain; and where domains are of one slide, or few slides are nearest to none held back, as if there were one
    for group, least in ((domain, 0), (np.zeros_like(domain), 1)):
        draws = [_held(counts, group, share, least, rng) for _ in range(_DRAWS)]
        distances = [_distance(counts[held].sum(axis=0), total, share) for held in draws]
        if math.isfinite(min(distances, default=math.inf)):
            return slides[draws[int(np.argmin(distances))]]
    return slides[:0]


def _held(
    counts: Counts, domain: npt.NDArray[np.int64], share: float, least: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Draw slides domain by domain, and make up for what earlier domains held back too much or too little."""
    held = np.zeros(len(counts), bool)
    owed = np.zeros(counts.shape[2])
    for place in rng.permutation(np.unique(domain)):
        order = rng.permutation(np.flatnonzero(domain == place))
        mine = counts[order].sum(axis=1)
        wanted = mine.sum(axis=0) * share + owed
        taken = _closest(mine, wanted, least)
        held[order[:taken]] = True
        owed = wanted - mine[:taken].sum(axis=0)
    return held


def _closest(counts: Counts, wanted: Counts, least: int) -> int:
    """Return how many of some slides in order ``(slides, kinds)``, but never all, come closest to what is wanted."""
    if len(counts) <= least:
        return 0
    sums = np.concatenate([np.zeros((1, counts.shape[1])), counts.cumsum(axis=0)[:-1]])
    total = np.maximum(counts.sum(axis=0), 1)
    return least + int((abs(sums - wanted) / total).sum(axis=1)[least:].argmin())


def _distance(held: Counts, total: Counts, share: float) -> float:
    """Return how far shares are from the one wanted, in all and by domain; infinite if a kind is on one side only."""
    whole = total.sum(axis=0)
    if not ((held.sum(axis=0) > 0) & (held.sum(axis=0) < whole)).all():
        return math.inf
    there = total > 0
    by_domain = abs(held[there] / total[there] - share).mean()
    return float(by_domain + abs(held.sum(axis=0) / whole - share).mean())
