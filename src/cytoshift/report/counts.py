"""How many cells of which class there are on a slide, where they come from, and which are the most severe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cytoshift.mitosis.classes import LOOK_ALIKE
from cytoshift.models.found_by import WITH
from cytoshift.report.contents import ClassCount, Source
from cytoshift.study.change import State
from cytoshift.study.palette import in_order, severity

if TYPE_CHECKING:
    from cytoshift.engine.findings import Box, Provenance
    from cytoshift.models.card import Card
    from cytoshift.study import Cells, Event

Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

BY_HAND = "Added by hand"

_DIGITS = 12
"""Of a checksum, as people compare them."""


def counted(cells: Cells) -> Bools:
    """Return which cells are counted: all but those that a person rejected or could not tell."""
    kept: Bools = (cells.states != State.REJECTED) & (cells.states != State.UNSURE)
    return kept


def class_counts(cells: Cells, searched: Box | None, mm2: float | None) -> tuple[ClassCount, ...]:
    """Count cells by class, every class that could have been given.

    Parameters
    ----------
    cells : Cells
    searched : tuple of float or None
        The part of the slide that ``mm2`` is of, in level-0 pixels; cells with their middle in it are in densities.
    mm2 : float or None
        Tissue in that part.
    """
    keep, number = counted(cells), len(cells.classes)
    decided = keep & (cells.states != State.PREDICTED)
    of_all, of_decided = (np.bincount(cells.labels[which], minlength=number) for which in (keep, decided))
    here = np.zeros(number, np.int64)
    if searched is not None and mm2:
        x, y = (cells.boxes[:, :2] + cells.boxes[:, 2:]).T / 2
        x0, y0, x1, y1 = searched
        inside = keep & (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
        here = np.bincount(cells.labels[inside], minlength=number)
    places = {name: at for at, name in enumerate(cells.classes)}
    return tuple(
        ClassCount(
            name,
            int(of_all[places[name]]),
            int(of_decided[places[name]]),
            int(here[places[name]]) / mm2 if searched is not None and mm2 else None,
        )
        for name in in_order(set(places))
    )


def most_severe(cells: Cells, number: int) -> Indices:
    """Return the most severe cells: by class, those decided on, unsure ones, others, then by score.

    Cells that were rejected, and what only looks like a mitosis, are left out.
    """
    keep = cells.states != State.REJECTED
    if LOOK_ALIKE in cells.classes:
        keep &= cells.labels != cells.classes.index(LOOK_ALIKE)
    which = np.flatnonzero(keep)
    ranks = np.array([severity(name) for name in (*cells.classes, "")], np.int64)[cells.labels[which]]
    states = cells.states[which]
    open_ = np.where(states == State.PREDICTED, 2, np.where(states == State.UNSURE, 1, 0))
    return which[np.lexsort((-cells.scores[which], open_, -ranks))[:number]]


def source_of(cells: Cells) -> Indices:
    """Return which of the sources of its ids each cell comes from; -1 for cells that were added by hand."""
    starts = np.array([start for start, _ in cells.ids.sources], np.int64)
    numbers = cells.ids.numbers
    return np.where(numbers < 0, -1, np.searchsorted(starts, numbers, side="right") - 1)


def sources_of(
    cells: Cells, searches: Iterable[tuple[str, Provenance, int]], imports: Iterable[Event], cards: Iterable[Card]
) -> tuple[tuple[Source, ...], dict[int, str]]:
    """Say where the cells of a slide come from.

    Parameters
    ----------
    cells : Cells
    searches : iterable of (str, Provenance, int)
        All searches of the slide, oldest first.
    imports : iterable of Event
        Those that brought in cells.
    cards : iterable of Card
        Models that are known on this computer.

    Returns
    -------
    tuple of Source
        Sources of counted cells with their keys, then other searches, the newest first.
    dict of int to str
        Keys by what `source_of` gives.
    """
    runs = {run: (made, number) for run, made, number in searches}
    files, titles = {event.id: event for event in imports}, {card.sha256: card.title for card in cards}
    numbers = np.bincount(source_of(cells)[counted(cells)] + 1, minlength=len(cells.ids.sources) + 1).tolist()
    found: list[Source] = []
    keys: dict[int, str] = {}
    here = set()
    for at, (_, identifier) in enumerate(cells.ids.sources):
        here.add(identifier)
        keys[at] = _key(len(found))
        if identifier in runs:
            found.append(_of_search(keys[at], runs[identifier][0], numbers[at + 1], titles))
        elif identifier in files:
            found.append(_of_file(keys[at], files[identifier], numbers[at + 1]))
    if (cells.ids.numbers < 0).any():
        keys[-1] = _key(len(found))
        found.append(Source(keys[-1], BY_HAND, "", "", "", numbers[0]))
    others = [_of_search("", made, number, titles) for run, (made, number) in runs.items() if run not in here]
    return (*found, *reversed(others)), keys


def _key(at: int) -> str:
    """Return the letter of a source: A to Z, then A2 and so on."""
    return chr(ord("A") + at % 26) + (str(at // 26 + 1) if at >= 26 else "")


def _of_search(key: str, made: Provenance, cells: int, titles: dict[str, str]) -> Source:
    """Say which model searched; by its title where just this version of it is known here."""
    names = [
        f"{titles[version]} ({name})" if version and version in titles else name
        for name, version in zip(
            made.model.split(WITH), _padded(made.version.split(WITH), made.model.count(WITH) + 1), strict=True
        )
    ]
    version = f" {WITH} ".join(part[:_DIGITS] for part in made.version.split(WITH) if part)
    where = "the whole slide" if made.region is None else "a part of the slide"
    looked_at = f"{where}, through {made.through}" if made.through else where
    return Source(key, " with ".join(names), version, looked_at, made.made[:10], cells)


def _padded(parts: list[str], number: int) -> list[str]:
    return (parts + [""] * number)[:number]


def _of_file(key: str, event: Event, cells: int) -> Source:
    return Source(key, f"File {event.payload['source']}", "", f"taken in by {event.author}", event.time[:10], cells)
