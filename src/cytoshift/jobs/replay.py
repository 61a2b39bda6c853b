"""What a classifier of mitoses knows already: the patches it learnt from, so that it does not forget them."""

from __future__ import annotations

import numpy as np

from cytoshift.errors import DataError
from cytoshift.mitosis.duplicates import without_doubles, without_those_of
from cytoshift.mitosis.patches import JOINT, PatchSet, joined, read_patches
from cytoshift.mitosis.split import split_slides
from cytoshift.mitosis.tables import find_named
from cytoshift.models import Card
from cytoshift.training import Emit


def known_patches(card: Card, own: PatchSet, emit: Emit) -> PatchSet | None:
    """Return the patches that a model learnt from and that are at hand, without those of mitoses that are one's own.

    Parameters
    ----------
    card : Card
        Names the data; their tables are looked for under ``CYTOSHIFT_DATA``.
    own : PatchSet
        All of one's own: their mitoses are left out, so that none is learnt from and held back.
    emit : callable
        Receives a note of what is repeated, or that nothing is.
    """
    sets: list[PatchSet] = []
    learnt = dict.fromkeys((name, data.split) for data in card.trained_on for name in data.name.split(JOINT))
    for name, split in learnt:
        table = find_named(name)
        if table is None:
            continue
        try:
            sets.append(read_patches(table, split or None))
        except DataError as error:
            emit({"kind": "note", "text": f"goes on without {name}: {error}"})
    if not sets:
        emit({"kind": "note", "text": "what the model learnt from is not at hand: it learns from your mitoses alone"})
        return None
    known = without_those_of(without_doubles(joined(sets)), own)
    scanners = len(np.unique(known.domains))
    emit({"kind": "note", "text": f"repeats {len(known)} mitoses of {known.name} from {scanners} scanners"})
    return known


def with_known(
    training: PatchSet, tuning: PatchSet, known: PatchSet, share: float, seed: int
) -> tuple[PatchSet, PatchSet]:
    """Join one's own mitoses with those that are known.

    In what is learnt from, one's own come up as often as all others together; in what the step and the threshold are
    chosen by, every mitosis has one vote: of one's own there are too few to choose by them alone.

    Parameters
    ----------
    training, tuning : PatchSet
        One's own.
    known : PatchSet
    share : float
        Of the slides of ``known``, to choose by.
    seed : int
        Of that choice.
    """
    old, chosen_by = split_slides(known, share, seed)
    again = training.select(np.resize(np.arange(len(training)), max(len(training), len(old))))
    return joined([again, old]), joined([tuning, chosen_by])
