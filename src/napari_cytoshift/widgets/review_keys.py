"""The keys of the review: live over the canvas and in the dock while the review is on, and only then."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import NamedTuple

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QDialog, QFormLayout, QLabel, QMainWindow, QVBoxLayout, QWidget


class Key(NamedTuple):
    """A key, what it does in words, and what is called."""

    sequence: str
    words: str
    action: Callable[[], object]


class ReviewKeys:
    """Shortcuts of the canvas and of a dock.

    They act before napari's own keys and take nothing from them: a shortcut that is off is as if it were not there.
    Text fields keep their keys, for Qt asks the field first.
    """

    def __init__(self, dock: QWidget, keys: tuple[Key, ...]) -> None:
        self.keys = keys
        self._dock = dock
        self._shortcuts: list[QShortcut] = []
        self._window: weakref.ref[QMainWindow] | None = None  # a strong one would keep the closed viewer

    @property
    def on(self) -> bool:
        """Whether the keys are live."""
        return any(shortcut.isEnabled() for shortcut in self._shortcuts)

    def set_on(self, on: bool) -> None:
        """Make the keys live, or let napari have them back."""
        window = main_window(self._dock)
        known = None if self._window is None else self._window()
        if on and window is not None and window is not known:
            self._make(window)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(on)

    def _make(self, window: QMainWindow) -> None:
        for shortcut in self._shortcuts:
            shortcut.deleteLater()
        self._window, self._shortcuts = weakref.ref(window), []
        for place in (window.centralWidget(), self._dock):
            for key in self.keys:
                shortcut = QShortcut(QKeySequence(key.sequence), place)
                if key.sequence == "?":  # some keyboards hold Shift for it, some do not
                    shortcut.setKeys([QKeySequence("?"), QKeySequence("Shift+?")])
                shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                shortcut.activated.connect(key.action)
                self._shortcuts.append(shortcut)


def main_window(widget: QWidget) -> QMainWindow | None:
    """Return the main window that a widget belongs to, also when its dock floats."""
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


def show_sheet(parent: QWidget, keys: tuple[Key, ...]) -> QDialog:
    """Show the keys in a small window that blocks nothing."""
    sheet = QDialog(parent)
    sheet.setWindowTitle("Keys of the review")
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    form = QFormLayout()
    form.setHorizontalSpacing(24)
    for key in keys:
        name = QLabel(QKeySequence(key.sequence).toString(QKeySequence.SequenceFormat.NativeText))
        font = name.font()
        font.setBold(True)
        name.setFont(font)
        form.addRow(name, QLabel(key.words))
    layout = QVBoxLayout(sheet)
    layout.addLayout(form)
    layout.addWidget(QLabel("Live while the Review dock is in front; text fields keep their keys."))
    sheet.show()
    return sheet
