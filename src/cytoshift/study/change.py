"""What corrections make of one cell: the last decision counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cytoshift.study.events import Box, Event

DECISIONS = ("accept", "reject", "unsure", "relabel", "move", "resize")
"""Kinds of events that decide on a cell."""


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

    def apply(self, event: Event) -> None:
        """Take in one more correction."""
        yes = State.ADDED if self.added else State.ACCEPTED
        if event.kind == "reject":
            self.state = State.REJECTED
        elif event.kind == "unsure":
            self.state = State.UNSURE
        elif event.kind == "accept":
            self.state = yes
        elif event.kind == "relabel":
            self.state, self.label, self.corrected = yes, event.payload["label"], True
        elif event.kind in ("move", "resize"):
            self.box, self.corrected = event.box, True
            self.state = self.state if self.state is State.UNSURE else yes
