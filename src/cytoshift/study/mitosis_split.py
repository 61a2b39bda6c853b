"""Which mitoses are learnt from, chosen by and held back: decided before anything else, and the same for a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from cytoshift.errors import StudyError
from cytoshift.study.decided import DecidedMitoses
from cytoshift.study.split import TRAIN, VAL, draw_units

TUNE = "tune"
"""Split by which the best step and the threshold are chosen; what is held back to measure with is neither's."""

SHARE = 0.25
"""Share of all mitoses that is held back, and of the rest that is chosen by."""

Corners = npt.NDArray[np.int64]
Units = npt.NDArray[np.int64]


def split_mitoses(
    sets: Sequence[DecidedMitoses], corners: Sequence[Corners], side: int, seed: int
) -> list[tuple[str, ...]]:
    """Say of every mitosis of every slide whether it is ``train``, ``tune`` or ``val``.

    Whole slides stay together where there are enough of them, otherwise patches that share pixels, so that each kind
    has about its share everywhere.

    Parameters
    ----------
    sets : sequence of DecidedMitoses
        One a slide, none of them empty.
    corners : sequence of ndarray of int64, shape (n, 2)
        x, y of the first pixel of each patch.
    side : int
        Of a patch.
    seed : int
        Of the choice.

    Raises
    ------
    StudyError
        One part would have none of a kind.
    """
    labels = np.concatenate([one.labels for one in sets])
    ends = np.cumsum([len(one) for one in sets])[:-1]
    parts = None
    if len(sets) >= math.ceil(1 / SHARE):
        parts = _divided(np.repeat(np.arange(len(sets)), [len(one) for one in sets]), labels, seed)
    if parts is None:
        parts = _divided(_touching(corners, side), labels, seed)
    if parts is None:
        raise StudyError(
            "The mitoses lie so close together that not all of learning, choosing and measuring would have some of each"
            " kind; decide on some elsewhere."
        )
    return [tuple(part.tolist()) for part in np.split(parts, ends)]


def _divided(units: Units, labels: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.str_] | None:
    """Return the part of each mitosis where whole units stay together; None where a part lacks a kind."""
    counts = np.zeros((int(units.max()) + 1, 2))
    np.add.at(counts, (units, labels), 1)
    names = np.full(len(counts), TRAIN, dtype="<U5")
    for name in (VAL, TUNE):
        rest = np.flatnonzero(names == TRAIN)
        if len(rest) < 2 or not counts[rest].sum(axis=0).all():
            return None
        names[rest[draw_units(counts[rest], SHARE, seed)]] = name
    if not all(counts[names == name].sum(axis=0).all() for name in (TRAIN, TUNE, VAL)):
        return None
    return names[units]


def _touching(corners: Sequence[Corners], side: int) -> Units:
    """Number the groups of patches of one slide that share pixels, directly or by way of others."""
    units: list[Units] = []
    first = 0
    for places in corners:
        pairs = cKDTree(places).query_pairs(side - 1, p=math.inf, output_type="ndarray")
        graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(places), len(places)))
        count, numbers = connected_components(graph, directed=False)
        units.append(numbers.astype(np.int64) + first)
        first += count
    return np.concatenate(units)
