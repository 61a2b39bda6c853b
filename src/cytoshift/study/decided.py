"""The mitoses of a study that a person decided on: what a classifier of mitoses can learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cytoshift.engine.suppress import greedy_apart
from cytoshift.errors import StudyError
from cytoshift.mitosis.classes import ATYPICAL, NORMAL, finds_mitoses
from cytoshift.study.change import State, decided_on
from cytoshift.study.log import SlideRecord
from cytoshift.study.store import Study

LEAST = 8
"""Normal and atypical mitoses needed: of fewer, next to none are left to choose by and to measure with."""

APART_UM = 6.25
"""Centres at most so far apart are one mitosis that several searches found, or a person drew beside it."""

KINDS = {NORMAL: 0, ATYPICAL: 1}
"""Labels by the names of the classes."""

_ABOVE = 2.0
"""A threshold above every score: what nobody decided on is left out."""

_YES = (State.ACCEPTED, State.ADDED)


@dataclass(frozen=True, slots=True)
class DecidedMitoses:
    """The mitoses of one slide that a person called normal or atypical.

    Parameters
    ----------
    record : SlideRecord
        The slide.
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in level-0 pixels.
    labels : ndarray of int64, shape (n,)
        0 normal, 1 atypical.
    """

    record: SlideRecord
    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.boxes)


def has_mitoses(study: Study) -> bool:
    """Whether any search, file or person found mitoses in a study."""
    return finds_mitoses(study.classes())


def decided_mitoses(study: Study, record: SlideRecord) -> DecidedMitoses:
    """Return the mitoses of a slide that were accepted, renamed, moved or added, in any search, file or by hand.

    What was rejected, left unsure, or called anything else than a normal or an atypical mitosis is not among them. Of
    what several searches found at one place the last decision counts.
    """
    found, given = _decided(study, record)
    settled = [cell for cell in _one_a_place(found, record) if cell.kind is not None]
    mitoses = _one_a_place([*settled, *(cell for cell in given if cell.kind is not None)], record)
    return DecidedMitoses(
        record,
        np.array([cell.box for cell in mitoses], np.float32).reshape(-1, 4),
        np.array([cell.kind for cell in mitoses], np.int64),
    )


def count_kinds(sets: Sequence[DecidedMitoses]) -> tuple[int, int]:
    """Return how many normal and how many atypical mitoses there are."""
    atypical = sum(int(one.labels.sum()) for one in sets)
    return sum(len(one) for one in sets) - atypical, atypical


def too_few(normal: int, atypical: int) -> str:
    """Say in one sentence that there are too few mitoses to learn from; ``""`` where there are enough."""
    need = f"decide on at least {LEAST} of each kind"
    if not normal and not atypical:
        return f"Nobody decided on normal and atypical mitoses yet; {need} in Review."
    few = {"normal": normal, "atypical": atypical}
    few = {kind: number for kind, number in few.items() if number < LEAST}
    if not few:
        return ""
    said = " and ".join(f"{number or 'no'} {kind} mitos{'is' if number == 1 else 'es'}" for kind, number in few.items())
    verb = "is" if sum(few.values()) == 1 and len(few) == 1 else "are"
    return f"{said[:1].upper()}{said[1:]} {verb} too few; {need}."


def unmeasured(sets: Sequence[DecidedMitoses]) -> str:
    """Say in one sentence which slide with mitoses does not say its µm/px; ``""`` where all do."""
    name = next((one.record.name for one in sets if len(one) and one.record.mpp_yx is None), None)
    return f"The slide {name} does not say how large a pixel is; open it and set its µm/px in Slide." if name else ""


def check_enough(sets: Sequence[DecidedMitoses]) -> None:
    """Raise StudyError where there are too few mitoses to learn from, or a slide does not say its µm/px."""
    said = too_few(*count_kinds(sets)) or unmeasured(sets)
    if said:
        raise StudyError(said)


class _Cell(NamedTuple):
    """A cell that a person decided on: ``kind`` None for no mitosis, ``when`` a place in the log."""

    source: str
    box: npt.NDArray[np.float32]
    kind: int | None
    when: int


def _decided(study: Study, record: SlideRecord) -> tuple[list[_Cell], list[_Cell]]:
    """Return what a person decided on: what searches found, and what came from files or was drawn."""
    last: dict[str, int] = {}
    for event in study.corrections(record.identity):
        last.update(dict.fromkeys(decided_on(event), event.seq))
        if event.kind in ("add", "import"):
            last[event.id] = event.seq
    sources = {target.rpartition(":")[0] for target in last}
    found: dict[str, _Cell] = {}
    given: dict[str, _Cell] = {}
    for run in ("", *(run for run in study.runs(record.identity) if run in sources)):
        cells = study.cells(record.identity, run, _ABOVE)
        for position in np.flatnonzero(cells.states != State.PREDICTED).tolist():
            identifier = cells.ids[position]
            source = identifier.rpartition(":")[0]
            kind = KINDS.get(cells.label(position)) if cells.states[position] in _YES else None
            when = last[identifier] if identifier in last else last[source]
            lot = found if source and source == run else given
            lot[identifier] = _Cell(source, cells.boxes[position], kind, when)
    return list(found.values()), list(given.values())


def _one_a_place(cells: list[_Cell], record: SlideRecord) -> list[_Cell]:
    """Return the cell of each place that was decided on last; cells of one source are never the same."""
    if record.mpp_yx is None or not cells:
        return cells
    numbers = {source: number for number, source in enumerate(dict.fromkeys(cell.source for cell in cells))}
    kept = greedy_apart(
        np.array([cell.box for cell in cells], np.float32),
        np.argsort([-cell.when for cell in cells], kind="stable").astype(np.int64),
        np.array([numbers[cell.source] for cell in cells], np.int64),
        APART_UM * 2 / sum(record.mpp_yx),
    )
    return [cell for cell, stays in zip(cells, kept, strict=True) if stays]
