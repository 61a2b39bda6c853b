"""What was decided on a slide and noted about it, by whom and when; and decisions about cells of other searches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from cytoshift.report.contents import Decided, Note
from cytoshift.study.change import decided_on

if TYPE_CHECKING:
    from cytoshift.study import Event

_SAID = {
    "accept": "accepted",
    "reject": "rejected",
    "unsure": "unsure",
    "relabel": "relabelled",
    "move": "moved",
    "resize": "moved",
    "add": "added",
    "import": "imported",
}


def decided_by(corrections: Iterable[Event]) -> tuple[Decided, ...]:
    """Count what each author decided on cells, of corrections that are in force; authors as they first came."""
    said: dict[str, Counter[str]] = {}
    times: dict[str, tuple[str, str]] = {}
    regions: set[str] = set()
    for event in corrections:
        regions.update(event.made(("mark_complete",)))
        number = _cells(event, regions)
        if number:
            said.setdefault(event.author, Counter())[_SAID[event.kind]] += number
            first, last = times.get(event.author, (event.time, event.time))
            times[event.author] = min(first, event.time), max(last, event.time)
    return tuple(
        Decided(author, **{name: counts[name] for name in dict.fromkeys(_SAID.values())}, first=first, last=last)
        for (author, counts), (first, last) in zip(said.items(), times.values(), strict=True)
    )


def _cells(event: Event, regions: Collection[str]) -> int:
    """Return of how many cells a correction says something."""
    if event.kind == "add":
        return 1
    if event.kind == "import":
        return int(event.payload["cells"]) + len(decided_on(event))
    return sum(target not in regions for target in decided_on(event))


def notes_about(corrections: Iterable[Event]) -> tuple[Note, ...]:
    """Return the notes about the slide itself; those that settle a disagreement of readers are of a cell."""
    return tuple(
        Note(event.author, event.time, event.payload["text"])
        for event in corrections
        if event.kind == "note" and not event.target and "settles" not in event.payload
    )


def decided_elsewhere(corrections: Iterable[Event], sources: Collection[str]) -> int:
    """Return how many predictions of other searches than these somebody decided on."""
    targets = {target for event in corrections for target in decided_on(event)}
    return sum(":" in target and target.rpartition(":")[0] not in sources for target in targets)
