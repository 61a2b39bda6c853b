"""What corrections are folded into: the predictions of a run and, beside them, the cells of every import."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from cytoshift.engine.measures import Measures

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings
    from cytoshift.study.imports import Imports

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """Predictions and imported cells, numbered through; `Cells` says what the columns hold.

    Parameters
    ----------
    sources : tuple of tuple of int and str
        With which number the run, and each import, begins.
    boxes, scores, labels, states, classes, measures
        As they came, before anybody corrected them.
    """

    sources: tuple[tuple[int, str], ...]
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]
    states: npt.NDArray[np.uint8]
    classes: tuple[str, ...]
    measures: Measures

    def kept(self, limits: npt.NDArray[np.float32], seen: Collection[str] | None) -> npt.NDArray[np.bool_]:
        """Return which are there: those decided on, and others from their class's limit.

        Of imports that ``seen`` does not name, only those decided on.
        """
        if not len(self.labels):
            return np.zeros(0, np.bool_)
        keep: npt.NDArray[np.bool_] = self.scores >= limits[self.labels]
        if seen is not None:
            ends = [*(start for start, _ in self.sources[1:]), len(keep)]
            for (start, source), end in zip(self.sources[1:], ends[1:], strict=True):
                keep[start:end] &= source in seen
        if len(self.sources) > 1:
            keep |= self.states != 0
        return keep


def join(findings: Findings | None, run: str, imports: Imports) -> Base:
    """Lay imported cells behind the predictions of a run."""
    lots = [findings] if findings is not None else []
    lots += [imported.findings for imported in imports.values()]
    names: dict[str, int] = {}
    to = [np.array([names.setdefault(name, len(names)) for name in lot.classes], np.int16) for lot in lots]
    predicted = 0 if findings is None else len(findings)
    starts = np.cumsum([predicted, *(len(imported.findings) for imported in imports.values())]).tolist()
    return Base(
        ((0, run), *zip(starts, imports, strict=False)),
        _one([lot.boxes for lot in lots], np.zeros((0, 4), np.float32)),
        _one([lot.scores for lot in lots], np.zeros(0, np.float32)),
        _one([place[lot.labels] for place, lot in zip(to, lots, strict=True)], np.zeros(0, np.int16)),
        _one(
            [np.zeros(predicted, np.uint8), *(imported.states for imported in imports.values())], np.zeros(0, np.uint8)
        ),
        tuple(names),
        _measures(lots),
    )


def _one(parts: Sequence[npt.NDArray[_T]], none: npt.NDArray[_T]) -> npt.NDArray[_T]:
    return parts[0] if len(parts) == 1 else np.concatenate([none, *parts])


def _measures(lots: Sequence[Findings]) -> Measures:
    """Return every measure of any lot; NaN for cells of a lot without it."""
    if len(lots) == 1:
        return lots[0].measures
    names = dict.fromkeys(name for lot in lots for name in lot.measures)
    return {
        name: np.concatenate([lot.measures.get(name, np.full(len(lot), np.nan, np.float32)) for lot in lots])
        for name in names
    }
