"""Hands napari's slices, made in its thread, to the Qt thread without a lock that the Qt thread may hold.

napari 0.9 lets a decorator (superqt's ``ensure_main_thread``) connect and disconnect a signal in the slicing thread.
With PySide6 that thread then holds one of Qt's locks and waits for Python's, while the Qt thread, connecting a widget,
holds Python's and waits for Qt's: the window stands still for ever. Here the slicing thread only emits a signal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, Signal

if TYPE_CHECKING:
    from napari import Viewer
    from napari.utils.events import Event


class SliceRelay(QObject):
    """Lives in the Qt thread; what `take` is given in another thread arrives there."""

    arrived = Signal(object)

    def take(self, event: Event) -> None:
        """Hand a finished slice on; called in the slicing thread."""
        self.arrived.emit(event)


def relay_slices(viewer: Viewer) -> SliceRelay | None:
    """Put a relay between napari's slicing thread and a viewer's window, once; None for a viewer without a window."""
    window = getattr(viewer, "window", None)
    if window is None:
        return None
    canvas = window._qt_viewer  # napari has no public way to where its slices arrive
    known: SliceRelay | None = canvas.findChild(SliceRelay)
    if known is not None:
        return known
    relay = SliceRelay(canvas)
    relay.arrived.connect(canvas._on_slice_ready, Qt.ConnectionType.QueuedConnection)
    ready = viewer._layer_slicer.events.ready
    ready.disconnect(canvas._on_slice_ready)
    ready.connect(relay.take)
    return relay
