"""A clock in the window's event loop: how long it ever stood still, and what was on the screen when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEventLoop, QObject, Qt, QTimer

from napari_cytoshift.layers.sharpening import UNKNOWN

RGB = npt.NDArray[np.uint8]


class Heartbeat(QObject):
    """Beats every millisecond in the event loop; `gaps` are the seconds between beats."""

    def __init__(self) -> None:
        super().__init__()
        self._beats: list[float] = []
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(1)
        self._timer.timeout.connect(lambda: self._beats.append(time.perf_counter()))

    def start(self) -> None:
        """Begin anew."""
        self._beats.clear()
        self._timer.start()

    def stop(self) -> npt.NDArray[np.float64]:
        """Stop, and return the seconds between beats since `start`."""
        self._timer.stop()
        return np.diff(self._beats)


@dataclass(frozen=True)
class Painted:
    """What a layer had on the screen at a time: the pixels of a level, from a corner on."""

    at: float
    level: int
    corner: tuple[int, int]
    pixels: RGB


class Screen:
    """Notes what a multiscale layer shows each time the canvas has been drawn."""

    def __init__(self, viewer: Any) -> None:
        self.layer: Any = None
        self.seen: list[Painted] = []
        self._only: Callable[[RGB], bool] = lambda pixels: True
        viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(self._note, position="last")

    def watch(self, layer: Any, only: Callable[[RGB], bool] = lambda pixels: True) -> None:
        """Watch a layer from now on, and note only some of what it shows."""
        self.layer, self.seen, self._only = layer, [], only

    def _note(self, event: Any) -> None:
        if self.layer is None:
            return
        slice_ = self.layer._slice  # napari has no public way to what it draws
        step = slice_.tile_to_data.scale
        level = int(np.argmin(np.abs(self.layer.downsample_factors[:, 0] - step[0])))
        y, x = (round(float(value)) for value in slice_.tile_to_data.translate / step)
        pixels = np.asarray(slice_.image.view)
        if self._only(pixels):
            self.seen.append(Painted(time.perf_counter(), level, (y, x), pixels))


def shows_nothing(pixels: RGB) -> bool:
    """Whether some of a picture is the even grey of what nobody knows: 48 pixels in a row and in a column."""
    unknown = (pixels[::12, ::12] == UNKNOWN).all(axis=2)
    blocks = [unknown[y : len(unknown) - 3 + y, x : unknown.shape[1] - 3 + x] for y in range(4) for x in range(4)]
    return bool(np.all(blocks, axis=0).any())


def pump(seconds: float) -> None:
    """Let the event loop run for a while."""
    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


def pump_until(condition: Any, most: float) -> bool:
    """Let the event loop run until a condition holds, looking every 10 ms; False when it never did."""
    end = time.perf_counter() + most
    while not condition():
        if time.perf_counter() > end:
            return False
        pump(0.01)
    return True
