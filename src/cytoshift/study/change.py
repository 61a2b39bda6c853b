"""What corrections make of one cell: the last decision counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from cytoshift.study.events import Box, Event

DECISIONS = ("accept", "reject", "unsure", "relabel", "move", "resize")
"""Kinds of events that decide on a cell; an import does so, too, where its file says otherwise of cells."""


class State(IntEnum):
    """What is known of a cell."""

    PREDICTED = 0
    ACCEPTED = 1
    REJECTED = 2
    UNSURE = 3
    ADDED = 4


@dataclass(slots=True)
class Change:
    """What corrections made of one cell: its state, and what a person put in place of its label and its box.

    ``move`` and ``resize`` both give a cell a box: ``move`` one of the same size elsewhere, ``resize`` one of another
    size, wherever it lies. Moves of earlier versions may do either.
    """

    state: State
    label: str = ""
    box: Box | None = None
    added: bool = False
    corrected: bool = False

    @classmethod
    def of_added(cls, event: Event) -> Change:
        """Return a cell as a person added it."""
        return cls(State.ADDED, event.payload["label"], event.box, added=True)

    def apply(self, event: Event, target: str) -> None:
        """Take in one more correction of the cell, which is ``target`` in it."""
        yes = State.ADDED if self.added else State.ACCEPTED
        if event.kind == "reject":
            self.state = State.REJECTED
        elif event.kind == "unsure":
            self.state = State.UNSURE
        elif event.kind == "accept":
            self.state = yes
        elif event.kind == "import":
            self._correct(event.payload["edits"][target], yes)
        else:
            what = "label" if event.kind == "relabel" else "box"
            self._correct({what: event.payload[what]}, yes)

    def _correct(self, said: Mapping[str, Any], yes: State) -> None:
        """Take another class, another box, or both; who gives a class is sure of it."""
        if "label" in said:
            self.state, self.label, self.corrected = yes, said["label"], True
        if "box" in said:
            x0, y0, x1, y1 = said["box"]
            self.box, self.corrected = (x0, y0, x1, y1), True
            self.state = self.state if self.state is State.UNSURE else yes


def decided_on(event: Event) -> tuple[str, ...]:
    """Return the cells that an event decides on."""
    return event.targets if event.kind in DECISIONS or "edits" in event.payload else ()
