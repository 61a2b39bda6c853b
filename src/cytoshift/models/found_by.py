"""What found the cells that a study keeps: the card of its detector, and from which scores on its cells count.

Cells of a detector and a classifier of mitoses carry both ids, ``"DETECTOR+CLASSIFIER"``; their scores are the
detector's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cytoshift.errors import ModelError
from cytoshift.mitosis.classes import ATYPICAL, MITOSIS, NORMAL
from cytoshift.models.card import Card
from cytoshift.models.model import Model
from cytoshift.models.registry import Registry

WITH = "+"
"""Stands between the ids of a detector and of the classifier that told its mitoses apart."""

UNKNOWN = 0.5
"""Score from which cells count where no card says."""


def detector_of(model: str, cards: Iterable[Card]) -> Card | None:
    """Return the card of the detector that found cells; None where it is not among these."""
    detector = model.partition(WITH)[0]
    return next((card for card in cards if card.task == "detector" and card.id == detector), None)


def counted_from(card: Card | None) -> tuple[float, dict[str, float]]:
    """Return from which scores on a detector's cells count: of all classes, and of single ones by name.

    A mitosis counts from the score that the card names for mitoses, whatever a classifier calls it.
    """
    if card is None:
        return UNKNOWN, {}
    own = dict(card.thresholds)
    if MITOSIS in own:
        own |= dict.fromkeys((NORMAL, ATYPICAL), own[MITOSIS])
    return card.threshold, own


@dataclass(frozen=True, slots=True)
class Trace:
    """One of the models that found some cells.

    Parameters
    ----------
    id : str
    card : Card or None
        None where there is no model of this id any more.
    same : bool
        Whether the model of this id is the one that found them; it is not where it was taught anew since.
    """

    id: str
    card: Card | None
    same: bool

    @property
    def words(self) -> str:
        """Its title; its id where it is gone, or was replaced, with the words for it."""
        if self.card is None:
            return f"{self.id} (no longer here)"
        return self.card.title if self.same else f"{self.card.title} (another version than is here)"


def traced(model: str, version: str, cards: Iterable[Card]) -> tuple[Trace, ...]:
    """Return which models found cells, the detector first.

    Parameters
    ----------
    model, version : str
        Ids and checksums, as a `Provenance` has them; no checksum where nobody wrote one down.
    cards : iterable of Card
        Of the models that are known.
    """
    known = {card.id: card for card in cards}
    names, sums = model.split(WITH), version.split(WITH)
    if len(sums) != len(names):
        sums = [""] * len(names)
    return tuple(
        Trace(name, card := known.get(name), card is not None and digest in ("", card.sha256))
        for name, digest in zip(names, sums, strict=True)
    )


def models_of(model: str, version: str, registry: Registry) -> tuple[Model, Model | None]:
    """Return the detector that found cells, and the classifier of its mitoses where there was one.

    Parameters
    ----------
    model, version : str
        Ids and checksums, as a `Provenance` has them.
    registry : Registry

    Raises
    ------
    ModelError
        A model was taught anew, or removed, since.
    """
    detector, _, classifier = model.partition(WITH)
    finds = registry.find(detector, "detector")
    tells = registry.find(classifier, "mitosis") if classifier else None
    known = [finds] if tells is None else [finds, tells]
    if WITH.join(each.card.sha256 for each in known) != version:
        titles = " and ".join(each.card.title for each in known)
        raise ModelError(f"{titles} is not the model it was for this search; find the cells again first.")
    return finds, tells
