"""A person at the window: real clicks and keys, and pictures of what they see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_cytoshift.commands import PLUGIN
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.workspace import Workspace

SCREEN = (1366, 768)
LONG = 300_000  # a shared machine may be slow; nothing here waits for a fixed time


class Hands:
    """A person at the window: brings docks to the front, presses buttons, keys and the mouse."""

    def __init__(self, viewer: Any, qtbot: Any, images: Path, story: str) -> None:
        self.viewer, self.qtbot, self.images, self.story = viewer, qtbot, images, story
        self.workspace = Workspace.of(viewer)
        self.steps = 0

    @property
    def canvas(self) -> QWidget:
        native: QWidget = self.viewer.window._qt_viewer.canvas.native
        return native

    def dock(self, name: str) -> Any:
        frame, dock = self.viewer.window.add_plugin_dock_widget(PLUGIN, name)
        frame.show()
        frame.raise_()
        self.qtbot.waitUntil(lambda: dock.isVisible(), timeout=LONG)
        return dock

    def press(self, widget: QWidget) -> None:
        assert widget.isEnabled(), widget.toolTip()
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        window = self.viewer.window._qt_window
        window.activateWindow()
        self.canvas.setFocus()
        self.qtbot.waitUntil(window.isActiveWindow, timeout=LONG)
        QTest.keyClick(self.canvas, key, modifier)

    def click_at(self, x: float, y: float) -> None:
        """Click on the canvas at a level-0 pixel."""
        slide = self.workspace.active
        assert slide is not None
        x0, y0, x1, y1 = self.workspace.view_box(slide)
        at = QPoint(
            round((x - x0) / (x1 - x0) * self.canvas.width()), round((y - y0) / (y1 - y0) * self.canvas.height())
        )
        QTest.mouseMove(self.canvas, at)
        QTest.mouseClick(self.canvas, Qt.MouseButton.LeftButton, pos=at)

    def settle(self) -> None:
        comparison, cells = Comparison.of(self.viewer), self.workspace.cell_layers
        self.qtbot.waitUntil(
            lambda: (
                all(layer.loaded for layer in self.viewer.layers) and not comparison.approximate and not cells.pending
            ),
            timeout=LONG,
        )

    def look(self, name: str) -> np.ndarray:
        """Take a screenshot of the window, which has not grown."""
        QApplication.processEvents()
        self.settle()
        window = self.viewer.window._qt_window
        assert (window.width(), window.height()) == SCREEN
        self.steps += 1
        pixels: np.ndarray = self.viewer.screenshot(
            str(self.images / f"{self.story}-{self.steps}-{name}.png"), canvas_only=False, flash=False
        )
        return pixels
