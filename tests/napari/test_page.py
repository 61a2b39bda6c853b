"""A dock that is too high for the screen is scrolled, and the window stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtWidgets import QLabel

from napari_cytoshift.widgets.dock import Dock

LONG = 60_000


class High(Dock):
    """A dock of one label."""

    def refresh(self) -> None: ...


@pytest.mark.parametrize("height", [100, 2000])
def test_what_is_too_high_is_scrolled(make_napari_viewer: Callable[..., Any], qtbot: Any, height: int) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1366, 768)
    dock, label = High(viewer), QLabel("words")
    dock.content.addWidget(label)
    viewer.window.add_dock_widget(dock, name="High", area="right")
    dock.show_start(False)
    label.setMinimumHeight(height)
    bar = dock.page.verticalScrollBar()
    qtbot.waitUntil(lambda: label.height() >= height, timeout=LONG)
    qtbot.waitUntil(lambda: bar.isVisible() == (height == 2000), timeout=LONG)
    assert viewer.window._qt_window.height() == 768
    assert dock.whole.height() > height
    assert label.width() <= dock.page.viewport().width()
