"""Which places of the order are chosen: one, or several with Shift and Ctrl, as in a list of files."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class Selection:
    """Chosen places of an order.

    Attributes
    ----------
    current : int or None
        The place that is looked at.
    """

    def __init__(self) -> None:
        self.current: int | None = None
        self._anchor = 0
        self._chosen = np.zeros(0, np.bool_)

    def __contains__(self, place: int) -> bool:
        return place < len(self._chosen) and bool(self._chosen[place])

    def __len__(self) -> int:
        return int(np.count_nonzero(self._chosen))

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """The chosen places, in order."""
        return np.flatnonzero(self._chosen)

    def reset(self, length: int, current: int | None) -> None:
        """Begin with an order of so many places, with one of them, or none, chosen."""
        self._chosen = np.zeros(length, np.bool_)
        self.current, self._anchor = current, current or 0
        if current is not None:
            self._chosen[current] = True

    def only(self, place: int) -> None:
        """Choose one place, and nothing else."""
        self.reset(len(self._chosen), place)

    def toggle(self, place: int) -> None:
        """Choose a place besides, or no more; the last one stays chosen."""
        if place in self and len(self) == 1:
            return
        self._chosen[place] = not self._chosen[place]
        self._anchor = place
        if self._chosen[place]:
            self.current = place
        elif self.current == place:
            self.current = int(self.places[np.argmin(np.abs(self.places - place))])

    def extend(self, place: int) -> None:
        """Choose everything between the place that was clicked last and another, and nothing else."""
        self._chosen[:] = False
        self._chosen[min(self._anchor, place) : max(self._anchor, place) + 1] = True
        self.current = place

    def all(self) -> None:
        """Choose every place."""
        self._chosen[:] = True
