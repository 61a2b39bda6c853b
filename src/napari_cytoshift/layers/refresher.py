"""Redraws a sharpening layer in the Qt thread until it is true: now and then, and at once when its view is whole."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_cytoshift import notices
from napari_cytoshift.layers.sharpening import Sharpener

if TYPE_CHECKING:
    from napari.layers import Image

INTERVAL_MS = 150


class Refresher(QObject):
    """Follows a `Sharpener` and refreshes the layer that shows it.

    Attributes
    ----------
    approximate_changed : Signal(bool)
        Whether the layer shows stand-ins; also when that stays, but `stage` or `too_wide` is another.
    """

    approximate_changed = Signal(bool)
    _arrived = Signal(bool)
    _viewed = Signal()

    def __init__(self, layer: Image, sharpener: Sharpener) -> None:
        super().__init__()
        self._layer = weakref.ref(layer)
        self._sharpener = sharpener
        self._stage, self._too_wide = len(sharpener.stages) - 1, False
        self._approximate = False
        self._told = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._refresh)
        self._arrived.connect(self._schedule, Qt.ConnectionType.QueuedConnection)
        self._viewed.connect(self._look, Qt.ConnectionType.QueuedConnection)
        layer.events.set_data.connect(self._on_slice)
        sharpener.on_arrival = partial(_emit, self._arrived)
        sharpener.on_view = partial(_emit, self._viewed)

    @property
    def approximate(self) -> bool:
        """Whether the layer shows stand-ins."""
        return self._approximate

    @property
    def stage(self) -> int:
        """The stage that everything shown has reached at least: an index of the sharpener's, -1 before the first."""
        return self._stage

    @property
    def too_wide(self) -> bool:
        """Whether they stay until a person zooms in: the true picture of so wide a view would take too long."""
        return self._too_wide

    def stop(self) -> None:
        """Stop the threads and the timers, and leave the layer alone; nothing is told any more."""
        self._sharpener.stop()
        self._timer.stop()
        self.blockSignals(True)
        layer = self._layer()
        if layer is not None:
            layer.events.set_data.disconnect(self._on_slice)

    def _schedule(self, last: bool) -> None:
        self._look()
        if last:
            self._timer.stop()
            self._refresh()
        elif not self._timer.isActive():
            self._timer.start()

    def _refresh(self) -> None:
        layer = self._layer()
        if layer is None:
            self.stop()
            return
        if self._shows_coarsest(layer) and self._sharpener.preview is not None:
            layer._reset_thumbnail_level_data()  # napari 0.9 keeps the coarsest level as it was read first
        layer.refresh(thumbnail=False, highlight=False, extent=False)
        error = self._sharpener.error
        if error is not None and not self._told:
            self._told = True
            notices.complain(error)

    def _on_slice(self) -> None:
        layer = self._layer()
        if layer is not None and self._shows_coarsest(layer):
            layer.data[-1].look()

    def _shows_coarsest(self, layer: Image) -> bool:
        return int(layer.data_level) == len(self._sharpener.slide.levels) - 1

    def _look(self) -> None:
        stage, too_wide = self._sharpener.stage, self._sharpener.too_wide
        now = stage < len(self._sharpener.stages) - 1
        if (stage, now, too_wide) != (self._stage, self._approximate, self._too_wide):
            self._stage, self._approximate, self._too_wide = stage, now, too_wide
            self.approximate_changed.emit(now)


def _emit(signal: Any, *values: object) -> None:
    with suppress(RuntimeError):  # the window, and its objects with it, may be gone
        signal.emit(*values)
