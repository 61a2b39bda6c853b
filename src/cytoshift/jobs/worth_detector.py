"""What a detector that was taught is worth beside its parent: on fields of the new look, and on the parent's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from cytoshift.detection import DetectorOperator, DetectorRecipe
from cytoshift.detection.evaluate import look_at_fields
from cytoshift.detection.paired import MAIN, compare_detectors
from cytoshift.detection.score import Looked, score_detector
from cytoshift.detection.train import in_classes
from cytoshift.errors import DataError, ModelError
from cytoshift.jobs.changed_cells import ChangedCells, changed_cells
from cytoshift.jobs.gain import Gain, Trust
from cytoshift.jobs.known_fields import VAL, KnownFields
from cytoshift.jobs.taught import mpp_of
from cytoshift.models import Card, Registry
from cytoshift.training import Control, Emit
from cytoshift.training.coco import CocoSet
from cytoshift.training.wishes import heed

_LOW = 0.0
"""Threshold while measuring: average precision needs the whole curve."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A detector that is measured: its card and its weights."""

    card: Card
    state: Mapping[str, Tensor]

    def operator(self, device: str) -> DetectorOperator:
        """Return it at threshold 0."""
        card = self.card
        return DetectorOperator.from_model(
            architecture=card.architecture,
            state=self.state,
            classes=card.classes,
            mpp=card.mpp,
            model_id=card.id,
            version=card.sha256,
            threshold=_LOW,
            calibration=card.calibration,
            device=device,
        )


@dataclass(frozen=True, slots=True)
class DetectorWorth:
    """The main numbers of two detectors on the fields held back, the cells they do not agree about, and its worth."""

    trust: Trust
    before: dict[str, float]
    after: dict[str, float]
    changes: ChangedCells


@dataclass(frozen=True, slots=True)
class Measuring:
    """Measures a detector and its parent.

    Parameters
    ----------
    parent, child : Taught
    device : str
    emit, control
        A note is emitted before what takes time; ``cancel`` raises `Cancelled`, ``pause`` `Paused`.
    """

    parent: Taught
    child: Taught
    device: str
    emit: Emit
    control: Control

    def worth(self, held_back: CocoSet, home: CocoSet | str, how: str = "held back") -> DetectorWorth:
        """Measure both.

        Parameters
        ----------
        held_back : CocoSet
            Fields that neither learnt from: one's own, or as a translator shows them.
        home : CocoSet or str
            Fields that the parent was validated on, or why there are none.
        how : str
            Why neither learnt from the first, or how they are shown: said of the gain.
        """
        before, after = self._both(held_back, f"fields {how}")
        gain = self._compared(before, after, f"{_extent(held_back)}, {how}")
        if isinstance(home, str):
            trust = Trust(gain=gain, no_home=home)
        else:
            looked = self._both(home, "what the parent was validated on")
            trust = Trust(gain=gain, home=self._compared(*looked, f"{_extent(home)} of {home.name}"))
        changes = changed_cells(
            in_classes(held_back, self.child.card.classes),
            before.findings,
            after.findings,
            (_limits(self.parent.card), _limits(self.child.card)),
        )
        return DetectorWorth(trust, self._flat(before, self.parent), self._flat(after, self.child), changes)

    def _both(self, fields: CocoSet, what: str) -> tuple[Looked, Looked]:
        self.emit({"kind": "note", "text": f"measuring both models on {what}"})
        before, after = (self._look(each, fields) for each in (self.parent, self.child))
        return before, after

    def _look(self, model: Taught, fields: CocoSet) -> Looked:
        def look_up(done: int, total: int) -> None:
            heed(self.control.state())

        card = model.card
        looked, _ = look_at_fields(
            model.operator(self.device),
            fields,
            mpp=mpp_of(card),
            threshold=card.threshold,
            thresholds=card.thresholds,
            report=look_up,
        )
        return looked

    def _compared(self, before: Looked, after: Looked, on: str) -> Gain:
        return Gain.of(compare_detectors(before, after, self.child.card.classes), on, MAIN)

    def _flat(self, looked: Looked, model: Taught) -> dict[str, float]:
        card = model.card
        return score_detector(looked, card.classes, threshold=card.threshold, thresholds=card.thresholds).flat()


def home_fields(
    parent: Card,
    registry: Registry,
    recipe: DetectorRecipe,
    folder: Path,
    *,
    without: set[str],
    emit: Emit,
    control: Control,
) -> CocoSet | str:
    """Return fields that the parent was validated on, or why there are none.

    Parameters
    ----------
    parent : Card
    registry : Registry
    recipe : DetectorRecipe
        Of the job: how many there are to be, and the seed that draws them.
    folder : Path
        For the fields as a translator shows them, where the parent knows them so.
    without : set of str
        Identities of slides that are left out: one's own.
    """
    most, seed = recipe.data.remembered, recipe.training.seed
    if not most:
        return "it was not asked for"
    known = KnownFields.of(parent, registry)
    if known is None:
        return "the fields that its parent was validated on are not at hand"
    try:
        return known.draw(VAL, most, folder, seed=seed, without=without, emit=emit, control=control)
    except (DataError, ModelError) as error:
        return str(error).rstrip(".")


def _limits(card: Card) -> dict[str, float]:
    """Return the score from which cells count, by class."""
    return {name: card.thresholds.get(name, card.threshold) for name in card.classes}


def _extent(data: CocoSet) -> str:
    fields, slides = len(data.fields), len({field.slide for field in data.fields if field.slide})
    cells = sum(len(field.boxes) for field in data.fields)
    of = f" of {slides} {'slide' if slides == 1 else 'slides'}" if slides else ""
    return f"{fields} {'field' if fields == 1 else 'fields'}{of} with {cells} cells"
