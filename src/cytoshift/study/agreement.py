"""What two readers of a study agree and disagree about, and how a disagreement is settled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.engine.pairing import one_to_one, overlapping
from cytoshift.errors import StudyError
from cytoshift.metrics.kappa import Kappa, cohen_kappa, one_class
from cytoshift.study.cells import Cells, fold_cells
from cytoshift.study.change import State, decided_on
from cytoshift.study.events import Box, Event, Kind
from cytoshift.study.palette import in_order
from cytoshift.study.store import Study

NO_CELL = "no cell"
"""What a reader says who rejects a cell."""

UNSURE = "unsure"
NOT_MARKED = "not marked"
"""What a reader says of a cell that only the other one added, by hand or from a file."""

SAME_CELL = 0.5
"""Intersection over union from which cells that two readers added are the same."""

Readers = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one reader says of a cell: a class, `NO_CELL`, `UNSURE` or `NOT_MARKED`, and the event that said it last."""

    says: str
    event: str = ""


@dataclass(frozen=True, slots=True)
class TwiceRead:
    """A cell of which both readers said something, or that one of them added.

    Parameters
    ----------
    slide : str
        Identity.
    target : str
        ``"RUN:INDEX"`` for a prediction, else the event that added it, or ``"EVENT:INDEX"`` where that was an import,
        of the first reader who did.
    box : tuple of float
        x0, y0, x1, y1 in level-0 pixels, where the first reader leaves it.
    opinions : tuple of Opinion
        Of the two readers.
    settled : bool
        Whether these opinions were settled.
    """

    slide: str
    target: str
    box: Box
    opinions: tuple[Opinion, Opinion]
    settled: bool = False

    @property
    def agreed(self) -> bool:
        """Whether both say the same."""
        return self.opinions[0].says == self.opinions[1].says


@dataclass(frozen=True)
class Agreement:
    """How far two readers agree.

    Cells of which one of them was unsure, and cells that only one of them added or decided on, are in no kappa.

    Parameters
    ----------
    readers : tuple of str
        The two; ``""`` is the common reading.
    read : tuple of TwiceRead
        Every cell that both decided on, and those that only one of them added.
    only : tuple of int
        How many predictions only the first, and only the second, decided on.
    """

    readers: Readers
    read: tuple[TwiceRead, ...]
    only: tuple[int, int]

    @property
    def classes(self) -> tuple[str, ...]:
        """What was said of cells that both judged: classes, and `NO_CELL` last."""
        said = {opinion.says for cell in self._judged() for opinion in cell.opinions}
        return (*in_order(said - {NO_CELL}), *({NO_CELL} & said))

    @property
    def table(self) -> npt.NDArray[np.int64]:
        """How many cells the first called as the row says and the second as the column, in the order of `classes`."""
        classes = {name: position for position, name in enumerate(self.classes)}
        table = np.zeros((len(classes), len(classes)), np.int64)
        for cell in self._judged():
            first, second = cell.opinions
            table[classes[first.says], classes[second.says]] += 1
        return table

    @property
    def kappa(self) -> Kappa:
        """Agreement over all classes."""
        return cohen_kappa(self.table)

    def kappa_of(self, name: str) -> Kappa:
        """Return the agreement about one class against all others."""
        return cohen_kappa(one_class(self.table, self.classes.index(name)))

    @property
    def unsure(self) -> int:
        """How many cells one of them, or both, was unsure of."""
        return sum(any(opinion.says == UNSURE for opinion in cell.opinions) for cell in self.read)

    @property
    def disagreements(self) -> tuple[TwiceRead, ...]:
        """The cells about which they disagree and that nobody settled."""
        return tuple(cell for cell in self.read if not cell.agreed and not cell.settled)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON can hold them."""
        return {
            "readers": list(self.readers),
            "classes": list(self.classes),
            "table": self.table.tolist(),
            "kappa": _json(self.kappa),
            "by_class": {name: _json(self.kappa_of(name)) for name in self.classes},
            "unsure": self.unsure,
            "decided_by_first_only": self.only[0],
            "decided_by_second_only": self.only[1],
            "added_by_one_only": sum(any(o.says == NOT_MARKED for o in cell.opinions) for cell in self.read),
            "disagreements": len(self.disagreements),
            "settled": sum(cell.settled for cell in self.read),
        }

    def _judged(self) -> Iterable[TwiceRead]:
        return (cell for cell in self.read if not {o.says for o in cell.opinions} & {UNSURE, NOT_MARKED})


def blinded_readers(study: Study) -> list[str]:
    """Return the names of a study's blinded readers, by name."""
    return sorted({event.reader for event in study.events()} - {""})


def agreement(study: Study, readers: Readers | None = None, slides: Iterable[str] | None = None) -> Agreement:
    """Compare what two readers decided. What was settled later changes nothing of what each had said.

    Parameters
    ----------
    study : Study
    readers : tuple of str, optional
        Names of blinded readers, ``""`` for the common reading; the common one and the only blinded reader by default.
    slides : iterable of str, optional
        Identities; all slides of the study by default.

    Raises
    ------
    StudyError
        There are not two readers, or one is not known.
    """
    first, second = _two(study, readers)
    read: list[TwiceRead] = []
    only = [0, 0]
    for slide in [record.identity for record in study.slides()] if slides is None else slides:
        one, other = (_reading(study, slide, reader) for reader in (first, second))
        here = _added(study, slide, one, other)
        for run in dict.fromkeys((*one.runs, *other.runs)):
            a, b = one.decided(study, run), other.decided(study, run)
            only[0], only[1] = only[0] + len(a.keys() - b.keys()), only[1] + len(b.keys() - a.keys())
            here += [TwiceRead(slide, key, a[key][0], (a[key][1], b[key][1])) for key in a if key in b]
        read += _marked(here, _settled(study, slide))
    return Agreement((first, second), tuple(read), (only[0], only[1]))


def settle(study: Study, cell: TwiceRead, readers: Readers, says: str) -> Event:
    """Store in the common reading what a cell is after all: a class, `NO_CELL` or `UNSURE`; it names both readers."""
    said = dict(zip(readers, (opinion.event for opinion in cell.opinions), strict=True))
    about: dict[str, Any] = {"about": cell.target}
    if any(event.id == _made_by(cell.target) and event.reader for event in study.events()):  # only that reader has it
        if says in (NO_CELL, UNSURE):
            return study.settle(cell.slide, "note", "", said, text=says, **about)
        return study.settle(cell.slide, "add", "", said, box=list(cell.box), label=says, **about)
    kinds: dict[str, Kind] = {NO_CELL: "reject", UNSURE: "unsure"}
    label = {} if says in kinds else {"label": says}
    return study.settle(cell.slide, kinds.get(says, "relabel"), cell.target, said, **label, **about)


def _two(study: Study, readers: Readers | None) -> Readers:
    known = blinded_readers(study)
    if readers is None:
        if len(known) != 1:
            has = f"has {len(known)} blinded readers ({', '.join(known)})" if known else "has no second reader yet"
            raise StudyError(f"The study {study.folder} {has}; name the two readers to compare.")
        return "", known[0]
    for reader in readers:
        if reader and reader not in known:
            raise StudyError(f"Nobody read the study {study.folder} as {reader!r}; its second readers are {known}.")
    if readers[0] == readers[1]:
        raise StudyError("A reader always agrees with himself; name two readers.")
    return readers


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reader's corrections of a slide, without what settled disagreements, and the last event on each cell."""

    corrections: tuple[Event, ...]
    last: dict[str, str]
    runs: tuple[str, ...]

    def decided(self, study: Study, run: str) -> dict[str, tuple[Box, Opinion]]:
        """Return box and opinion of the predictions of a run that the reader decided on."""
        found = self._opinions(fold_cells(study.findings(run), run, self.corrections, np.inf))
        return {key: one for key, one in found.items() if ":" in key}

    def added(self, study: Study) -> dict[str, tuple[Box, Opinion]]:
        """Return box and opinion of the cells the reader added, by hand or from a file, and did not take away again.

        Cells from a file on which nobody decided, neither there nor here, are no opinion.
        """
        found = self._opinions(fold_cells(None, "", self.corrections, imports=study.imported(self.corrections)))
        return {key: one for key, one in found.items() if one[1].says != NO_CELL}

    def _opinions(self, cells: Cells) -> dict[str, tuple[Box, Opinion]]:
        says = {State.REJECTED: NO_CELL, State.UNSURE: UNSURE}
        found: dict[str, tuple[Box, Opinion]] = {}
        for position in np.flatnonzero(cells.states != State.PREDICTED).tolist():
            key = cells.ids[position]
            x0, y0, x1, y1 = cells.boxes[position].tolist()
            said = says.get(State(int(cells.states[position])), cells.label(position))
            found[key] = ((x0, y0, x1, y1), Opinion(said, self.last.get(key) or _made_by(key)))
        return found


def _reading(study: Study, slide: str, reader: str) -> _Reading:
    corrections = tuple(event for event in study.corrections(slide, reader) if "settles" not in event.payload)
    last: dict[str, str] = {}
    for event in corrections:
        if event.kind == "add":
            last[event.id] = event.id
        last.update(dict.fromkeys(decided_on(event), event.id))
    targets = dict.fromkeys(target.rpartition(":")[0] for target in last if ":" in target)
    runs = study.runs(slide)  # other targets are of imports, which belong to one reading alone
    return _Reading(corrections, last, tuple(run for run in targets if run in runs))


def _made_by(cell: str) -> str:
    """Return the event that added a cell or brought it in."""
    return cell.partition(":")[0]


def _added(study: Study, slide: str, one: _Reading, other: _Reading) -> list[TwiceRead]:
    """Pair the cells that both added at the same place; of the others, one reader did not mark them."""
    first, second = list(one.added(study).items()), list(other.added(study).items())
    boxes = [np.array([box for _, (box, _) in part], np.float32).reshape(-1, 4) for part in (first, second)]
    pairs, overlaps = overlapping(boxes[0], boxes[1], SAME_CELL)
    pairs = one_to_one(pairs[np.argsort(-overlaps, kind="stable")], len(first), len(second))
    partner, met = dict(pairs.tolist()), set(pairs[:, 1].tolist())
    missing = Opinion(NOT_MARKED)
    read = []
    for position, (key, (box, opinion)) in enumerate(first):
        answer = second[partner[position]][1][1] if position in partner else missing
        read.append(TwiceRead(slide, key, box, (opinion, answer)))
    read += [
        TwiceRead(slide, key, box, (missing, opinion))
        for position, (key, (box, opinion)) in enumerate(second)
        if position not in met
    ]
    return read


def _settled(study: Study, slide: str) -> set[tuple[str, str]]:
    """Return what was settled: cells, each with an event about it."""
    settled = set()
    for event in study.corrections(slide, ""):
        if "settles" in event.payload:
            settled |= {(event.payload["about"], one) for one in event.payload["settles"].values() if one}
    return settled


def _marked(read: list[TwiceRead], settled: set[tuple[str, str]]) -> list[TwiceRead]:
    """Return cells with those marked of which every opinion was settled."""
    return [
        replace(cell, settled=all((cell.target, one.event) in settled for one in cell.opinions if one.event))
        for cell in read
    ]


def _json(kappa: Kappa) -> dict[str, Any]:
    numbers = {"kappa": kappa.value, "low": kappa.low, "high": kappa.high, "observed": kappa.observed}
    return {name: None if np.isnan(value) else value for name, value in numbers.items()} | {"cells": kappa.cells}
