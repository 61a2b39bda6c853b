"""The mouse on the canvas while the review is on: clicks select a cell or add one, and drags draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari import Viewer

STILL = 4.0
"""Screen pixels within which a press and a release are a click and not a drag."""

Path = list[tuple[float, float]]


class Clicks:
    """Hands clicks and drags with the left button on, as world y, x; without a tool, drags go on moving the view.

    Parameters
    ----------
    click : callable
        Called with world y and x of each click, and whether Shift or Alt was held.
    drawing : callable
        Whether drags draw; never by default.
    draw : callable
        Called with the way of the mouse so far at each move of a drag that draws, whether Shift or Alt was held, and
        whether it is over.
    """

    def __init__(
        self,
        click: Callable[[float, float, bool], None],
        drawing: Callable[[], bool] = lambda: False,
        draw: Callable[[Path, bool, bool], None] = lambda way, held, over: None,
    ) -> None:
        self._click, self._drawing, self._draw = click, drawing, draw

    def set_on(self, viewer: Viewer, on: bool) -> None:
        """Listen to a viewer, or stop."""
        callbacks = viewer.mouse_drag_callbacks
        if on and self._follow not in callbacks:
            callbacks.append(self._follow)
        elif not on and self._follow in callbacks:
            callbacks.remove(self._follow)

    def _follow(self, viewer: Viewer, event: Any) -> Iterator[None]:
        draws, held = self._drawing(), {str(getattr(key, "name", key)) for key in event.modifiers}
        if event.button != 1 or (held and not (draws and held <= {"Shift", "Alt"})):
            return
        pressed, way, moved = event.pos, [_place(event)], 0.0
        camera = viewer.scene.camera
        pans = camera.mouse_pan
        camera.mouse_pan = pans and not draws
        try:
            yield
            while event.type == "mouse_move":
                moved = max(moved, *(abs(a - b) for a, b in zip(event.pos, pressed, strict=True)))
                if draws and moved > STILL:
                    way.append(_place(event))
                    self._draw(way, bool(held), False)
                yield
        finally:
            camera.mouse_pan = pans
        if moved <= STILL:
            self._click(*way[0], bool(held))
        elif draws:
            self._draw(way, bool(held), True)


def _place(event: Any) -> tuple[float, float]:
    y, x = event.position[-2:]
    return float(y), float(x)
