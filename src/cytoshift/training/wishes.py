"""What a person wants of a training that runs."""

from __future__ import annotations

from typing import Literal, Protocol

from cytoshift.errors import Cancelled, Paused

Wish = Literal["run", "stop_early", "pause", "cancel"]


class Control(Protocol):
    """Where the loop asks, at every step, whether to go on."""

    def state(self) -> Wish:
        """Return what the person wants now."""


def heed(wish: Wish) -> None:
    """Leave off where that is wanted.

    Raises
    ------
    Cancelled
    Paused
    """
    if wish == "cancel":
        raise Cancelled("The training was cancelled; nothing of it is kept.")
    if wish == "pause":
        raise Paused("Paused; resume the job to go on from here.")
