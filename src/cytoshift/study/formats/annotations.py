"""What every format is read into and written from: cells and regions of one slide."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cytoshift.engine.measures import Measures, select_measures
from cytoshift.engine.outlines import Outlines
from cytoshift.study.cells import Cells, Region
from cytoshift.study.palette import RGBColor, color_of

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings

_NAMES = uuid.UUID("2d0c36c1-54a9-5d0e-9f6e-3d8f6b0c7a11")
_UNIVERSAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:\d{1,18})?")


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """Cells of one slide, one array per property, and the regions that are annotated completely.

    Parameters
    ----------
    ids : tuple of str
        Ids that mean the same cell wherever they are met: UUIDs, or ``"UUID:INDEX"`` for a prediction of a study.
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in level-0 pixels.
    scores : ndarray of float32, shape (n,)
        From 0 to 1; 1 where a file has none.
    labels : ndarray of int16, shape (n,)
        Index into `classes`.
    states : ndarray of uint8, shape (n,)
        Values of `State`; ``PREDICTED`` where a file does not say.
    drawn : ndarray of bool, shape (n,)
        Whether QuPath calls it an annotation, that is a region or a cell that a person drew.
    classes : tuple of str
        Class names; ``""`` for what has no class.
    colors : tuple of tuple of int
        Red, green and blue of each class, from 0 to 255.
    outlines : Outlines
        Polygons of those cells that are more than their box.
    measures : mapping of str to ndarray of float32, shape (n,)
        Further numbers by name; NaN where a cell has none.
    given : tuple of str
        What a file called its cells where that is no id for the whole world, ``"17"``; ``""`` where it is, and no
        entry at all where every one is.
    regions : tuple of Region
        Marked as completely annotated.
    model : str
        Id of the model that found them, where one did; of several, a comma between them.
    notes : tuple of str
        Sentences on what reading changed or left out.
    """

    ids: tuple[str, ...]
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]
    states: npt.NDArray[np.uint8]
    drawn: npt.NDArray[np.bool_]
    classes: tuple[str, ...]
    colors: tuple[RGBColor, ...]
    outlines: Outlines
    measures: Measures = field(default_factory=dict)
    given: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    model: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, found: Findings | Cells, regions: tuple[Region, ...] = ()) -> Annotations:
        """Return findings, or the cells of a study, as annotations."""
        n = len(found)
        ids, states, model = _named(found)
        return cls(
            ids,
            found.boxes,
            found.scores,
            found.labels,
            states,
            np.zeros(n, np.bool_),
            found.classes,
            tuple(map(color_of, found.classes)),
            Outlines.none(n),
            found.measures,
            regions=regions,
            model=model,
        )

    def noted(self, *notes: str) -> Annotations:
        """Return the same with further notes; empty ones are left out."""
        return replace(self, notes=(*self.notes, *filter(None, notes)))

    def select(self, which: npt.NDArray[Any]) -> Annotations:
        """Return the cells at a boolean mask or indices, and every region."""
        kept = np.arange(len(self))[which].tolist()
        return replace(
            self,
            ids=tuple([self.ids[at] for at in kept]),
            boxes=self.boxes[which],
            scores=self.scores[which],
            labels=self.labels[which],
            states=self.states[which],
            drawn=self.drawn[which],
            outlines=self.outlines.select(which),
            measures=select_measures(self.measures, which),
            given=tuple([self.given[at] for at in kept]) if self.given else (),
        )


def _named(found: Findings | Cells) -> tuple[tuple[str, ...], npt.NDArray[np.uint8], str]:
    """Return ids, states and model of cells."""
    if isinstance(found, Cells):
        return tuple(found.ids[:]), found.states, ""
    made = found.provenance
    origin = f"{made.slide} {made.model} {made.version} {made.through} {made.made}"
    ids = tuple([stable(f"{origin}:{position}") for position in range(len(found))])
    return ids, np.zeros(len(found), np.uint8), made.model


def universal(name: str) -> bool:
    """Whether an id means the same cell everywhere: a UUID, or a position in what a UUID names."""
    return _UNIVERSAL.fullmatch(name) is not None


def stable(name: str) -> str:
    """Return a name that is a UUID as it is, a UUID made from any other name."""
    if len(name) == 36 and universal(name):
        return name
    return str(uuid.uuid5(_NAMES, name))
