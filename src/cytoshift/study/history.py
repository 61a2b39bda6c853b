"""What of a log of events is in force: undo and redo without limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cytoshift.study.events import Event


@dataclass(slots=True)
class _Branch:
    """One reading's corrections of a slide: in force, oldest first, and taken back, last of all last, with seq."""

    done: list[tuple[int, Event]] = field(default_factory=list)
    undone: list[tuple[int, Event]] = field(default_factory=list)
    about: dict[str, list[Event]] = field(default_factory=dict)
    """Those in force by what they are about, for an added cell or a region the event that made it first."""

    def put(self, seq: int, event: Event) -> None:
        """Put an event in force."""
        self.done.append((seq, event))
        for target in _about(event):
            self.about.setdefault(target, []).append(event)

    def take(self, seq: int) -> None:
        """Take back the last event in force."""
        _, event = self.done.pop()
        self.undone.append((seq, event))
        for target in _about(event):
            self.about[target].pop()  # the last of all is the last about each


class History:
    """The events of a log that are in force, and what can be undone and redone. Made by `fold`.

    Every reading of a slide has a line of its own, so that a blinded reader and the others neither see nor undo each
    other's corrections: ``undo`` takes back the last correction in force on its slide, ``redo`` puts
    back the last one taken back there, and a new correction drops what was taken back on its slide. For the whole
    study the last correction done or redone anywhere is undone, and what was last taken back anywhere is redone, as
    long as no slide was corrected since.

    Attributes
    ----------
    taken_back : set of str
        Ids of the corrections that are not in force.
    """

    def __init__(self) -> None:
        self._branches: dict[tuple[str, str], _Branch] = {}
        self._corrected: dict[str, int] = {}
        self.taken_back: set[str] = set()
        self._events: dict[str, Event] = {}

    def append(self, event: Event) -> None:
        """Fold one more event in.

        An ``undo`` that does not point at the last correction in force on its slide, or a ``redo`` that does not point
        at what was last taken back there, changes nothing.
        """
        branch = self._branches.setdefault((event.reader, event.slide), _Branch())
        self._events[event.id] = event
        if event.kind == "undo":
            if branch.done and branch.done[-1][1].id == event.target:
                branch.take(event.seq)
                self.taken_back.add(event.target)
        elif event.kind == "redo":
            if branch.undone and branch.undone[-1][1].id == event.target:
                branch.put(event.seq, branch.undone.pop()[1])
                self.taken_back.discard(event.target)
        else:
            branch.put(event.seq, event)
            branch.undone.clear()
            self._corrected[event.reader] = event.seq

    def event(self, identifier: str) -> Event | None:
        """Return an event by its id."""
        return self._events.get(identifier)

    def about(self, slide: str, target: str, reader: str = "") -> tuple[Event, ...]:
        """Return the corrections in force about a cell or a region, oldest first, that which made it included."""
        return tuple(self._branch(slide, reader).about.get(target, ()))

    def corrections(self, slide: str, reader: str = "") -> tuple[Event, ...]:
        """Return the corrections of a reading of a slide that are in force, oldest first."""
        return tuple(event for _, event in self._branch(slide, reader).done)

    def to_undo(self, slide: str | None = None, reader: str = "") -> Event | None:
        """Return what an undo on a slide, or in the whole study, takes back; None when there is nothing."""
        branches = self._reading(reader) if slide is None else [self._branch(slide, reader)]
        last = max((branch.done[-1] for branch in branches if branch.done), key=_seq, default=None)
        return None if last is None else last[1]

    def to_redo(self, slide: str | None = None, reader: str = "") -> Event | None:
        """Return what a redo on a slide, or in the whole study, puts back; None when there is nothing."""
        branches = self._reading(reader) if slide is None else [self._branch(slide, reader)]
        last = max((branch.undone[-1] for branch in branches if branch.undone), key=_seq, default=None)
        if last is None or (slide is None and last[0] < self._corrected.get(reader, 0)):
            return None
        return last[1]

    def _branch(self, slide: str, reader: str) -> _Branch:
        return self._branches.get((reader, slide)) or _Branch()

    def _reading(self, reader: str) -> list[_Branch]:
        return [branch for (of, _), branch in self._branches.items() if of == reader]


def _about(event: Event) -> set[str]:
    return {*event.targets, *event.made(("add", "mark_complete"))} - {""}


def fold(events: Iterable[Event]) -> History:
    """Fold a log, in its order, into what is in force; the same log always gives the same history."""
    history = History()
    for event in events:
        history.append(event)
    return history


def _seq(entry: tuple[int, Event]) -> int:
    return entry[0]


def decisions(events: Iterable[Event], target: str) -> tuple[Event, ...]:
    """Return everything that was ever said of a cell or a region, oldest first, undone or not, undoing included."""
    found: dict[str, Event] = {}
    for event in events:
        if target in _about(event) or (event.kind in ("undo", "redo") and event.target in found):
            found[event.id] = event
    return tuple(found.values())
