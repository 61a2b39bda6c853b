"""What a taught classifier of mitoses is worth beside its parent: on mitoses of one's own, and of the parent's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from cytoshift.errors import DataError
from cytoshift.jobs.gain import Gain, Trust
from cytoshift.jobs.taught import mpp_of
from cytoshift.mitosis import MitosisClassifier
from cytoshift.mitosis.duplicates import without_doubles, without_those_of
from cytoshift.mitosis.evaluate import look_at_patches
from cytoshift.mitosis.paired import MAIN, Said, compare_classifiers
from cytoshift.mitosis.patches import JOINT, PatchSet, joined, read_patches
from cytoshift.mitosis.score import score_mitoses
from cytoshift.mitosis.tables import find_named
from cytoshift.models import Card
from cytoshift.study.split import TRAIN, VAL
from cytoshift.training import Control, Emit
from cytoshift.training.wishes import heed

HOME_MITOSES = 400
"""Patches of the parent's validation that both models look at: half a minute on two cores."""


@dataclass(frozen=True, slots=True)
class TaughtClassifier:
    """A classifier that is measured: its card and its weights."""

    card: Card
    state: Mapping[str, Tensor]

    def built(self, device: str) -> MitosisClassifier:
        """Return it at its threshold."""
        card = self.card
        return MitosisClassifier.from_model(
            architecture=card.architecture,
            state=self.state,
            mpp=card.mpp,
            model_id=card.id,
            version=card.sha256,
            threshold=card.threshold,
            calibration=card.calibration,
            device=device,
        )


@dataclass(frozen=True, slots=True)
class ClassifierWorth:
    """The main numbers of two classifiers on the mitoses held back, and what that and the rest is worth."""

    trust: Trust
    before: dict[str, float]
    after: dict[str, float]


def classifier_worth(
    parent: TaughtClassifier,
    child: TaughtClassifier,
    held_back: PatchSet,
    home: PatchSet | str,
    *,
    device: str,
    emit: Emit,
    control: Control,
) -> ClassifierWorth:
    """Measure a classifier and its parent.

    Parameters
    ----------
    parent, child : TaughtClassifier
    held_back : PatchSet
        One's own mitoses, which neither learnt from.
    home : PatchSet or str
        Mitoses that the parent was validated on, or why there are none.
    device : str
    emit, control
        A note is emitted before what takes time; ``cancel`` raises `Cancelled`, ``pause`` `Paused`.
    """

    def look_up(done: int, total: int) -> None:
        heed(control.state())

    def both(patches: PatchSet, what: str) -> tuple[Said, Said]:
        emit({"kind": "note", "text": f"measuring both models on {what}"})
        old, new = (
            Said(
                look_at_patches(each.built(device), patches, mpp=mpp_of(each.card), report=look_up),
                each.card.threshold,
            )
            for each in (parent, child)
        )
        return old, new

    old, new = both(held_back, "the mitoses held back")
    gain = Gain.of(compare_classifiers(held_back, old, new), f"{_extent(held_back)}, held back", MAIN)
    flat = (score_mitoses(held_back, said.atypical, threshold=said.threshold).flat() for said in (old, new))
    if isinstance(home, str):
        return ClassifierWorth(Trust(gain=gain, no_home=home), *flat)
    at_home = compare_classifiers(home, *both(home, "what the parent was validated on"))
    trust = Trust(gain=gain, home=Gain.of(at_home, f"{_extent(home)} of {home.name}", MAIN))
    return ClassifierWorth(trust, *flat)


def home_mitoses(parent: Card, own: PatchSet, seed: int) -> PatchSet | str:
    """Return mitoses that a classifier was validated on, or why there are none.

    Parameters
    ----------
    parent : Card
        Names the data that it learnt from the split ``train`` of; their tables are looked for under ``CYTOSHIFT_DATA``.
    own : PatchSet
        All of one's own, which are left out.
    seed : int
        Draws `HOME_MITOSES` of them where there are more.
    """
    sets: list[PatchSet] = []
    learnt = dict.fromkeys(name for data in parent.trained_on if data.split == TRAIN for name in data.name.split(JOINT))
    for name in learnt:
        table = find_named(name)
        if table is None:
            continue
        try:
            sets.append(read_patches(table, VAL))
        except DataError as error:
            return str(error).rstrip(".")
    if not sets:
        return "the mitoses that its parent was validated on are not at hand"
    home = without_those_of(without_doubles(joined(sets)), own)
    drawn = np.random.default_rng(seed).permutation(len(home))[:HOME_MITOSES]
    return home.select(np.sort(drawn)) if len(home) else "all mitoses that its parent was validated on are your own"


def _extent(patches: PatchSet) -> str:
    slides = len(set(patches.slides))
    atypical = int(patches.labels.sum())
    return f"{len(patches)} mitoses of {slides} {'slide' if slides == 1 else 'slides'}, {atypical} of them atypical"
