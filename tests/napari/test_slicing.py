"""Slices reach the window from napari's thread through a relay of ours, and none of napari's own ways is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.settings import get_settings
from qtpy.QtCore import QThread

from napari_cytoshift.slicing import relay_slices
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]


def test_slices_arrive_in_the_qt_thread_once_each(make_napari_viewer: Make, make_slide: Make, qtbot: Any) -> None:
    viewer = make_napari_viewer()
    relay = relay_slices(viewer)
    assert relay is not None
    assert relay_slices(viewer) is relay
    threads: list[bool] = []
    relay.arrived.connect(lambda _: threads.append(QThread.currentThread() is relay.thread()))
    Workspace.of(viewer).show(make_slide())
    assert get_settings().experimental.async_
    layer = viewer.add_points(np.zeros((5, 2)))
    qtbot.waitUntil(lambda: all(one.loaded for one in viewer.layers))
    assert threads
    assert all(threads)
    assert len(layer._view_indices) == 5
    receivers = viewer._layer_slicer.events.ready.callbacks
    assert len(receivers) == 1
