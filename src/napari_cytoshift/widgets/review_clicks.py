"""Clicks on the canvas while the review is on: one selects a cell, or adds one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari import Viewer

STILL = 4.0
"""Screen pixels within which a press and a release are a click and not a drag."""


class Clicks:
    """Hands clicks with the left button on, as world y, x; drags go on moving the view.

    Parameters
    ----------
    act : callable
        Called with world y and x of each click.
    """

    def __init__(self, act: Callable[[float, float], None]) -> None:
        self._act = act

    def set_on(self, viewer: Viewer, on: bool) -> None:
        """Listen to a viewer, or stop."""
        callbacks = viewer.mouse_drag_callbacks
        if on and self._follow not in callbacks:
            callbacks.append(self._follow)
        elif not on and self._follow in callbacks:
            callbacks.remove(self._follow)

    def _follow(self, viewer: Viewer, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers:
            return
        pressed, start = event.pos, event.position
        moved = 0.0
        yield
        while event.type == "mouse_move":
            moved = max(moved, *(abs(a - b) for a, b in zip(event.pos, pressed, strict=True)))
            yield
        if moved <= STILL:
            self._act(*(float(value) for value in start[-2:]))
